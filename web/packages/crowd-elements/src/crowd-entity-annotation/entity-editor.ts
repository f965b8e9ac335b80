/** What can be done with the entities of one text, whoever asks for it: pointer, keys, panes or the tool bar. */

import {
  type EntityLabel,
  type Range_,
  type Span,
  SpanStore,
  labelColors,
  trimRange,
} from "@labelwright/annotation-core";

import { msg } from "../base/messages.js";

export interface EntityEditorHost {
  /** Something that is shown has changed. */
  refresh(): void;
  /** The selected entity, or the list of entities, is another one. */
  selectionMoved(id: number): void;
  /** Entities were added, edited or deleted. */
  changed(): void;
  /** Said to those who do not see the text. */
  announce(text: string): void;
  /** What is selected in the text without having been labelled yet. */
  selection(): Range_ | null;
  clearSelection(): void;
}

const NO_COLOR = "#7f7f7f";
/** A passage is told of by its beginning. */
const LONGEST_QUOTE = 80;

export class EntityEditor {
  readonly store: SpanStore;
  readonly hiddenLabels = new Set<string>();
  readonly #host: EntityEditorHost;
  isHidden = false;
  isLocked = false;
  text = "";
  #labels: readonly EntityLabel[] = [];
  #colors = new Map<string, string>();
  #current: string | null = null;
  #last: string | null = null;
  #pending: Range_ | null = null;

  constructor(host: EntityEditorHost) {
    this.#host = host;
    this.store = new SpanStore((what) => {
      host.refresh();
      const { selectedId } = this.store;
      if (what === "selection" || selectedId !== null) host.selectionMoved(selectedId ?? -1);
    });
  }

  // ---- labels --------------------------------------------------------------------------------------------------

  get labels(): readonly EntityLabel[] {
    return this.#labels;
  }

  get names(): string[] {
    return this.#labels.map(({ fullDisplayName }) => fullDisplayName);
  }

  /** The label that the next passage gets; null: the worker is asked. */
  get currentLabel(): string | null {
    return this.#current;
  }

  setLabels(labels: readonly EntityLabel[]): void {
    this.#labels = labels;
    const colors = labelColors(labels.length);
    this.#colors = new Map(labels.map(({ label }, i) => [label, colors[i]!]));
    if (this.#current !== null && !this.isKnown(this.#current)) this.#current = null;
    if (labels.length === 1) this.#current = labels[0]!.label;
    this.#host.refresh();
  }

  isKnown(label: string): boolean {
    return this.#colors.has(label);
  }

  colorOf(label: string): string {
    return this.#colors.get(label) ?? NO_COLOR;
  }

  labelOf(label: string): EntityLabel | undefined {
    return this.#labels.find((known) => known.label === label);
  }

  nameOf(label: string): string {
    return this.labelOf(label)?.fullDisplayName ?? label;
  }

  /** For what is selected, else for the selected entity, else for what comes. */
  chooseLabel(index: number): void {
    const label = this.#labels[index]?.label;
    if (label === undefined || this.isLocked) return;
    const { selected } = this.store;
    const range = this.#pending ?? this.#host.selection();
    if (range) this.mark(range, label);
    else if (selected && this.isKnown(selected.label)) {
      if (selected.label === label) return;
      this.#last = label;
      this.store.relabel(selected.id, label);
      this.#host.announce(msg().entityLabeled(this.nameOf(label), this.quote(selected)));
      this.#host.changed();
    } else {
      this.#current = this.#current === label && this.#labels.length > 1 ? null : label;
      this.#host.announce(this.#current === null ? msg().noLabelChosen : this.nameOf(label));
      this.#host.refresh();
    }
  }

  /** The label used last in this text. */
  get lastLabel(): string | null {
    return this.#last !== null && this.isKnown(this.#last) ? this.#last : null;
  }

  /** False: this label is not offered here. */
  repeatLabel(label: string | null): boolean {
    const at = this.#labels.findIndex((known) => known.label === label);
    if (at < 0) return false;
    // Choosing the current label lets go of it, which is not what repeating means.
    const isCurrent = label === this.#current && !this.#pending && !this.#host.selection() && !this.store.selected;
    if (!isCurrent) this.chooseLabel(at);
    return true;
  }

  letGoOfLabel(): boolean {
    if (this.#current === null || this.#labels.length < 2) return false;
    this.#current = null;
    this.#host.refresh();
    return true;
  }

  // ---- entities ------------------------------------------------------------------------------------------------

  /** The spans that count: those whose label is offered. The others come back with their label. */
  kept(): Span[] {
    return this.store.all.filter(({ label }) => this.isKnown(label));
  }

  shown(): Span[] {
    return this.isHidden ? [] : this.kept().filter(({ label }) => !this.hiddenLabels.has(label));
  }

  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { label } of this.kept()) counts.set(label, (counts.get(label) ?? 0) + 1);
    return counts;
  }

  /** The passage that waits for a label. */
  get pending(): Range_ | null {
    return this.#pending;
  }

  /** The passage as one short line. */
  quote({ start, end }: Range_): string {
    const text = this.text.slice(start, Math.min(end, start + LONGEST_QUOTE)).replace(/\s+/g, " ");
    return end > start + LONGEST_QUOTE ? `${text}…` : text;
  }

  /** A passage was selected. `isAsking`: which label is asked even if one is current. */
  passage(given: Range_, isAsking: boolean): void {
    const range = this.isLocked ? null : trimRange(this.text, given.start, given.end);
    if (!range) return;
    this.isHidden = false;
    if (this.#current !== null && !isAsking) return this.mark(range, this.#current);
    this.store.select(null);
    this.#setPending(range);
  }

  mark(range: Range_, label: string): void {
    const before = this.store.all.length;
    this.#last = label;
    this.hiddenLabels.delete(label);
    const span = this.store.add({ label, ...range });
    this.#setPending(null);
    this.#host.clearSelection();
    this.#host.announce(msg().entityLabeled(this.nameOf(label), this.quote(span)));
    if (this.store.all.length !== before) this.#host.changed();
  }

  /** The answer to the question which label. */
  pick(label: string): void {
    if (this.#pending) this.mark(this.#pending, label);
  }

  cancelAsking(): void {
    this.#setPending(null);
    this.#host.clearSelection();
  }

  dropPending(): void {
    this.#setPending(null);
  }

  #setPending(range: Range_ | null): void {
    this.#pending = range;
    this.#host.refresh();
  }

  /** A click goes to the shortest entity there, the next one to the entity around it. */
  click(spans: readonly Span[]): void {
    const at = spans.findIndex(({ id }) => id === this.store.selectedId);
    this.store.select(spans.length ? spans[(at + 1) % spans.length]!.id : null);
  }

  remove(id: number | null): void {
    if (this.isLocked || id === null) return;
    this.store.remove([id]);
    this.#host.announce(msg().entityDeleted);
    this.#host.changed();
  }

  undo(isBack: boolean): void {
    this.#setPending(null);
    if (!(isBack ? this.store.undo() : this.store.redo())) return;
    this.#host.announce(isBack ? msg().undone : msg().redone);
    this.#host.changed();
  }

  // ---- visibility ----------------------------------------------------------------------------------------------

  toggleLabel(label: string): void {
    if (!this.hiddenLabels.delete(label)) this.hiddenLabels.add(label);
    this.#host.refresh();
  }

  /** Of the selected entity, else the current one. False: there is none. */
  toggleCurrentLabel(): boolean {
    const label = this.store.selected?.label ?? this.#current;
    if (label !== null) this.toggleLabel(label);
    return label !== null;
  }

  toggleAll(): void {
    this.isHidden = !this.isHidden;
    this.#host.refresh();
  }
}
