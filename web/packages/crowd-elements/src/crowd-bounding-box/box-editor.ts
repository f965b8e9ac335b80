/** What can be done with the boxes of one image, whoever asks for it: mouse, keys, panes or the tool bar. */

import { type Box, type Point, Scene, type Shape, type Size, type Transform, edit, fitBox } from "@labelwright/annotation-core";

import { msg } from "../base/messages.js";

/** A question over the image: which label for this new box, or for this box that exists? */
export type Asking =
  | { readonly for: "new"; readonly box: Box; readonly byKey: boolean }
  | { readonly for: "old"; readonly shape: Shape };

export interface BoxEditorHost {
  /** Something that is drawn beside the image has changed. */
  refresh(): void;
  /** Something that is drawn on the image has changed. */
  redraw(): void;
  /** Boxes were added, edited or deleted. */
  changed(): void;
  /** Said to those who do not see the image. */
  announce(text: string): void;
  /** The selected box should be seen. */
  reveal(box: Box, margin?: number): void;
}

export class BoxEditor {
  readonly scene = new Scene();
  readonly #host: BoxEditorHost;
  #currentLabel: string | null = null;
  #asking: Asking | null = null;
  /** The box just drawn: choosing a label now means the next box, until the worker takes hold of this one. */
  #freshId: number | null = null;
  /** Runs of one held key are one undo step; this tells them apart. */
  #nudgeRun = 0;

  constructor(host: BoxEditorHost) {
    this.#host = host;
    this.scene.store.subscribe((event) => {
      host.redraw();
      if (event.type === "preview") return;
      if (event.type === "content") host.changed();
      host.refresh();
    });
  }

  // ---- labels --------------------------------------------------------------------------------------------------

  get currentLabel(): string | null {
    return this.#currentLabel;
  }

  get asking(): Asking | null {
    return this.#asking;
  }

  /** Whether the selected box is one that the worker works on, rather than the one just drawn. */
  get isHolding(): boolean {
    const { selectedId } = this.scene.store;
    return selectedId !== null && selectedId !== this.#freshId;
  }

  setLabels(labels: readonly string[], colors: readonly string[]): void {
    this.scene.setLabels(labels, colors);
    if (this.#currentLabel !== null && !labels.includes(this.#currentLabel)) this.#currentLabel = null;
    if (labels.length === 1) this.#currentLabel = labels[0]!;
    const { selected } = this.scene.store;
    if (selected && !this.scene.isKnown(selected)) this.scene.store.select(null);
    this.#host.redraw();
  }

  /** The worker has chosen a label: for the selected box if one is held, and for those that come. */
  chooseLabel(index: number): void {
    const label = this.scene.labels[index];
    if (label === undefined) return;
    this.#currentLabel = label;
    const { store } = this.scene;
    const { selected } = store;
    if (selected && selected.id === this.#freshId) store.select(null);
    else if (selected) store.update({ ...selected, label });
    this.#freshId = null;
    this.#host.announce(label);
    this.#host.redraw();
    this.#host.refresh();
  }

  /** Asks which label a box shall have instead of its own. */
  askFor(shape: Shape): void {
    this.select(shape, true);
    this.#ask({ for: "old", shape });
  }

  /** The answer to the question over the image. */
  pick(label: string): void {
    const asking = this.#asking;
    this.#ask(null);
    if (!asking) return;
    this.#currentLabel = label;
    if (asking.for === "new") this.#add(asking.box, label, asking.byKey);
    else {
      const shape = this.scene.store.get(asking.shape.id);
      if (shape) this.scene.store.update({ ...shape, label });
    }
    this.#host.refresh();
  }

  cancelAsking(): void {
    this.#ask(null);
  }

  #ask(asking: Asking | null): void {
    this.#asking = asking;
    this.#host.redraw();
    this.#host.refresh();
  }

  // ---- boxes ---------------------------------------------------------------------------------------------------

  /** A box without a label yet: it gets the current one, or the worker is asked. */
  draw(box: Box, byKey = false): void {
    this.scene.isAllHidden = false;
    if (this.#currentLabel !== null) this.#add(box, this.#currentLabel, byKey);
    else {
      this.scene.store.select(null);
      if (this.scene.labels.length) this.#ask({ for: "new", box, byKey });
    }
  }

  #add(box: Box, label: string, byKey: boolean): void {
    this.scene.hiddenLabels.delete(label);
    const shape = this.scene.store.add({ kind: "box", label, ...box });
    this.#freshId = byKey ? null : shape.id;
    this.announceShape(shape);
  }

  /** A box in the middle of what is in view, a fifth of it in size. */
  addInView(transform: Transform, view: Size): void {
    const { size } = this.scene;
    const a = transform.toImage({ x: 0, y: 0 });
    const b = transform.toImage({ x: view.width, y: view.height });
    const left = Math.max(0, a.x);
    const top = Math.max(0, a.y);
    const right = Math.min(size.width, b.x);
    const bottom = Math.min(size.height, b.y);
    const side = Math.max(1, Math.min(right - left, bottom - top) / 5);
    this.draw(
      fitBox({ left: (left + right - side) / 2, top: (top + bottom - side) / 2, width: side, height: side }, size),
      true,
    );
  }

  select(shape: Shape | null, reveal: boolean): void {
    this.scene.store.select(shape?.id ?? null);
    this.#freshId = null;
    if (!shape) return this.#host.announce(msg().nothingSelected);
    if (reveal) this.#host.reveal(shape);
    this.announceShape(shape);
  }

  /** The worker took hold of a box that exists: it is no longer the one just drawn. */
  hold(): void {
    this.#freshId = null;
    this.#host.refresh();
  }

  /** The next or previous visible box after the selected one; null past the end. */
  neighbour(step: 1 | -1): Shape | null {
    const visible = this.scene.kept().filter((shape) => this.scene.isVisible(shape));
    const at = visible.findIndex((shape) => shape.id === this.scene.store.selectedId);
    if (at < 0) return visible[step === 1 ? 0 : visible.length - 1] ?? null;
    return visible[at + step] ?? null;
  }

  /** Moves or resizes the selected box by whole pixels. Resizing keeps the top left corner and never turns it round. */
  nudge(delta: Point, isResize: boolean): void {
    const { store, size } = this.scene;
    const { selected } = store;
    if (!selected) return;
    this.#freshId = null;
    const box = isResize
      ? fitBox(
          { ...selected, width: Math.max(1, selected.width + delta.x), height: Math.max(1, selected.height + delta.y) },
          size,
        )
      : edit(selected, "body", delta, size);
    store.update({ ...selected, ...box }, `nudge:${selected.id}:${this.#nudgeRun}`);
    this.#host.reveal(box, 8);
  }

  /** The arrow key was let go. */
  endNudge(): void {
    this.#nudgeRun += 1;
    const { selected } = this.scene.store;
    if (selected) this.announceShape(selected);
  }

  remove(shape: Shape | null = this.scene.store.selected): void {
    if (!shape) return;
    this.scene.store.remove([shape.id]);
    this.#host.announce(msg().boxDeleted);
  }

  undo(): void {
    this.#freshId = null;
    if (this.scene.store.undo()) this.#host.announce(msg().undone);
  }

  redo(): void {
    this.#freshId = null;
    if (this.scene.store.redo()) this.#host.announce(msg().redone);
  }

  // ---- visibility ----------------------------------------------------------------------------------------------

  toggleShape(shape: Shape): void {
    const { hiddenIds } = this.scene;
    if (!hiddenIds.delete(shape.id)) hiddenIds.add(shape.id);
    this.#shown();
  }

  toggleLabel(label: string): void {
    const { hiddenLabels } = this.scene;
    if (!hiddenLabels.delete(label)) hiddenLabels.add(label);
    this.#shown();
  }

  toggleAll(): void {
    this.scene.isAllHidden = !this.scene.isAllHidden;
    this.#shown();
  }

  #shown(): void {
    this.#host.redraw();
    this.#host.refresh();
  }

  announceShape(shape: Shape): void {
    const kept = this.scene.kept();
    const at = kept.findIndex((other) => other.id === shape.id) + 1;
    const place = msg().boxPlace(shape.left, shape.top, shape.width, shape.height);
    this.#host.announce(`${msg().boxName(shape.label, at, kept.length)}: ${place}`);
  }
}
