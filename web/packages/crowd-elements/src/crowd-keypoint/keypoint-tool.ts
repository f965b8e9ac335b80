/** Placing points: by a click, or where the pointer is let go. */

import { type Outline, fitPoint } from "@labelwright/annotation-core";

import type { StagePointer } from "../base/image-stage.js";
import { ShapeTool } from "../base/vector/shape-tool.js";

export class KeypointTool extends ShapeTool {
  protected override reach(pointer: StagePointer): number {
    // A point has no outline to aim at, so it may be missed by as much as a handle.
    return this.gripReach(pointer);
  }

  protected override outlineOf(_from: StagePointer, to: StagePointer): Outline {
    return { kind: "keypoint", ...fitPoint(to.image, this.owner.editor.scene.size) };
  }

  protected override dragged(from: StagePointer, to: StagePointer): void {
    this.owner.editor.draw(this.outlineOf(from, to));
  }

  protected override clicked(pointer: StagePointer): void {
    this.owner.editor.draw(this.outlineOf(pointer, pointer));
  }
}
