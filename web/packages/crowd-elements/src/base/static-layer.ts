/**
 * The canvas with the shapes at rest. Where very much is drawn, a view in motion shows the earlier picture of it, moved
 * or scaled; what comes into view at the edges is added, and at rest all is drawn anew.
 */

import type { Box, Transform } from "@labelwright/annotation-core";

import type { ImageStage, StagePainter } from "./image-stage.js";

/** A view that has not moved for so long is at rest. */
const REST_MS = 120;

/** Brings a canvas to the size of the view and paints it, in the view's own pixels. */
export function clearAndPaint(
  canvas: HTMLCanvasElement,
  stage: ImageStage,
  paint: (context: CanvasRenderingContext2D) => void,
): void {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(stage.view.width * ratio);
  const height = Math.round(stage.view.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!stage.isReady) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  paint(context);
}

export class StaticLayer {
  /** The view that the canvas shows. */
  #painted: { readonly transform: Transform; readonly ratio: number } | null = null;
  #restTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly stage: ImageStage,
    private readonly painter: StagePainter | null,
  ) {}

  destroy(): void {
    clearTimeout(this.#restTimer);
  }

  paint(): void {
    const { stage, painter } = this;
    clearTimeout(this.#restTimer);
    this.canvas.style.transform = "";
    this.#painted = stage.isReady ? { transform: stage.transform, ratio: window.devicePixelRatio || 1 } : null;
    clearAndPaint(this.canvas, stage, (context) => painter?.paintStatic(context, stage));
  }

  /** Shows the shapes where the view is now without drawing all of them. False: they have to be drawn. */
  follow(): boolean {
    const { stage, painter } = this;
    const before = this.#painted;
    const ratio = window.devicePixelRatio || 1;
    if (!before || !painter?.isHeavy || before.ratio !== ratio || !stage.isReady) return false;
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => stage.invalidate(), REST_MS);
    const { scale, x, y } = stage.transform;
    const dx = (x - before.transform.x) * ratio;
    const dy = (y - before.transform.y) * ratio;
    const isWhole = Math.abs(dx - Math.round(dx)) < 0.01 && Math.abs(dy - Math.round(dy)) < 0.01;
    if (scale === before.transform.scale && isWhole && this.canvas.style.transform === "") {
      this.#scroll(painter, Math.round(dx), Math.round(dy), ratio);
    } else {
      const factor = scale / before.transform.scale;
      const left = x - before.transform.x * factor;
      const top = y - before.transform.y * factor;
      this.canvas.style.transform = `translate(${left}px, ${top}px) scale(${factor})`;
    }
    return true;
  }

  /** Moves what the canvas shows by device pixels, and draws what comes into view. */
  #scroll(painter: StagePainter, dx: number, dy: number, ratio: number): void {
    const { width, height } = this.canvas;
    if (Math.abs(dx) >= width || Math.abs(dy) >= height) return this.paint();
    const context = this.canvas.getContext("2d")!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = "copy";
    context.drawImage(this.canvas, dx, dy);
    context.globalCompositeOperation = "source-over";
    this.#painted = { transform: this.stage.transform, ratio };
    const strips: Box[] = [
      { left: dx > 0 ? 0 : width + dx, top: 0, width: Math.abs(dx), height },
      { left: 0, top: dy > 0 ? 0 : height + dy, width, height: Math.abs(dy) },
    ];
    for (const strip of strips) {
      if (!strip.width || !strip.height) continue;
      const part = {
        left: strip.left / ratio,
        top: strip.top / ratio,
        width: strip.width / ratio,
        height: strip.height / ratio,
      };
      context.save();
      context.beginPath();
      context.rect(strip.left, strip.top, strip.width, strip.height);
      context.clip();
      // The corner belongs to both strips; drawn twice it would be darker.
      context.clearRect(strip.left, strip.top, strip.width, strip.height);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      painter.paintStatic(context, this.stage, part);
      context.restore();
    }
  }
}
