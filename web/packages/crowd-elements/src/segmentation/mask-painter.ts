/** Draws what is over the image: the mask on its own canvas, and on the upper one the tool in the worker's hand. */

import { type Point, brushCentre } from "@labelwright/annotation-core";

import type { ImageStage, StagePainter } from "../base/image-stage.js";
import type { MaskEditor } from "./mask-editor.js";
import type { MaskTool } from "./mask-tool.js";
import type { MaskView, RegionLook } from "./mask-view.js";

/** From this many screen pixels per image pixel on, the grid of pixels is drawn. */
const GRID_FROM = 8;
const UNLABELED = "#5b6b84";
const START = "#1fa34a";

export class MaskPainter implements StagePainter {
  readonly #editor: MaskEditor;
  readonly #tool: MaskTool;
  readonly #view: MaskView;
  #areLooksOld = true;

  constructor(editor: MaskEditor, tool: MaskTool, view: MaskView) {
    this.#editor = editor;
    this.#tool = tool;
    this.#view = view;
  }

  /** Colours, opacity or visibility are others now. */
  looksChanged(): void {
    this.#areLooksOld = true;
  }

  paintStatic(_context: CanvasRenderingContext2D, stage: ImageStage): void {
    const { mask } = this.#editor.document;
    if (this.#areLooksOld) this.#view.setLooks(this.#looks());
    this.#areLooksOld = false;
    mask.takeDirty();
    this.#view.paintAll(stage, mask);
  }

  #looks(): RegionLook[] {
    const editor = this.#editor;
    if (editor.isAllHidden) return [];
    const stressed = editor.highlighted || (editor.areInstances ? (editor.current?.value ?? 0) : 0);
    return editor.document.regions.map((region) => ({
      region,
      opacity: editor.isRegionVisible(region) ? editor.opacity * (editor.labelOpacity.get(region.label) ?? 1) : 0,
      isStressed: region.value === stressed,
    }));
  }

  paintActive(context: CanvasRenderingContext2D, stage: ImageStage): void {
    const { mask } = this.#editor.document;
    const dirty = mask.takeDirty();
    if (dirty && !this.#areLooksOld) this.#view.paintPart(stage, mask, dirty);
    if (stage.transform.scale >= GRID_FROM) paintGrid(context, stage);
    const color = this.#editor.color ?? UNLABELED;
    this.#paintOutline(context, stage, color);
    const { lasso, box } = this.#tool;
    if (lasso.length > 1) {
      line(context, stage, lasso, true);
      context.fillStyle = color;
      context.globalAlpha = 0.25;
      context.fill();
      context.globalAlpha = 1;
      strokeTwice(context, color);
    }
    if (box) {
      const screen = stage.transform.boxToScreen(box);
      context.beginPath();
      context.rect(screen.left, screen.top, screen.width, screen.height);
      strokeTwice(context, color);
    }
    this.#tool.extremes.forEach((point) => dot(context, stage.transform.toScreen(point), 5, color));
    if (!stage.isMoveTool) this.#paintBrush(context, stage, color);
  }

  #paintOutline(context: CanvasRenderingContext2D, stage: ImageStage, color: string): void {
    const { outline } = this.#editor;
    if (!outline.length) return;
    const hover = this.#tool.hovered;
    line(context, stage, hover ? [...outline, hover.image] : outline, false);
    strokeTwice(context, color);
    outline.forEach((point, i) => {
      dot(context, stage.transform.toScreen(point), i === 0 ? 6 : 4, i === 0 ? START : color);
    });
  }

  #paintBrush(context: CanvasRenderingContext2D, stage: ImageStage, color: string): void {
    const hover = this.#tool.hovered;
    const { tool, brushSize } = this.#editor;
    if (!hover || (tool !== "brush" && tool !== "eraser") || hover.event.pointerType === "touch") return;
    const at = stage.transform.toScreen(brushCentre(hover.image, brushSize));
    context.beginPath();
    context.arc(at.x, at.y, Math.max(1.5, (brushSize * stage.transform.scale) / 2), 0, 2 * Math.PI);
    strokeTwice(context, tool === "eraser" ? "#ffffff" : color);
  }
}

function line(context: CanvasRenderingContext2D, stage: ImageStage, points: readonly Point[], isClosed: boolean): void {
  context.beginPath();
  points.forEach((point, i) => {
    const { x, y } = stage.transform.toScreen(point);
    if (i) context.lineTo(x, y);
    else context.moveTo(x, y);
  });
  if (isClosed) context.closePath();
}

/** A coloured line with a dark rim is seen on any picture. */
function strokeTwice(context: CanvasRenderingContext2D, color: string): void {
  context.lineJoin = "round";
  for (const [style, width] of [
    ["rgba(0, 0, 0, 0.6)", 3.5],
    [color, 1.75],
  ] as const) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
  }
}

function dot(context: CanvasRenderingContext2D, at: Point, radius: number, color: string): void {
  context.beginPath();
  context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
  context.strokeStyle = "#ffffff";
  context.lineWidth = 1.5;
  context.stroke();
}

function paintGrid(context: CanvasRenderingContext2D, stage: ImageStage): void {
  const { scale, x, y } = stage.transform;
  const { width, height } = stage.size;
  const [left, top] = [Math.max(0, Math.floor(-x / scale)), Math.max(0, Math.floor(-y / scale))];
  const right = Math.min(width, Math.ceil((stage.view.width - x) / scale));
  const bottom = Math.min(height, Math.ceil((stage.view.height - y) / scale));
  context.beginPath();
  for (let i = left; i <= right; i++) {
    context.moveTo(i * scale + x, top * scale + y);
    context.lineTo(i * scale + x, bottom * scale + y);
  }
  for (let i = top; i <= bottom; i++) {
    context.moveTo(left * scale + x, i * scale + y);
    context.lineTo(right * scale + x, i * scale + y);
  }
  context.strokeStyle = "rgba(0, 0, 0, 0.16)";
  context.lineWidth = 1;
  context.stroke();
}
