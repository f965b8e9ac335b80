/**
 * Mouse, pen and finger on the image: selecting, moving and reshaping what is there. How something new is drawn, each
 * kind's own tool adds.
 */

import {
  type Grip,
  type Outline,
  type Point,
  type Shape,
  distance,
  edgeOf,
  insertVertex,
  isPath,
  kindOf,
  middleOf,
  nearestEdge,
  nextInStack,
  pathRules,
  snap,
  type Snapped,
} from "@labelwright/annotation-core";

import type { ImageStage, StagePointer, StageTool } from "../image-stage.js";
import { type Hold, cursorOf, holdAt } from "./holds.js";
import type { ShapeEditor } from "./shape-editor.js";

/** A gesture that stays within this many screen pixels in both axes is a click. */
const CLICK_PX = 3;
/** A shape that was not selected before is moved only by a clearer gesture. */
const FIRM_CLICK_PX = 6;
const GRIP_PX = 9;
const TOUCH_GRIP_PX = 20;
const DOUBLE_CLICK_MS = 400;
const SNAP_PX = 10;

export interface ToolOwner {
  readonly editor: ShapeEditor;
  readonly stage: ImageStage;
  readonly isLocked: boolean;
  readonly isSnapping: boolean;
}

type Gesture =
  | { readonly type: "draw"; readonly from: StagePointer; to: StagePointer }
  | {
      readonly type: "edit";
      readonly from: StagePointer;
      readonly hold: Hold;
      readonly grip: Grip;
      /** The shape that the movement starts from; it may have a vertex more than the stored one. */
      readonly shape: Shape;
      /** The press has selected the shape; as a click it does no more. */
      readonly isFirstTouch: boolean;
    };

export abstract class ShapeTool implements StageTool {
  protected readonly owner: ToolOwner;
  #gesture: Gesture | null = null;
  #hovered: Shape | null = null;
  #lastClick: StagePointer | null = null;
  #snapped: Snapped | null = null;

  constructor(owner: ToolOwner) {
    this.owner = owner;
  }

  // ---- what each kind adds -------------------------------------------------------------------------------------

  /** A drag may begin on a shape that is not selected yet. */
  protected get grabsUnselected(): boolean {
    return true;
  }

  /** A click at any place belongs to the drawing that is under way. */
  protected get isMidDrawing(): boolean {
    return false;
  }

  /** What the gesture from `from` to `to` would draw now. */
  protected abstract outlineOf(from: StagePointer, to: StagePointer): Outline | null;

  /** A drag over free space has ended. */
  protected abstract dragged(from: StagePointer, to: StagePointer): void;

  /** A click on free space, or any click while drawing. */
  protected abstract clicked(pointer: StagePointer, isDouble: boolean): void;

  // ---- seen by the painter -------------------------------------------------------------------------------------

  /** The new shape of the gesture under way. */
  get drawing(): Outline | null {
    const gesture = this.#gesture;
    if (gesture?.type !== "draw" || isClick(gesture.from, gesture.to)) return null;
    return this.outlineOf(gesture.from, gesture.to);
  }

  get isEditing(): boolean {
    return this.#gesture?.type === "edit";
  }

  /** The vertex that is being moved. */
  get movedVertex(): number | null {
    const gesture = this.#gesture;
    return gesture?.type === "edit" && typeof gesture.grip === "number" ? gesture.grip : null;
  }

  /** The shape a click would select. */
  get hovered(): Shape | null {
    return this.#gesture || !this.#hovered || this.isMidDrawing ? null : this.#scene.store.get(this.#hovered.id);
  }

  /** The place that the pointer was pulled to, if it was. */
  get snapped(): Snapped | null {
    return this.#snapped;
  }

  // ---- the pointer ---------------------------------------------------------------------------------------------

  down(pointer: StagePointer): boolean {
    if (this.owner.isLocked) return false;
    this.#gesture = this.#edit(pointer) ?? { type: "draw", from: pointer, to: pointer };
    return true;
  }

  move(pointer: StagePointer): void {
    this.#snapped = null;
    const gesture = this.#gesture;
    if (!gesture) return;
    if (gesture.type === "draw") {
      gesture.to = pointer;
      return;
    }
    const { store, size } = this.#scene;
    if (!store.preview && isClick(gesture.from, pointer, gesture.isFirstTouch ? FIRM_CLICK_PX : CLICK_PX)) return;
    const { shape, grip } = gesture;
    store.setPreview(kindOf(shape).edit(shape, grip, this.#movement(gesture, pointer), size));
  }

  up(pointer: StagePointer): void {
    const gesture = this.#gesture;
    this.#gesture = null;
    this.#snapped = null;
    if (!gesture) return;
    const { preview } = this.#scene.store;
    if (gesture.type === "edit" && preview) {
      this.owner.editor.commit(preview);
      return;
    }
    const isDouble = this.#isDouble(pointer);
    if (gesture.type === "edit" && gesture.isFirstTouch) return;
    if (gesture.type === "draw" && !isClick(gesture.from, pointer) && !this.isMidDrawing)
      this.dragged(gesture.from, pointer);
    else if (this.isMidDrawing) this.clicked(pointer, isDouble);
    else if (gesture.type !== "edit" || !this.#clickOnHold(gesture.hold, pointer, isDouble))
      this.#select(gesture.from, isDouble);
    // Two pairs of clicks are not three double clicks.
    this.#lastClick = isDouble ? null : pointer;
  }

  cancel(): void {
    this.#gesture = null;
    this.#snapped = null;
    this.#scene.store.setPreview(null);
  }

  hover(pointer: StagePointer | null): void {
    this.#snapped = null;
    this.#hovered = pointer ? (this.#scene.at(pointer.image, this.reach(pointer))[0] ?? null) : null;
  }

  cursor(pointer: StagePointer | null): string {
    const gesture = this.#gesture;
    if (gesture?.type === "edit") return typeof gesture.hold === "string" ? cursorOf(gesture.hold) : "grabbing";
    if (gesture || !pointer || this.isMidDrawing) return "crosshair";
    const hold = this.#holdOfSelected(pointer);
    if (hold !== null) return cursorOf(hold);
    return this.grabsUnselected && this.#hovered ? "pointer" : "crosshair";
  }

  // ---- helpers -------------------------------------------------------------------------------------------------

  get #scene() {
    return this.owner.editor.scene;
  }

  /** How far a pointer may miss an outline, in image pixels. */
  protected reach(pointer: StagePointer): number {
    return this.gripReach(pointer) / 2;
  }

  /** How far a pointer may miss a handle or a point, in image pixels. */
  protected gripReach(pointer: StagePointer): number {
    return (pointer.event.pointerType === "touch" ? TOUCH_GRIP_PX : GRIP_PX) / this.owner.stage.transform.scale;
  }

  /** Whether points are pulled to what is near: as chosen, and the other way round while Shift is held. */
  protected isSnapping(pointer: StagePointer): boolean {
    return this.owner.isSnapping !== pointer.event.shiftKey;
  }

  /** The place the pointer means: pulled to what is near, if the worker wants that. */
  protected place(pointer: StagePointer, point: Point = pointer.image, movedId: number | null = null): Point {
    if (!this.isSnapping(pointer)) return point;
    const { stage } = this.owner;
    const reach = SNAP_PX / stage.transform.scale;
    const near = this.#scene.at(point, reach).filter((shape) => shape.id !== movedId);
    const snapped = snap(point, reach, near, this.#scene.size, () => stage.edgeNear(point, reach));
    this.#snapped = snapped.to === null ? null : snapped;
    return snapped.at;
  }

  #movement({ from, grip, shape }: Gesture & { type: "edit" }, pointer: StagePointer): Point {
    const delta = { x: pointer.image.x - from.image.x, y: pointer.image.y - from.image.y };
    const start = typeof grip === "number" && isPath(shape) ? shape.vertices[grip] : undefined;
    if (!start || !this.isSnapping(pointer)) return delta;
    const at = this.place(pointer, { x: start.x + delta.x, y: start.y + delta.y }, shape.id);
    return { x: at.x - start.x, y: at.y - start.y };
  }

  #isDouble(pointer: StagePointer): boolean {
    const last = this.#lastClick;
    return (
      last !== null &&
      pointer.event.timeStamp - last.event.timeStamp < DOUBLE_CLICK_MS &&
      distance(pointer.screen, last.screen) < 2 * FIRM_CLICK_PX
    );
  }

  /** The gesture that reshapes what lies under the pointer, if it does. */
  #edit(pointer: StagePointer): Gesture | null {
    if (this.isMidDrawing || isThrough(pointer)) return null;
    const { store, size } = this.#scene;
    let hold = this.#holdOfSelected(pointer);
    const isFirstTouch = hold === null;
    if (hold === null && this.grabsUnselected) {
      const hit = this.#scene.at(pointer.image, this.reach(pointer))[0];
      if (!hit || !this.owner.editor.select(hit, false)) return null;
      hold = "body";
    }
    const shape = store.selected;
    if (!shape || hold === null) return null;
    if (typeof hold !== "object" || !isPath(shape))
      return { type: "edit", from: pointer, hold, grip: hold as Grip, shape, isFirstTouch };
    const { edge } = hold;
    const vertices = insertVertex(shape.vertices, edge, middleOf(...edgeOf(shape.vertices, edge)), size);
    return { type: "edit", from: pointer, hold, grip: edge + 1, shape: { ...shape, vertices }, isFirstTouch };
  }

  protected hasHold(pointer: StagePointer): boolean {
    return this.#holdOfSelected(pointer) !== null;
  }

  /**
   * What of the selected shape lies under the pointer. With Ctrl or Alt held it lets the pointer through, so that
   * something can be drawn on or inside it.
   */
  #holdOfSelected(pointer: StagePointer): Hold | null {
    const shape = this.#scene.store.selected;
    if (!shape || !this.#scene.isVisible(shape) || isThrough(pointer)) return null;
    return holdAt(shape, pointer.image, this.gripReach(pointer), this.owner.stage.transform.scale);
  }

  /** True: the click meant a point of the selected path. */
  #clickOnHold(hold: Hold, pointer: StagePointer, isDouble: boolean): boolean {
    const { editor } = this.owner;
    const shape = editor.scene.store.selected;
    if (!shape || !isPath(shape)) return false;
    if (typeof hold === "object") editor.insertVertex(hold.edge, middleOf(...edgeOf(shape.vertices, hold.edge)));
    else if (typeof hold === "number") {
      if (isDouble) editor.removeVertex(hold);
      else editor.chooseVertex(hold);
    } else if (isDouble) {
      const near = nearestEdge(shape.vertices, pathRules[shape.kind].isClosed, pointer.image);
      if (!near || near.distance > this.reach(pointer)) return false;
      editor.insertVertex(near.edge, near.at);
    } else return false;
    return true;
  }

  #select(pointer: StagePointer, isDouble: boolean): void {
    const { editor } = this.owner;
    const { store } = editor.scene;
    const hits = isThrough(pointer) && this.grabsUnselected ? [] : this.#scene.at(pointer.image, this.reach(pointer));
    const next = nextInStack(hits, store.selectedId);
    if (!next) this.clicked(pointer, isDouble);
    else {
      store.select(next.id);
      editor.hold();
    }
  }
}

/** With one of these keys held, the pointer ignores the shapes that are there. */
function isThrough({ event }: StagePointer): boolean {
  return event.ctrlKey || event.altKey || event.metaKey;
}

function isClick(from: StagePointer, to: StagePointer, slack = CLICK_PX): boolean {
  return Math.abs(to.screen.x - from.screen.x) < slack && Math.abs(to.screen.y - from.screen.y) < slack;
}
