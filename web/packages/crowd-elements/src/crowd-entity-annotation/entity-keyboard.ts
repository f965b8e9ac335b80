/** Marking a text by keyboard: what each key does, in the text and outside of it. */

import { type Range_, type Span, type SpanStore, spansAt, trimRange, wordAt } from "@labelwright/annotation-core";

import { type KeyGroup, labelKeys } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { caretKeys } from "../base/text-keys.js";
import type { TextView } from "../base/text-view.js";
import { labelKey } from "./entity-keys.js";

/** What the keyboard works on. */
export interface EntityDesk {
  readonly text: string;
  readonly store: SpanStore;
  /** Names of the labels, in their order. */
  readonly labelNames: readonly string[];
  view(): TextView | null;
  /** The spans that count. */
  kept(): Span[];
  chooseLabel(index: number): void;
  repeatLabel(): void;
  toggleLabel(): boolean;
  /** Drops what is under way, the innermost first. False: there was nothing. */
  escape(): boolean;
  select(range: Range_): void;
  click(spans: readonly Span[]): void;
  show(span: Span): void;
  remove(id: number): void;
  undo(isBack: boolean): void;
  toggleHidden(): void;
  say(text: string): void;
  /** The text has the focus. */
  isOnText(event: KeyboardEvent): boolean;
}

export class EntityKeyboard {
  constructor(private readonly desk: EntityDesk) {}

  /** Every key of the tool. */
  groups(): KeyGroup[] {
    const { desk } = this;
    const m = msg();
    const inText =
      (act: (event: KeyboardEvent) => boolean | void) =>
      (event: KeyboardEvent): boolean | void =>
        desk.isOnText(event) ? act(event) : false;
    return [
      {
        title: m.keysOfLabels,
        keys: [
          ...labelKeys(desk.labelNames, labelKey, (i) => desk.chooseLabel(i)),
          { shown: [], text: m.keyEntityLabel },
          { keys: ["."], text: m.keyRepeat, run: () => desk.repeatLabel() },
          { keys: ["Shift+H"], text: m.keyHideLabel, run: () => desk.toggleLabel() },
        ],
      },
      {
        title: m.entities,
        keys: [
          { shown: [m.keyMouseDrag], text: m.keyMark },
          { shown: [m.keyDoubleClick], text: m.keyMarkWord },
          { keys: ["Tab"], text: m.keyNextEntity, run: inText(() => this.#goToNext(1)) },
          { keys: ["Shift+Tab"], text: m.keyPreviousEntity, run: inText(() => this.#goToNext(-1)) },
          { keys: ["Enter"], text: m.keyEnterEntity, run: inText(() => this.#enter()) },
          {
            keys: ["Delete", "Backspace"],
            text: m.keyDeleteEntity,
            run: (event) => this.#delete(desk.isOnText(event)),
          },
          { keys: ["Escape"], text: m.keyEscapeEntity, run: () => desk.escape() },
          { keys: ["Ctrl+Z"], text: m.undo, run: () => desk.undo(true) },
          { keys: ["Ctrl+Y", "Ctrl+Shift+Z"], text: m.redo, run: () => desk.undo(false) },
          { keys: ["H"], text: m.keyHideEntities, run: () => desk.toggleHidden() },
        ],
      },
      {
        title: m.keysOfText,
        keys: [
          ...caretKeys(inText((event) => this.#moveCaret(event))),
          { keys: [" "], text: m.keyWord, run: inText(() => this.#selectWord()) },
        ],
      },
    ];
  }

  /** What is selected in the text without having been labelled yet. */
  selection(): Range_ | null {
    const { store, text } = this.desk;
    const range = this.desk.view()?.range;
    return range && store.selectedId === null ? trimRange(text, range.start, range.end) : null;
  }

  #moveCaret(event: KeyboardEvent): boolean {
    if (!this.desk.view()?.onKey(event)) return false;
    this.desk.store.select(null);
    return true;
  }

  #delete(isOnText: boolean): boolean {
    const { store } = this.desk;
    const isCaret = isOnText && store.selectedId === null && !this.selection();
    const under = isCaret ? spansAt(this.desk.kept(), this.desk.view()!.caret)[0] : null;
    const id = store.selectedId ?? under?.id;
    if (id === undefined) return false;
    this.desk.remove(id);
    return true;
  }

  #goToNext(step: 1 | -1): boolean {
    const kept = this.desk.kept();
    const { selected } = this.desk.store;
    const caret = this.desk.view()!.caret;
    let at: number;
    if (selected) at = kept.indexOf(selected) + step;
    else if (step > 0) at = kept.findIndex(({ start }) => start >= caret);
    else at = kept.findLastIndex(({ start }) => start < caret);
    const next = kept[at];
    // After the last one the key does what it always does, so that nobody is trapped here.
    if (!next) return false;
    this.desk.show(next);
    return true;
  }

  #selectWord(): boolean {
    const { text } = this.desk;
    const view = this.desk.view()!;
    const { start, end } = view.range;
    const isMore = start < end;
    const space = isMore ? (/^\s+/.exec(text.slice(end, end + 256))?.[0].length ?? 0) : 0;
    const word = wordAt(text, end + space);
    if (!word) return true;
    this.desk.store.select(null);
    const range = { start: isMore ? start : word.start, end: word.end };
    view.select(range);
    this.desk.say(text.slice(range.start, range.end));
    return true;
  }

  #enter(): boolean {
    const range = this.selection();
    const under = range ? [] : spansAt(this.desk.kept(), this.desk.view()!.caret);
    if (range) this.desk.select(range);
    else if (under.length) this.desk.click(under);
    else this.#selectWord();
    return true;
  }
}
