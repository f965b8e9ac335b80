/** Drawing boxes by dragging from corner to corner. */

import { type Outline, boxBetween } from "@labelwright/annotation-core";

import type { StagePointer } from "../base/image-stage.js";
import { ShapeTool } from "../base/vector/shape-tool.js";

export class BoxTool extends ShapeTool {
  /** A drag that begins on another box draws a new one there. */
  protected override get grabsUnselected(): boolean {
    return false;
  }

  protected override outlineOf(from: StagePointer, to: StagePointer): Outline {
    return { kind: "box", ...boxBetween(from.image, to.image, this.owner.editor.scene.size) };
  }

  protected override dragged(from: StagePointer, to: StagePointer): void {
    this.owner.editor.draw(this.outlineOf(from, to));
  }

  protected override clicked(): void {
    this.owner.editor.scene.store.select(null);
  }
}
