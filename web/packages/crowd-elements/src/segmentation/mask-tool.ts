/** Mouse, pen and finger on the image: what each painting tool does with them. */

import { type Box, type Point, boxBetween, distance } from "@labelwright/annotation-core";

import type { ImageStage, StagePointer, StageTool } from "../base/image-stage.js";
import type { MaskEditor } from "./mask-editor.js";

/** Two clicks this near (screen pixels) and this soon after each other close a polygon. */
const DOUBLE_PX = 5;
const DOUBLE_MS = 400;
/** A click this near to the first corner closes a polygon. */
const CLOSE_PX = 10;
const TOUCH_CLOSE_PX = 22;
/** A drag shorter than this is a click. */
const CLICK_PX = 3;
/** Points of a freehand outline are kept apart by this many screen pixels. */
const LASSO_STEP_PX = 2;

export interface MaskToolOwner {
  readonly editor: MaskEditor;
  readonly stage: ImageStage;
  /** A box was dragged, or four outermost points were clicked, around an object whose outline is wanted. */
  segment(points: readonly Point[], box: Box | null): void;
}

export class MaskTool implements StageTool {
  readonly #owner: MaskToolOwner;
  #gesture: "none" | "stroke" | "lasso" | "box" | "segment" = "none";
  #from: StagePointer | null = null;
  /** Where the pen has been since the last frame, in image coordinates. */
  #trail: Point[] = [];
  #lastPoint: Point | null = null;
  #lasso: Point[] = [];
  #box: Box | null = null;
  #extremes: Point[] = [];
  #lastClick = { at: 0, screen: { x: 0, y: 0 } };
  #hover: StagePointer | null = null;

  constructor(owner: MaskToolOwner) {
    this.#owner = owner;
  }

  get hovered(): StagePointer | null {
    return this.#hover;
  }

  /** The freehand outline in progress. */
  get lasso(): readonly Point[] {
    return this.#lasso;
  }

  get box(): Box | null {
    return this.#box;
  }

  /** Outermost points clicked so far. */
  get extremes(): readonly Point[] {
    return this.#extremes;
  }

  clearExtremes(): boolean {
    const was = this.#extremes.length > 0;
    this.#extremes = [];
    return was;
  }

  /** All places of a fast movement; the stage itself only passes on the last one of each frame. */
  note(event: PointerEvent): void {
    if (this.#gesture !== "stroke" && this.#gesture !== "lasso") return;
    const { stage } = this.#owner;
    const rect = stage.host.getBoundingClientRect();
    const places = event.getCoalescedEvents?.() ?? [];
    for (const place of places.length ? places : [event]) {
      this.#trail.push(stage.transform.toImage({ x: place.clientX - rect.left, y: place.clientY - rect.top }));
    }
  }

  down(pointer: StagePointer): boolean {
    const { editor } = this.#owner;
    const { event, image } = pointer;
    this.#from = pointer;
    this.#trail = [];
    switch (editor.tool) {
      case "brush":
      case "eraser":
        if (event.altKey) {
          editor.pickAt(image);
          return false;
        }
        if (!editor.startStroke(editor.tool === "eraser")) return false;
        this.#gesture = "stroke";
        editor.paintPath(event.shiftKey && this.#lastPoint ? [this.#lastPoint, image] : [image]);
        this.#lastPoint = image;
        return true;
      case "lasso":
        if (editor.isLocked || (!event.altKey && !editor.canPaint())) return false;
        this.#gesture = "lasso";
        this.#lasso = [image];
        return true;
      case "bounding-box":
        if (editor.isLocked || (!event.altKey && !editor.canPaint())) return false;
        this.#gesture = "box";
        return true;
      case "auto-segment":
        if (!editor.canPaint()) return false;
        this.#gesture = "segment";
        return true;
      case "fill":
        if (event.altKey) editor.pickAt(image);
        else void editor.flood(image);
        return false;
      case "polygon":
        this.#corner(pointer);
        return true;
    }
  }

  #corner(pointer: StagePointer): void {
    const { editor, stage } = this.#owner;
    const { event, image, screen } = pointer;
    if (editor.isLocked || (!event.altKey && !editor.outline.length && !editor.canPaint())) return;
    const isDouble =
      event.timeStamp - this.#lastClick.at < DOUBLE_MS && distance(screen, this.#lastClick.screen) < DOUBLE_PX;
    this.#lastClick = { at: event.timeStamp, screen };
    const [first] = editor.outline;
    const near = event.pointerType === "touch" ? TOUCH_CLOSE_PX : CLOSE_PX;
    const isAtStart =
      first !== undefined && editor.outline.length > 2 && distance(stage.transform.toScreen(first), screen) <= near;
    if (isAtStart || (isDouble && editor.outline.length > 0)) editor.closeOutline(event.altKey);
    else editor.addCorner(image);
  }

  move(pointer: StagePointer): void {
    this.#hover = pointer;
    const { editor, stage } = this.#owner;
    const points = this.#trail.length ? this.#trail : [pointer.image];
    this.#trail = [];
    if (this.#gesture === "stroke") {
      editor.paintPath(this.#lastPoint ? [this.#lastPoint, ...points] : points);
      this.#lastPoint = points.at(-1)!;
    } else if (this.#gesture === "lasso") {
      for (const point of points) {
        const last = this.#lasso.at(-1);
        if (!last || distance(last, point) * stage.transform.scale >= LASSO_STEP_PX) this.#lasso.push(point);
      }
    } else if ((this.#gesture === "box" || this.#gesture === "segment") && this.#from) {
      const isDrag = this.#box !== null || distance(this.#from.screen, pointer.screen) >= CLICK_PX;
      this.#box = isDrag ? boxBetween(this.#from.image, pointer.image, editor.document.size) : null;
    }
  }

  up(pointer: StagePointer): void {
    const { editor } = this.#owner;
    const isErasing = pointer.event.altKey;
    const gesture = this.#gesture;
    const { lasso: outline } = this;
    const box = this.#box;
    this.#reset();
    if (gesture === "stroke") editor.endStroke();
    else if (gesture === "lasso") editor.fillOutline(outline, isErasing);
    else if (gesture === "box" && box) editor.fillBox(box, isErasing);
    else if (gesture === "segment") this.#segment(box, pointer.image);
  }

  #segment(box: Box | null, point: Point): void {
    if (box) {
      this.#extremes = [];
      const { left, top, width, height } = box;
      this.#owner.segment(
        [
          { x: left, y: top + height / 2 },
          { x: left + width, y: top + height / 2 },
          { x: left + width / 2, y: top },
          { x: left + width / 2, y: top + height },
        ],
        box,
      );
      return;
    }
    this.#extremes.push(point);
    if (this.#extremes.length < 4) return;
    this.#owner.segment(this.#extremes, null);
    this.#extremes = [];
  }

  cancel(): void {
    if (this.#gesture === "stroke") this.#owner.editor.cancelStroke();
    this.#reset();
  }

  #reset(): void {
    this.#gesture = "none";
    this.#lasso = [];
    this.#box = null;
    this.#from = null;
    this.#trail = [];
  }

  hover(pointer: StagePointer | null): void {
    this.#hover = pointer;
  }

  cursor(): string {
    return "crosshair";
  }
}
