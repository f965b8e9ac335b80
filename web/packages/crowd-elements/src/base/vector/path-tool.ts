/** Drawing lines, polylines and polygons by clicks from point to point; a drag makes the first edge at one go. */

import { type Outline, type PathDrawing, type Point, fitPoint } from "@labelwright/annotation-core";

import type { StagePointer } from "../image-stage.js";
import { ShapeTool } from "./shape-tool.js";

/** Where the next point would go, and what a click there would do. */
export interface NextPoint {
  readonly at: Point;
  /** The click completes the path. */
  readonly isGoal: boolean;
  /** The edge to it would cross another, so it will be refused. */
  readonly isRefused: boolean;
}

export class PathTool extends ShapeTool {
  #pointer: StagePointer | null = null;

  get #path(): PathDrawing {
    return this.owner.editor.drawing!;
  }

  protected override get isMidDrawing(): boolean {
    return this.owner.editor.isDrawing;
  }

  /** Lines often meet, so a drag that begins on one draws the next; the others are drawn by clicks. */
  protected override get grabsUnselected(): boolean {
    return this.owner.editor.kind !== "line";
  }

  /** Under the pointer while a path is being drawn. */
  get next(): NextPoint | null {
    return this.isMidDrawing && this.#pointer ? this.#nextAt(this.#pointer) : null;
  }

  #nextAt(pointer: StagePointer): NextPoint {
    const path = this.#path;
    if (path.isAtGoal(pointer.image, this.gripReach(pointer))) {
      return { at: path.goal!, isGoal: true, isRefused: path.closingCrosses };
    }
    const at = fitPoint(this.place(pointer), this.owner.editor.scene.size);
    return { at, isGoal: false, isRefused: path.wouldCross(at) };
  }

  override move(pointer: StagePointer): void {
    this.#pointer = pointer;
    super.move(pointer);
  }

  override hover(pointer: StagePointer | null): void {
    this.#pointer = pointer;
    super.hover(pointer);
    // Where a first point would go.
    if (pointer && !this.isMidDrawing && !this.hasHold(pointer) && !(this.grabsUnselected && this.hovered))
      this.place(pointer);
  }

  override up(pointer: StagePointer): void {
    super.up(pointer);
    // A finger that is lifted points at nothing.
    this.#pointer = pointer.event.pointerType === "touch" ? null : pointer;
  }

  protected override outlineOf(from: StagePointer, to: StagePointer): Outline | null {
    // The rubber band of a path that has begun is drawn from `next`.
    if (this.isMidDrawing) return null;
    const { size } = this.owner.editor.scene;
    return { kind: "line", vertices: [from, to].map((pointer) => fitPoint(this.place(pointer), size)) };
  }

  protected override dragged(from: StagePointer, to: StagePointer): void {
    this.owner.editor.place(this.place(from), this.place(to));
  }

  protected override clicked(pointer: StagePointer, isDouble: boolean): void {
    const { editor } = this.owner;
    if (!editor.isDrawing) {
      // A click beside the shape that the worker is at lets go of it.
      if (editor.isHolding) editor.select(null, false);
      else editor.place(this.place(pointer));
      return;
    }
    const { at, isGoal } = this.#nextAt(pointer);
    // The second half of a double click, on the point that the first half has placed.
    if (isGoal || (isDouble && this.#path.isEnough)) editor.finishDrawing();
    else editor.place(at);
  }
}
