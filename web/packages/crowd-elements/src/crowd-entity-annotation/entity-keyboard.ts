/** Marking a text by keyboard: what each key does, in the text and outside of it. */

import {
  type Range_,
  type Span,
  type SpanStore,
  spansAt,
  trimRange,
  wordAt,
} from "@labelwright/annotation-core";

import type { TextView } from "../base/text-view.js";
import { labelOfKey } from "./entity-keys.js";

/** What the keyboard works on. */
export interface EntityDesk {
  readonly text: string;
  readonly store: SpanStore;
  readonly labelCount: number;
  view(): TextView | null;
  /** The spans that count. */
  kept(): Span[];
  chooseLabel(index: number): void;
  /** Drops what is under way, the innermost first. False: there was nothing. */
  escape(): boolean;
  select(range: Range_): void;
  click(spans: readonly Span[]): void;
  show(span: Span): void;
  remove(id: number): void;
  undo(isBack: boolean): void;
  toggleHidden(): void;
  say(text: string): void;
}

export class EntityKeyboard {
  constructor(private readonly desk: EntityDesk) {}

  /** True: the key was for us. */
  onKey(event: KeyboardEvent, isOnText: boolean): boolean {
    const { desk } = this;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "z" || key === "y") {
        desk.undo(key === "z" && !event.shiftKey);
        return true;
      }
    } else if (!event.altKey) {
      if (key === "escape") return desk.escape();
      if ((key === "delete" || key === "backspace") && this.#delete(isOnText)) return true;
      if (key === "h") {
        desk.toggleHidden();
        return true;
      }
      const label = labelOfKey(event.key);
      if (label >= 0 && label < desk.labelCount) {
        desk.chooseLabel(label);
        return true;
      }
    }
    return isOnText && this.#onTextKey(event);
  }

  /** What is selected in the text without having been labelled yet. */
  selection(): Range_ | null {
    const { store, text } = this.desk;
    const range = this.desk.view()?.range;
    return range && store.selectedId === null ? trimRange(text, range.start, range.end) : null;
  }

  #onTextKey(event: KeyboardEvent): boolean {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.key === "Tab") return this.#goToNext(event.shiftKey ? -1 : 1);
      if (event.key === " ") return this.#selectWord();
      if (event.key === "Enter") return this.#enter();
    }
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
