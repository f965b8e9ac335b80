/**
 * The annotations of one image: shapes in creation order, one selection, and a history of change sets.
 *
 * Every edit goes through `apply`. A change set lists each touched shape before and after, so undoing is applying it
 * backwards; nothing is copied but what changed. Movements in progress are shown with `preview` and reach the history
 * only once, when they end.
 */

import { type NewShape, type Shape, sameShape } from "./shapes.js";

export interface Change {
  /** Absent: the shape is new. */
  readonly before?: Shape;
  /** Absent: the shape is removed. */
  readonly after?: Shape;
  /** Position in creation order of a shape that comes or goes. */
  readonly index?: number;
}

export interface ChangeSet {
  readonly changes: readonly Change[];
  readonly selectedBefore: number | null;
  readonly selectedAfter: number | null;
  /** Consecutive change sets with the same key become one undo step (a held arrow key, say). */
  readonly mergeKey?: string;
}

export type StoreEvent =
  | { readonly type: "content"; readonly ids: readonly number[] }
  | { readonly type: "preview"; readonly id: number | null }
  | { readonly type: "selection"; readonly id: number | null };

export class AnnotationStore {
  #order: number[] = [];
  readonly #shapes = new Map<number, Shape>();
  #undo: ChangeSet[] = [];
  #redo: ChangeSet[] = [];
  #selected: number | null = null;
  #preview: Shape | null = null;
  #nextId = 1;
  readonly #listeners = new Set<(event: StoreEvent) => void>();

  get size(): number {
    return this.#order.length;
  }

  get canUndo(): boolean {
    return this.#undo.length > 0;
  }

  get canRedo(): boolean {
    return this.#redo.length > 0;
  }

  get selectedId(): number | null {
    return this.#selected;
  }

  /** The selected shape, as it looks now (a movement in progress included). */
  get selected(): Shape | null {
    return this.#selected === null ? null : this.get(this.#selected);
  }

  get preview(): Shape | null {
    return this.#preview;
  }

  /** All shapes in creation order, without the movement in progress. */
  all(): Shape[] {
    return this.#order.map((id) => this.#shapes.get(id)!);
  }

  get(id: number): Shape | null {
    return this.#preview?.id === id ? this.#preview : (this.#shapes.get(id) ?? null);
  }

  indexOf(id: number): number {
    return this.#order.indexOf(id);
  }

  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replaces everything and forgets the history: for initial values and restored drafts. */
  load(shapes: readonly NewShape[]): void {
    const old = this.#order;
    this.#order = [];
    this.#shapes.clear();
    this.#undo = [];
    this.#redo = [];
    this.#selected = null;
    this.#preview = null;
    for (const shape of shapes) {
      const id = this.#nextId++;
      this.#shapes.set(id, { ...shape, id } as Shape);
      this.#order.push(id);
    }
    this.#emit({ type: "content", ids: [...old, ...this.#order] });
  }

  add(shape: NewShape): Shape {
    const added = { ...shape, id: this.#nextId++ } as Shape;
    this.#commit([{ after: added, index: this.#order.length }], added.id);
    return added;
  }

  /** Several new shapes as one undo step; none of them is selected. */
  addAll(shapes: readonly NewShape[]): Shape[] {
    const added = shapes.map((shape) => ({ ...shape, id: this.#nextId++ }) as Shape);
    const first = this.#order.length;
    if (added.length)
      this.#commit(
        added.map((after, i) => ({ after, index: first + i })),
        null,
      );
    return added;
  }

  /** Puts a changed shape in place of the one with its id. Nothing happens if it is gone or equal in every field. */
  update(shape: Shape, mergeKey?: string): void {
    const before = this.#shapes.get(shape.id);
    if (!before || sameShape(before, shape)) {
      this.setPreview(null);
      return;
    }
    this.#commit([{ before, after: shape }], this.#selected, mergeKey);
  }

  /** Several replacements as one undo step. */
  updateAll(shapes: readonly Shape[]): void {
    const changes: Change[] = [];
    for (const shape of shapes) {
      const before = this.#shapes.get(shape.id);
      if (before && !sameShape(before, shape)) changes.push({ before, after: shape });
    }
    if (changes.length) this.#commit(changes, this.#selected);
  }

  remove(ids: readonly number[]): void {
    const changes: Change[] = [];
    for (const id of ids) {
      const before = this.#shapes.get(id);
      if (before) changes.push({ before, index: this.#order.indexOf(id) });
    }
    if (!changes.length) return;
    // Taken out from the back, so that each position is still right when undo puts them in again from the front.
    changes.sort((a, b) => b.index! - a.index!);
    this.#commit(changes, this.#selected !== null && ids.includes(this.#selected) ? null : this.#selected);
  }

  select(id: number | null): void {
    if (id !== null && !this.#shapes.has(id)) id = null;
    if (id === this.#selected) return;
    this.#selected = id;
    this.#preview = null;
    this.#emit({ type: "selection", id });
  }

  /** Shows a shape otherwise than stored, until `update` makes it so or `setPreview(null)` drops it. */
  setPreview(shape: Shape | null): void {
    if (shape === null && this.#preview === null) return;
    this.#preview = shape;
    this.#emit({ type: "preview", id: shape?.id ?? null });
  }

  undo(): boolean {
    const set = this.#undo.pop();
    if (!set) return false;
    this.#redo.push(set);
    for (let i = set.changes.length - 1; i >= 0; i--) this.#put(set.changes[i]!, true);
    this.#finish(set, set.selectedBefore);
    return true;
  }

  redo(): boolean {
    const set = this.#redo.pop();
    if (!set) return false;
    this.#undo.push(set);
    for (const change of set.changes) this.#put(change, false);
    this.#finish(set, set.selectedAfter);
    return true;
  }

  #commit(changes: readonly Change[], selectedAfter: number | null, mergeKey?: string): void {
    const last = this.#undo.at(-1);
    const set: ChangeSet = { changes, selectedBefore: this.#selected, selectedAfter, mergeKey };
    for (const change of changes) this.#put(change, false);
    if (mergeKey !== undefined && last?.mergeKey === mergeKey && !this.#redo.length) {
      this.#undo[this.#undo.length - 1] = {
        ...set,
        changes: [{ before: last.changes[0]!.before, after: changes[0]!.after }],
        selectedBefore: last.selectedBefore,
      };
    } else {
      this.#undo.push(set);
    }
    this.#redo = [];
    this.#finish(set, selectedAfter);
  }

  #put(change: Change, backwards: boolean): void {
    const [from, to] = backwards ? [change.after, change.before] : [change.before, change.after];
    if (to) {
      this.#shapes.set(to.id, to);
      if (!from) this.#order.splice(change.index ?? this.#order.length, 0, to.id);
    } else if (from) {
      this.#shapes.delete(from.id);
      this.#order.splice(this.#order.indexOf(from.id), 1);
    }
  }

  #finish(set: ChangeSet, selected: number | null): void {
    this.#preview = null;
    const changed = selected !== this.#selected;
    this.#selected = selected !== null && this.#shapes.has(selected) ? selected : null;
    this.#emit({ type: "content", ids: set.changes.map((change) => (change.after ?? change.before)!.id) });
    if (changed) this.#emit({ type: "selection", id: this.#selected });
  }

  #emit(event: StoreEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
