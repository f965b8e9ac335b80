/** What the two canvases of the box tool show. The lower one holds boxes at rest, the upper one the rest. */

import { type Box, type Scene, type Shape, boxesMeet } from "@labelwright/annotation-core";

import type { ImageStage, StagePainter } from "../base/image-stage.js";
import { paintBox, paintHandles, tagFrom } from "../base/paint-boxes.js";
import type { BoxTool } from "./box-tool.js";

export interface BoxPainterOwner {
  readonly scene: Scene;
  readonly tool: BoxTool;
  readonly currentLabel: string | null;
  readonly fill: number;
  readonly withGuides: boolean;
  /** The box under the pointer, on the image or in the list. */
  readonly highlighted: Shape | null;
  /** A box that waits for its label. */
  readonly unlabeled: Box | null;
}

const UNLABELED = "#5b6b84";

export class BoxPainter implements StagePainter {
  readonly #owner: BoxPainterOwner;

  constructor(owner: BoxPainterOwner) {
    this.#owner = owner;
  }

  paintStatic(context: CanvasRenderingContext2D, stage: ImageStage): void {
    const { scene, fill } = this.#owner;
    const { transform, view } = stage;
    const window = { left: 0, top: 0, width: view.width, height: view.height };
    const shown = scene.store
      .all()
      .filter(
        (shape) =>
          shape.id !== scene.store.selectedId && scene.isVisible(shape) && boxesMeet(transform.boxToScreen(shape), window),
      );
    const withTag = tagFrom(shown.length);
    for (const shape of shown) {
      paintBox(context, transform, shape, { color: scene.colorOf(shape.label), label: shape.label, fill, withTag });
    }
  }

  paintActive(context: CanvasRenderingContext2D, stage: ImageStage): void {
    const { scene, tool, unlabeled, fill } = this.#owner;
    const { transform } = stage;
    const { selected } = scene.store;
    const hovered = this.#owner.highlighted;
    if (hovered && hovered.id !== selected?.id && scene.isVisible(hovered) && !stage.isMoveTool) {
      paintBox(context, transform, hovered, {
        color: scene.colorOf(hovered.label), label: hovered.label, fill: fill + 0.14, withTag: true,
      });
    }
    if (selected && scene.isVisible(selected)) {
      const color = scene.colorOf(selected.label);
      paintBox(context, transform, selected, {
        color, label: selected.label, fill: fill + 0.06, isStrong: true, withTag: true,
      });
      paintHandles(context, transform, selected, color);
      if (tool.isEditing) this.#paintSize(context, stage, selected);
    }
    const draft = tool.drawing ?? unlabeled;
    if (draft) {
      const label = this.#owner.currentLabel;
      const color = label === null ? UNLABELED : scene.colorOf(label);
      context.setLineDash(label === null || unlabeled ? [6, 4] : []);
      paintBox(context, transform, draft, { color, label: label ?? "", fill: fill + 0.08 });
      context.setLineDash([]);
      this.#paintSize(context, stage, draft);
    }
    if (this.#owner.withGuides && !stage.isMoveTool && !tool.isEditing) this.#paintGuides(context, stage);
  }

  /** Lines through the pointer over the whole view, so that edges can be lined up before drawing. */
  #paintGuides(context: CanvasRenderingContext2D, stage: ImageStage): void {
    const at = stage.pointer?.screen;
    if (!at || stage.pointer?.event.pointerType === "touch") return;
    const x = Math.round(at.x) + 0.5;
    const y = Math.round(at.y) + 0.5;
    for (const [color, width] of [["rgba(0, 0, 0, 0.35)", 3], ["rgba(255, 255, 255, 0.9)", 1]] as const) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, stage.view.height);
      context.moveTo(0, y);
      context.lineTo(stage.view.width, y);
      context.stroke();
    }
  }

  #paintSize(context: CanvasRenderingContext2D, stage: ImageStage, box: Box): void {
    const text = `${box.width} × ${box.height}`;
    const screen = stage.transform.boxToScreen(box);
    context.font = "500 11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
    const width = context.measureText(text).width + 10;
    const x = Math.min(Math.max(2, screen.left + screen.width - width), stage.view.width - width - 2);
    const below = screen.top + screen.height + 8;
    const y = below + 18 < stage.view.height ? below : screen.top + screen.height - 24;
    context.fillStyle = "rgba(16, 20, 28, 0.82)";
    context.fillRect(x, y, width, 18);
    context.fillStyle = "#ffffff";
    context.textBaseline = "middle";
    context.fillText(text, x + 5, y + 9.5);
  }
}
