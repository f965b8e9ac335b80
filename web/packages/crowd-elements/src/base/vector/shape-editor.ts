/** What can be done with the shapes of one image, whoever asks for it: mouse, keys, panes or the tool bar. */

import {
  type Box,
  type KindName,
  type NewShape,
  type Outline,
  PathDrawing,
  type Placed,
  type Point,
  Scene,
  type Shape,
  type Size,
  type Transform,
  fitBox,
  insertVertex,
  isPath,
  isPathKind,
  kindOf,
  middleOf,
  pathRules,
  removeVertex,
  sameShape,
} from "@labelwright/annotation-core";

import type { ShapeSentences } from "../messages-shapes.js";
import { msg } from "../messages.js";
import { placeOf } from "./describe-shape.js";

/** A question over the image: which label for this new shape, for a path that starts here, or for this shape? */
export type Asking =
  | { readonly for: "new"; readonly outline: Outline; readonly byKey: boolean }
  | { readonly for: "path"; readonly points: readonly Point[] }
  | { readonly for: "old"; readonly shape: Shape };

export interface ShapeEditorHost {
  /** Something that is drawn beside the image has changed. */
  refresh(): void;
  /** Something that is drawn on the image has changed. */
  redraw(): void;
  /** Shapes were added, edited or deleted. */
  changed(): void;
  /** Points were added to a path that is not finished, or taken back. */
  progressed(): void;
  /** Said to those who do not see the image. */
  announce(text: string): void;
  /** The selected shape should be seen. */
  reveal(box: Box, margin?: number): void;
}

export class ShapeEditor {
  readonly scene = new Scene();
  readonly kind: KindName;
  /** The path being drawn; null for kinds that are drawn at one go. */
  readonly drawing: PathDrawing | null;
  readonly #host: ShapeEditorHost;
  #currentLabel: string | null = null;
  #lastLabel: string | null = null;
  #asking: Asking | null = null;
  /** The shape just drawn: choosing a label now means the next one, until the worker takes hold of this one. */
  #freshId: number | null = null;
  /** Vertex of the selected shape that keys act on. */
  #vertex: number | null = null;
  /** Why the last thing was refused; goes away with the next one that works. */
  #notice = "";
  /** Runs of one held key are one undo step; this tells them apart. */
  #nudgeRun = 0;

  constructor(kind: KindName, host: ShapeEditorHost) {
    this.kind = kind;
    this.drawing = isPathKind(kind) ? new PathDrawing(kind) : null;
    this.#host = host;
    this.scene.store.subscribe((event) => {
      host.redraw();
      if (event.type === "preview") return;
      this.#notice = "";
      if (event.type === "selection") this.#vertex = null;
      else {
        this.drawing?.forgetUndone();
        const { selected } = this.scene.store;
        if (!selected || !isPath(selected) || this.#vertex! >= selected.vertices.length) this.#vertex = null;
        host.changed();
      }
      host.refresh();
    });
  }

  get texts(): ShapeSentences {
    return msg().shapes[this.kind];
  }

  get notice(): string {
    return this.#notice;
  }

  get isDrawing(): boolean {
    return this.drawing !== null && !this.drawing.isEmpty;
  }

  #refuse(text: string): void {
    this.#notice = text;
    this.#host.announce(text);
    this.#shown();
  }

  // ---- labels --------------------------------------------------------------------------------------------------

  get currentLabel(): string | null {
    return this.#currentLabel;
  }

  get asking(): Asking | null {
    return this.#asking;
  }

  /** The label used last on this image. */
  get lastLabel(): string | null {
    return this.#lastLabel !== null && this.scene.labels.includes(this.#lastLabel) ? this.#lastLabel : null;
  }

  /** Chooses a label by its text. False: it is not offered here. */
  repeatLabel(label: string | null): boolean {
    const at = label === null ? -1 : this.scene.labels.indexOf(label);
    if (at >= 0) this.chooseLabel(at);
    return at >= 0;
  }

  /** Whether the selected shape is one that the worker works on, rather than the one just drawn. */
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

  /** The worker has chosen a label: for the selected shape if one is held, and for those that come. */
  chooseLabel(index: number): void {
    const label = this.scene.labels[index];
    if (label === undefined) return;
    this.#currentLabel = this.#lastLabel = label;
    const { store } = this.scene;
    const { selected } = store;
    if (selected && selected.id === this.#freshId) store.select(null);
    else if (selected) store.update({ ...selected, label });
    this.#freshId = null;
    this.#host.announce(label);
    this.#shown();
  }

  /** Asks which label a shape shall have instead of its own. */
  askFor(shape: Shape): void {
    if (this.select(shape, true)) this.#ask({ for: "old", shape });
  }

  /** The answer to the question over the image. */
  pick(label: string): void {
    const asking = this.#asking;
    this.#ask(null);
    if (!asking) return;
    this.#currentLabel = this.#lastLabel = label;
    if (asking.for === "new") this.#add(asking.outline, label, asking.byKey);
    else if (asking.for === "path") this.place(...asking.points);
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
    this.#shown();
  }

  // ---- new shapes ----------------------------------------------------------------------------------------------

  /** A shape without a label yet: it gets the current one, or the worker is asked. */
  draw(outline: Outline, byKey = false): void {
    this.scene.isAllHidden = false;
    if (this.#currentLabel !== null) this.#add(outline, this.#currentLabel, byKey);
    else {
      this.scene.store.select(null);
      if (this.scene.labels.length) this.#ask({ for: "new", outline, byKey });
    }
  }

  #add(outline: Outline, label: string, byKey: boolean): void {
    this.#lastLabel = label;
    this.scene.hiddenLabels.delete(label);
    const shape = this.scene.store.add({ ...outline, label });
    this.#freshId = byKey ? null : shape.id;
    // A label is chosen anew for each polygon, so that none is drawn with a wrong one by habit.
    if (this.kind === "polygon" && this.scene.labels.length > 1) this.#currentLabel = null;
    this.announceShape(shape);
    this.#host.refresh();
  }

  /** Shapes of another image, as one step that can be undone; those that lie here already are left out. Gives how many came. */
  addCopies(shapes: readonly NewShape[]): number {
    const { store } = this.scene;
    const here = store.all();
    const fresh = shapes.filter(
      (shape) => this.scene.labels.includes(shape.label) && !here.some((own) => sameShape(own, shape)),
    );
    if (!fresh.length) return 0;
    this.scene.isAllHidden = false;
    this.#freshId = null;
    store.addAll(fresh);
    this.#host.announce(this.texts.copied(fresh.length));
    return fresh.length;
  }

  /** A shape in the middle of what is in view, a fifth of it in size. */
  addInView(transform: Transform, view: Size): void {
    const { size } = this.scene;
    const a = transform.toImage({ x: 0, y: 0 });
    const b = transform.toImage({ x: view.width, y: view.height });
    const left = Math.max(0, a.x);
    const top = Math.max(0, a.y);
    const right = Math.min(size.width, b.x);
    const bottom = Math.min(size.height, b.y);
    const side = Math.max(1, Math.min(right - left, bottom - top) / 5);
    const area = fitBox(
      { left: (left + right - side) / 2, top: (top + bottom - side) / 2, width: side, height: side },
      size,
    );
    this.draw(kindOf({ kind: this.kind }).sample(area, size), true);
  }

  /** Next points of the path being drawn. The first one needs a label. */
  place(...points: readonly Point[]): void {
    const { drawing, scene } = this;
    if (!drawing || !points.length) return;
    if (drawing.isEmpty) {
      scene.store.select(null);
      scene.isAllHidden = false;
      if (!scene.labels.length) return;
      if (this.#currentLabel === null) return this.#ask({ for: "path", points });
    }
    for (const point of points) {
      const placed = drawing.add(point, scene.size);
      if (placed === "complete") return this.finishDrawing();
      if (placed === "crosses") return this.#refuse(msg().edgesCross);
      if (placed === "added") this.#progressed(msg().pointAdded(drawing.points.length));
    }
  }

  /** Makes a shape of the path being drawn, if it may end here. */
  finishDrawing(): void {
    const { drawing } = this;
    if (!drawing) return;
    const refusals: Partial<Record<Placed, string>> = {
      tooFew: msg().tooFewPoints(pathRules[drawing.kind].min),
      crosses: msg().edgesCross,
    };
    const refusal = refusals[drawing.finish()];
    if (refusal) return this.#refuse(refusal);
    const outline: Outline = { kind: drawing.kind, vertices: [...drawing.points] };
    drawing.reset();
    this.draw(outline);
  }

  /** True: there was a path to be dropped. */
  cancelDrawing(): boolean {
    if (!this.isDrawing) return false;
    this.drawing!.reset();
    this.#progressed(msg().drawingCancelled);
    return true;
  }

  /** Goes on with a path that was begun earlier. */
  resumeDrawing(points: readonly Point[]): void {
    this.drawing?.reset(points);
    this.#shown();
  }

  #progressed(text: string): void {
    this.#notice = "";
    this.#host.progressed();
    this.#host.announce(text);
    this.#shown();
  }

  // ---- the selection -------------------------------------------------------------------------------------------

  /** False: not now, a path is being drawn. */
  select(shape: Shape | null, reveal: boolean): boolean {
    if (this.isDrawing) {
      this.#refuse(msg().finishFirst);
      return false;
    }
    this.scene.store.select(shape?.id ?? null);
    this.#freshId = null;
    if (!shape) this.#host.announce(msg().nothingSelected);
    else {
      if (reveal) this.#host.reveal(kindOf(shape).bounds(shape));
      this.announceShape(shape);
    }
    return true;
  }

  /** The worker took hold of a shape that exists: it is no longer the one just drawn. */
  hold(): void {
    this.#freshId = null;
    this.#host.refresh();
  }

  /** The next or previous visible shape after the selected one; null past the end. */
  neighbour(step: 1 | -1): Shape | null {
    const visible = this.scene.kept().filter((shape) => this.scene.isVisible(shape));
    const at = visible.findIndex((shape) => shape.id === this.scene.store.selectedId);
    if (at < 0) return visible[step === 1 ? 0 : visible.length - 1] ?? null;
    return visible[at + step] ?? null;
  }

  /** Puts an edited shape in place of the one before. Refused (false) if edges cross now that did not. */
  commit(shape: Shape, mergeKey?: string): boolean {
    const { store } = this.scene;
    this.#freshId = null;
    store.setPreview(null);
    const before = store.get(shape.id);
    if (!before) return false;
    if (!kindOf(shape).isLegal(shape) && kindOf(before).isLegal(before)) {
      this.#refuse(msg().edgesCross);
      return false;
    }
    // Its number may mean another vertex now.
    if (isPath(shape) && isPath(before) && shape.vertices.length !== before.vertices.length) this.#vertex = null;
    store.update(shape, mergeKey);
    return true;
  }

  /** Moves the chosen vertex or the selected shape by whole pixels, or resizes it (a box keeps its top left corner then). */
  nudge(delta: Point, isResize: boolean): void {
    const { store, size } = this.scene;
    const { selected } = store;
    if (!selected) return;
    const key = `nudge:${selected.id}:${this.#vertex}:${this.#nudgeRun}`;
    if (isResize && selected.kind === "box") {
      const width = Math.max(1, selected.width + delta.x);
      const height = Math.max(1, selected.height + delta.y);
      this.commit({ ...selected, ...fitBox({ ...selected, width, height }, size) }, key);
    } else this.commit(kindOf(selected).edit(selected, this.#vertex ?? "body", delta, size), key);
    this.#host.reveal(kindOf(selected).bounds(store.selected ?? selected), 8);
  }

  /** The arrow key was let go. */
  endNudge(): void {
    this.#nudgeRun += 1;
    const { selected } = this.scene.store;
    if (!selected) return;
    if (this.#vertex === null) this.announceShape(selected);
    else this.#announceVertex();
  }

  /** Deletes a shape; of the selected one the chosen vertex only, as long as enough others are left. */
  remove(shape: Shape | null = this.scene.store.selected): void {
    if (!shape) return;
    if (shape.id === this.scene.store.selectedId && this.removeVertex(this.#vertex)) return;
    this.scene.store.remove([shape.id]);
    this.#host.announce(this.texts.deleted);
  }

  /** The Delete key or button: the last point while drawing, else vertex or shape. */
  erase(): void {
    if (this.isDrawing) this.undo();
    else this.remove();
  }

  get canUndo(): boolean {
    return this.isDrawing || this.scene.store.canUndo;
  }

  get canRedo(): boolean {
    return Boolean(this.drawing?.canRedo) || (!this.isDrawing && this.scene.store.canRedo);
  }

  undo(): void {
    this.#freshId = null;
    if (this.drawing?.undo()) this.#progressed(msg().pointTaken);
    else if (this.scene.store.undo()) this.#host.announce(msg().undone);
  }

  redo(): void {
    this.#freshId = null;
    if (this.drawing?.redo()) this.#progressed(msg().pointBack);
    else if (!this.isDrawing && this.scene.store.redo()) this.#host.announce(msg().redone);
  }

  // ---- vertices ------------------------------------------------------------------------------------------------

  get vertex(): number | null {
    return this.#vertex;
  }

  chooseVertex(index: number | null): void {
    this.#vertex = index;
    this.#freshId = null;
    this.#announceVertex();
    this.#shown();
  }

  /** Goes to the next or previous vertex of the selected shape, round and round. */
  nextVertex(step: 1 | -1): void {
    const { selected } = this.scene.store;
    if (!selected || !isPath(selected)) return;
    const n = selected.vertices.length;
    const at = this.#vertex === null ? (step === 1 ? 0 : n - 1) : (this.#vertex + step + n) % n;
    this.chooseVertex(at);
    const { x, y } = selected.vertices[at]!;
    this.#host.reveal({ left: x, top: y, width: 0, height: 0 });
  }

  /** A new vertex on an edge of the selected shape, which becomes the chosen one. */
  insertVertex(edge: number, at: Point): void {
    const { selected } = this.scene.store;
    if (!selected || !isPath(selected) || selected.vertices.length >= pathRules[selected.kind].max) return;
    if (this.commit({ ...selected, vertices: insertVertex(selected.vertices, edge, at, this.scene.size) })) {
      this.chooseVertex(edge + 1);
    }
  }

  /** A new vertex in the middle of the edge after the chosen vertex (before it, at the end of an open path). */
  insertAfterVertex(): void {
    const { selected } = this.scene.store;
    if (!selected || !isPath(selected)) return;
    const { vertices } = selected;
    const last = pathRules[selected.kind].isClosed ? vertices.length - 1 : vertices.length - 2;
    const edge = Math.min(this.#vertex ?? last, last);
    this.insertVertex(edge, middleOf(vertices[edge]!, vertices[(edge + 1) % vertices.length]!));
  }

  /** True: there was such a vertex, and the matter is settled (it may have been refused). */
  removeVertex(index: number | null): boolean {
    const { selected } = this.scene.store;
    if (index === null || !selected || !isPath(selected)) return false;
    if (selected.vertices.length <= pathRules[selected.kind].min) return false;
    if (this.commit({ ...selected, vertices: removeVertex(selected.vertices, index) })) {
      this.#vertex = Math.max(0, index - 1);
      this.#host.announce(msg().vertexDeleted);
    }
    return true;
  }

  #announceVertex(): void {
    const { selected } = this.scene.store;
    if (this.#vertex === null || !selected || !isPath(selected)) return;
    const { x, y } = selected.vertices[this.#vertex]!;
    this.#host.announce(msg().vertexName(this.#vertex + 1, selected.vertices.length, x, y));
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

  /** Of the selected shape, else the current one. False: there is none. */
  toggleCurrentLabel(): boolean {
    const label = this.scene.store.selected?.label ?? this.#currentLabel;
    if (label !== null) this.toggleLabel(label);
    return label !== null;
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
    this.#host.announce(`${this.texts.name(shape.label, at, kept.length)}: ${placeOf(shape)}`);
  }
}
