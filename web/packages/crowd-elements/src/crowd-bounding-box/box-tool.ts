/** Mouse, pen and finger on the image: drawing, selecting, moving and resizing boxes. */

import {
  type Box, type BoxGrip, type BoxShape, type Point, type Scene, boxBetween, boxContains, edit, gripAt, nextInStack,
} from "@labelwright/annotation-core";

import type { ImageStage, StagePointer, StageTool } from "../base/image-stage.js";

/** A gesture that stays within this many screen pixels in both axes is a click. */
const CLICK_PX = 3;
const GRIP_PX = 9;
const TOUCH_GRIP_PX = 20;

const CURSORS: Readonly<Record<BoxGrip, string>> = {
  nw: "nwse-resize", se: "nwse-resize", ne: "nesw-resize", sw: "nesw-resize",
  n: "ns-resize", s: "ns-resize", e: "ew-resize", w: "ew-resize", body: "move",
};

type Gesture =
  | { readonly type: "draw"; readonly from: StagePointer; box: Box | null }
  | { readonly type: "edit"; readonly from: StagePointer; readonly grip: BoxGrip; readonly shape: BoxShape };

export interface BoxToolOwner {
  readonly scene: Scene;
  readonly stage: ImageStage;
  readonly isLocked: boolean;
  /** A box was drawn; it has no label yet. */
  drawn(box: Box): void;
  /** The worker took hold of a box that exists. */
  touched(): void;
}

export class BoxTool implements StageTool {
  readonly #owner: BoxToolOwner;
  #gesture: Gesture | null = null;
  #hovered: BoxShape | null = null;

  constructor(owner: BoxToolOwner) {
    this.#owner = owner;
  }

  /** The box that is being drawn. */
  get drawing(): Box | null {
    return this.#gesture?.type === "draw" ? this.#gesture.box : null;
  }

  get isEditing(): boolean {
    return this.#gesture?.type === "edit";
  }

  /** The box a click would select. */
  get hovered(): BoxShape | null {
    return this.#gesture || !this.#hovered ? null : this.#owner.scene.store.get(this.#hovered.id);
  }

  down(pointer: StagePointer): boolean {
    if (this.#owner.isLocked) return false;
    const grip = this.#gripOfSelected(pointer);
    const { selected } = this.#owner.scene.store;
    this.#gesture =
      grip && selected
        ? { type: "edit", from: pointer, grip, shape: selected }
        : { type: "draw", from: pointer, box: null };
    return true;
  }

  move(pointer: StagePointer): void {
    const gesture = this.#gesture;
    if (!gesture) return;
    const { scene } = this.#owner;
    if (gesture.type === "draw") {
      gesture.box = isClick(gesture.from, pointer) && !gesture.box ? null : boxBetween(gesture.from.image, pointer.image, scene.size);
    } else if (scene.store.preview || !isClick(gesture.from, pointer)) {
      const delta = difference(pointer.image, gesture.from.image);
      scene.store.setPreview({ ...gesture.shape, ...edit(gesture.shape, gesture.grip, delta, scene.size) });
    }
  }

  up(pointer: StagePointer): void {
    const gesture = this.#gesture;
    this.#gesture = null;
    if (!gesture) return;
    const { scene } = this.#owner;
    if (gesture.type === "draw" && !isClick(gesture.from, pointer)) {
      this.#owner.drawn(boxBetween(gesture.from.image, pointer.image, scene.size));
      return;
    }
    const { preview } = scene.store;
    if (gesture.type === "edit" && preview) {
      scene.store.update(preview);
      this.#owner.touched();
      return;
    }
    this.#click(gesture.from);
  }

  cancel(): void {
    this.#gesture = null;
    this.#owner.scene.store.setPreview(null);
  }

  hover(pointer: StagePointer | null): void {
    this.#hovered = pointer ? (this.#owner.scene.at(pointer.image, this.#reach(pointer))[0] ?? null) : null;
  }

  cursor(pointer: StagePointer | null): string {
    if (this.#gesture?.type === "edit") return CURSORS[this.#gesture.grip];
    if (this.#gesture || !pointer) return "crosshair";
    const grip = this.#gripOfSelected(pointer);
    return grip ? CURSORS[grip] : "crosshair";
  }

  #click(pointer: StagePointer): void {
    const { store } = this.#owner.scene;
    const next = nextInStack(this.#owner.scene.at(pointer.image, this.#reach(pointer)), store.selectedId);
    store.select(next?.id ?? null);
    if (next) this.#owner.touched();
  }

  /** How far a pointer may miss, in image pixels. */
  #reach(pointer: StagePointer): number {
    const px = pointer.event.pointerType === "touch" ? TOUCH_GRIP_PX : GRIP_PX;
    return px / this.#owner.stage.transform.scale / 2;
  }

  /**
   * What of the selected box lies under the pointer: a handle, an edge, or the inside. With Ctrl or Alt held the
   * selected box lets the pointer through, so that a box can be drawn inside it.
   */
  #gripOfSelected(pointer: StagePointer): BoxGrip | null {
    const { store } = this.#owner.scene;
    const shape = store.selected;
    const { event, image } = pointer;
    if (!shape || !this.#owner.scene.isVisible(shape) || event.ctrlKey || event.altKey || event.metaKey) return null;
    const isInside = boxContains(shape, image);
    // Inside a small box a part in the middle stays free for moving it.
    const reach = Math.min(2 * this.#reach(pointer), isInside ? Math.min(shape.width, shape.height) / 4 : Infinity);
    const handle = gripAt(shape, image, reach);
    if (handle) return handle;
    if (boxContains(shape, image, reach / 2)) return edgeAt(shape, image, reach / 2) ?? (isInside ? "body" : null);
    return null;
  }
}

function edgeAt(box: Box, point: Point, reach: number): BoxGrip | null {
  const distances: [BoxGrip, number][] = [
    ["w", Math.abs(point.x - box.left)],
    ["e", Math.abs(point.x - box.left - box.width)],
    ["n", Math.abs(point.y - box.top)],
    ["s", Math.abs(point.y - box.top - box.height)],
  ];
  const [grip, distance] = distances.reduce((best, next) => (next[1] < best[1] ? next : best));
  return distance <= reach ? grip : null;
}

function isClick(from: StagePointer, to: StagePointer): boolean {
  return Math.abs(to.screen.x - from.screen.x) < CLICK_PX && Math.abs(to.screen.y - from.screen.y) < CLICK_PX;
}

function difference(a: Point, b: Point): Point {
  return { x: a.x - b.x, y: a.y - b.y };
}
