/** A small list of labels over the image: which label shall this shape have? */

import type { Point, Size } from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { TemplateResult } from "lit";

import { type KeyGroup, digitKey, labelKeys } from "./keys.js";
import { msg } from "./messages.js";
import { FILTER_FROM } from "./single-choice.js";

export interface LabelPickerView {
  readonly labels: readonly string[];
  readonly filter: string;
  /** Where on the stage, in screen pixels; the picker keeps itself inside. */
  readonly x: number;
  readonly y: number;
  colorOf(label: string): string;
  /** The label used last, which `.` takes. */
  readonly last?: string | null;
  /** The label's name for people; otherwise the label itself. */
  nameOf?(label: string): string;
  /** The key of the i-th label; otherwise the first ten have digits. */
  keyOf?(index: number): string | null;
  onFilter(text: string): void;
  onPick(label: string): void;
  onCancel(): void;
}

export function labelPicker(view: LabelPickerView): TemplateResult {
  const wanted = view.filter.trim().toLowerCase();
  const nameOf = (label: string): string => view.nameOf?.(label) ?? label;
  const keyOf = (i: number): string | null => (view.keyOf ? view.keyOf(i) : digitKey(i));
  const shown = view.labels
    .map((label, i) => ({ label, i }))
    .filter(({ label }) => nameOf(label).toLowerCase().includes(wanted));
  const onKey = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const entries = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(".pick")];
    const at = entries.indexOf(event.target as HTMLElement);
    const isTyping = event.target instanceof HTMLInputElement && (view.filter !== "" || !/^[0-9]$/.test(event.key));
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping;
    const byKey = isPlain ? view.labels.findIndex((_, i) => keyOf(i)?.toLowerCase() === event.key.toLowerCase()) : -1;
    if (event.key === "Escape") view.onCancel();
    else if (isPlain && event.key === "." && view.last != null) view.onPick(view.last);
    else if (byKey >= 0) view.onPick(view.labels[byKey]!);
    else if (event.key === "ArrowDown") entries[Math.min(entries.length - 1, at + 1)]?.focus();
    else if (event.key === "ArrowUp") entries[Math.max(0, at - 1)]?.focus();
    else if (event.key === "Enter" && at < 0 && shown[0]) view.onPick(shown[0].label);
    else return;
    event.preventDefault();
  };
  return html`<div class="picker" role="dialog" aria-label=${msg().chooseLabelFor} data-no-draw
    style="left: ${view.x}px; top: ${view.y}px" @keydown=${onKey} @pointerdown=${(event: Event) => event.stopPropagation()}>
    <strong>${msg().chooseLabelFor}</strong>
    ${
      view.labels.length >= FILTER_FROM
        ? html`<input class="field" type="search" data-no-enter placeholder=${msg().filterChoices} aria-label=${msg().filterChoices}
          @input=${(event: Event) => {
            event.stopPropagation();
            view.onFilter((event.target as HTMLInputElement).value);
          }} />`
        : nothing
    }
    <div class="picks">
      ${shown.map(
        ({ label, i }) => html`<button class="pick" type="button" @click=${() => view.onPick(label)}>
        <span class="chip" style="background: ${view.colorOf(label)}"></span><span class="name">${nameOf(label)}</span>
        ${label === view.last ? html`<kbd title=${msg().keyRepeat}>.</kbd>` : nothing}
        ${keyOf(i) === null ? nothing : html`<kbd>${keyOf(i)}</kbd>`}</button>`,
      )}
    </div>
  </div>`;
}

/** Keys pressed while the question is open but has not got the focus. */
export function pickerKeys(view: Pick<LabelPickerView, "labels" | "last" | "onPick" | "onCancel">): KeyGroup {
  const { labels, last } = view;
  return {
    title: msg().chooseLabelFor,
    keys: [
      ...labelKeys(labels, digitKey, (i) => view.onPick(labels[i]!)),
      ...(last == null ? [] : [{ keys: ["."], text: msg().keyRepeat, run: () => view.onPick(last) }]),
      { keys: ["Escape"], text: msg().cancel, run: () => view.onCancel() },
    ],
  };
}

const SIZE = { width: 236, height: 316 };
const MARGIN = 8;

/** Where the picker stands so that all of it is in view; above `above` when there is no room below the wanted place. */
export function insidePicker(wanted: Point, view: Size, above: number | null = null): Point {
  const inside = (value: number, room: number, size: number): number =>
    Math.max(MARGIN, Math.min(value, room - size - MARGIN));
  const hasRoom = above === null || wanted.y + SIZE.height < view.height;
  return {
    x: inside(wanted.x, view.width, SIZE.width),
    y: inside(hasRoom ? wanted.y : above! - SIZE.height, view.height, SIZE.height),
  };
}

/** Focus goes to the filter if there is one, else to the first label. */
export function focusPicker(root: ParentNode): void {
  root.querySelector<HTMLElement>(".picker input, .picker .pick")?.focus();
}

export const labelPickerStyles = css`
  .picker {
    position: absolute;
    z-index: 4;
    display: flex;
    flex-direction: column;
    gap: 6px;
    width: 220px;
    max-height: 300px;
    padding: 10px 8px 8px;
    border: 1px solid var(--lw-line);
    border-radius: var(--lw-radius);
    background: var(--lw-bg-raised);
    box-shadow: var(--lw-shadow);
    cursor: default;
  }
  .picker strong {
    padding: 0 6px;
    color: var(--lw-text-soft);
    font: 650 12px/1.4 var(--lw-font);
  }
  .picks {
    overflow: auto;
  }
  .pick {
    appearance: none;
    display: flex;
    align-items: center;
    gap: 9px;
    width: 100%;
    min-height: 32px;
    padding: 4px 6px;
    border: 0;
    border-radius: var(--lw-radius-small);
    background: none;
    color: var(--lw-text);
    font: 500 13.5px/1.3 var(--lw-font);
    text-align: start;
    cursor: pointer;
  }
  .pick:hover,
  .pick:focus-visible {
    background: var(--lw-bg-hover);
    outline: none;
    box-shadow: inset 0 0 0 2px var(--lw-accent);
  }
  .pick:hover:not(:focus-visible) {
    box-shadow: none;
  }
`;
