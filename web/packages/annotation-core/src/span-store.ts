/** The spans of one text with selection and endless undo. States are immutable, so undoing is putting one back. */

import { type NewSpan, type Span, compareSpans, isIn } from "./spans.js";

interface State {
  readonly spans: readonly Span[];
  readonly selected: number | null;
}

export class SpanStore {
  #state: State = { spans: [], selected: null };
  #undo: State[] = [];
  #redo: State[] = [];
  #nextId = 1;

  constructor(private readonly changed: (what: "content" | "selection") => void = () => {}) {}

  /** All spans in the order of the text. The list is a new one after every change. */
  get all(): readonly Span[] {
    return this.#state.spans;
  }

  get selectedId(): number | null {
    return this.#state.selected;
  }

  get selected(): Span | null {
    return this.get(this.#state.selected);
  }

  get canUndo(): boolean {
    return this.#undo.length > 0;
  }

  get canRedo(): boolean {
    return this.#redo.length > 0;
  }

  get(id: number | null): Span | null {
    return this.#state.spans.find((span) => span.id === id) ?? null;
  }

  /** Replaces everything and forgets the history: for initial values. */
  load(spans: readonly NewSpan[]): void {
    this.#undo = [];
    this.#redo = [];
    this.#state = { spans: this.#withIds(spans), selected: null };
    this.changed("content");
  }

  /** Replaces everything as one step that can be undone: for restored drafts and "nothing to label". */
  replaceAll(spans: readonly NewSpan[]): void {
    this.#commit({ spans: this.#withIds(spans), selected: null });
  }

  #withIds(spans: readonly NewSpan[]): Span[] {
    return spans.map((span) => ({ ...span, id: this.#nextId++ })).sort(compareSpans);
  }

  /** Adds a span and selects it. One that is there already is only selected. */
  add(span: NewSpan): Span {
    const twin = this.#state.spans.find((other) => isIn([other], span));
    if (twin) {
      this.select(twin.id);
      return twin;
    }
    const added = { ...span, id: this.#nextId++ };
    this.#commit({ spans: [...this.#state.spans, added].sort(compareSpans), selected: added.id });
    return added;
  }

  /** Gives a span another label. If the passage has that label already, the two become one. */
  relabel(id: number, label: string): void {
    const before = this.get(id);
    if (!before || before.label === label) return;
    const after = { ...before, label };
    const rest = this.#state.spans.filter((span) => span.id !== id);
    const twin = rest.find((other) => isIn([other], after));
    const spans = twin ? rest : [...rest, after].sort(compareSpans);
    this.#commit({ spans, selected: twin?.id ?? id });
  }

  remove(ids: readonly number[]): void {
    const spans = this.#state.spans.filter((span) => !ids.includes(span.id));
    if (spans.length === this.#state.spans.length) return;
    const { selected } = this.#state;
    this.#commit({ spans, selected: selected !== null && ids.includes(selected) ? null : selected });
  }

  select(id: number | null): void {
    const selected = this.get(id) ? id : null;
    if (selected === this.#state.selected) return;
    this.#state = { ...this.#state, selected };
    this.changed("selection");
  }

  undo(): boolean {
    return this.#step(this.#undo, this.#redo);
  }

  redo(): boolean {
    return this.#step(this.#redo, this.#undo);
  }

  #step(from: State[], to: State[]): boolean {
    const state = from.pop();
    if (!state) return false;
    to.push(this.#state);
    this.#state = state;
    this.changed("content");
    return true;
  }

  #commit(state: State): void {
    this.#undo.push(this.#state);
    this.#redo = [];
    this.#state = state;
    this.changed("content");
  }
}
