/**
 * Keys as data: which chords, what they do, and the words for it. A widget gives one table; the keys that work and the
 * list that `?` shows both come from it.
 */

import { html } from "lit";
import type { TemplateResult } from "lit";

import { msg } from "./messages.js";
import { modal } from "./modal.js";

export interface KeyBinding {
  /**
   * Any of these: `H`, `Ctrl+Z` (on a Mac the command key), `Shift+Tab`, `Alt+Enter`, `ArrowLeft`. Letters mean both cases.
   * Without `Shift+` it does not matter whether Shift is held, unless another chord asks for it.
   */
  readonly keys: readonly string[];
  readonly text: string;
  /** Gets the place of the chord in `keys`. False: nothing to do now, and the key stays free for others. */
  readonly run: (event: KeyboardEvent, index: number) => boolean | void;
  /** Shown in place of `keys`. */
  readonly shown?: readonly string[];
  /** A second way to the same, not worth a line of the list. */
  readonly isUnlisted?: boolean;
}

/** Something done with the pointer, or by the page around; only told of in the list. */
export interface KeyNote {
  readonly shown: readonly string[];
  readonly text: string;
}

export interface KeyGroup {
  readonly title: string;
  readonly keys: readonly (KeyBinding | KeyNote)[];
}

const TEXT_FIELDS =
  "input:not([type=checkbox],[type=radio],[type=button],[type=submit],[type=reset],[type=range],[type=color],[type=image]),textarea,select";
const CONTROLS = "button,a[href],summary,input,select,textarea,[role=option],[role=radio]";

export const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");

/** The name of the command key on this machine. */
export const CTRL = isMac ? "⌘" : "Ctrl";

/** Whether the key goes into text that somebody writes. */
export function isTyping(event: Event): boolean {
  const target = event.composedPath()[0];
  return (
    target instanceof Element &&
    (target.matches(TEXT_FIELDS) || (target instanceof HTMLElement && target.isContentEditable))
  );
}

/** Whether the key would press or move the control that has the focus. */
export function isOnControl(event: Event): boolean {
  const target = event.composedPath()[0];
  return target instanceof Element && target.matches(CONTROLS);
}

interface Chord {
  readonly key: string;
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
}

const parsed = new Map<string, Chord>();

function chordOf(text: string): Chord {
  let chord = parsed.get(text);
  if (!chord) {
    const parts = text.length > 1 ? text.replace(/\+\+$/, "+plus").split("+") : [text];
    const last = parts.pop()!;
    const key = last === "plus" ? "+" : last === "Space" ? " " : last;
    chord = {
      key: lower(key),
      ctrl: parts.includes("Ctrl"),
      alt: parts.includes("Alt"),
      shift: parts.includes("Shift"),
    };
    parsed.set(text, chord);
  }
  return chord;
}

function lower(key: string): string {
  return key.length === 1 ? key.toLowerCase() : key;
}

/** Runs what the key is bound to. True: it was bound, and did something. */
export function pressKey(groups: readonly KeyGroup[], event: KeyboardEvent): boolean {
  // A character that is typed with AltGr is meant as that character.
  const isAltGr = event.getModifierState("AltGraph");
  const ctrl = !isAltGr && (event.ctrlKey || event.metaKey);
  const alt = !isAltGr && event.altKey;
  const key = lower(event.key);
  const fits = (chord: Chord, shift: boolean): boolean =>
    chord.key === key && chord.ctrl === ctrl && chord.alt === alt && chord.shift === shift;
  // Chords that ask for Shift come first, so that Shift+V is not taken for V.
  for (const shift of event.shiftKey ? [true, false] : [false]) {
    for (const binding of groups.flatMap((group) => group.keys)) {
      if (!("run" in binding)) continue;
      const at = binding.keys.findIndex((text) => fits(chordOf(text), shift));
      if (at >= 0 && binding.run(event, at) !== false) return true;
    }
  }
  return false;
}

const SIGNS: Readonly<Record<string, string>> = {
  ArrowLeft: "←",
  ArrowUp: "↑",
  ArrowRight: "→",
  ArrowDown: "↓",
  Escape: "Esc",
  "-": "−",
};

/** A chord as people read it. */
export function chordText(text: string): string {
  const { key, ctrl, alt, shift } = chordOf(text);
  const name = key === " " ? msg().keySpace : (SIGNS[key] ?? (key.length === 1 ? key.toUpperCase() : key));
  return [ctrl && CTRL, alt && "Alt", shift && "Shift", name].filter(Boolean).join("+");
}

/** One line per label that has a key. */
export function labelKeys(
  names: readonly string[],
  keyOf: (index: number) => string | null,
  choose: (index: number) => boolean | void,
): KeyBinding[] {
  return names.flatMap((text, i) => {
    const key = keyOf(i);
    return key === null ? [] : [{ keys: [key], text, run: () => choose(i) }];
  });
}

/** `1` to `9` and `0` for the first ten. */
export function digitKey(index: number): string | null {
  return index < 10 ? String((index + 1) % 10) : null;
}

export const KEYS_DIALOG = "shortcuts";

/** The dialog with every key of the page, closed. */
export function keysDialog(groups: readonly KeyGroup[]): TemplateResult {
  return modal(
    { id: KEYS_DIALOG, title: msg().keyboardShortcuts, boxClass: "dialog-box wide" },
    html`<div class="key-groups">${groups
      .filter(({ keys }) => keys.length)
      .map(
        ({ title, keys }) => html`<table class="keys"><caption>${title}</caption>
        ${keys
          .filter((entry) => !("isUnlisted" in entry && entry.isUnlisted))
          .map((entry) => {
            const shown = entry.shown ?? ("keys" in entry ? entry.keys.map(chordText) : []);
            return html`<tr><td>${shown.map((key) => html`<kbd>${key}</kbd>`)}</td><td>${entry.text}</td></tr>`;
          })}
      </table>`,
      )}</div>`,
  );
}
