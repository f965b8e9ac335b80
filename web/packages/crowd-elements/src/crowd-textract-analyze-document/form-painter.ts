/** Outlines of keys and values over the document; the current pair stands out. */

import { type Block, type Point, outlineOf } from "@labelwright/annotation-core";

import type { ImageStage, StagePainter } from "../base/image-stage.js";

const KEY_COLOR = "#1f77b4";
const VALUE_COLOR = "#d9640a";

export interface FormPainterSource {
  /** Blocks of each pair: its key and its values. */
  pairBlocks(): readonly {
    readonly isCurrent: boolean;
    readonly key: Block | undefined;
    readonly values: readonly Block[];
  }[];
}

export function formPainter(source: FormPainterSource): StagePainter {
  return {
    paintStatic: (context, stage) => {
      for (const { isCurrent, key, values } of source.pairBlocks()) {
        if (!isCurrent)
          for (const block of [key, ...values])
            outline(context, stage, block, block === key ? KEY_COLOR : VALUE_COLOR, false);
      }
      for (const { isCurrent, key, values } of source.pairBlocks()) {
        if (isCurrent)
          for (const block of [key, ...values])
            outline(context, stage, block, block === key ? KEY_COLOR : VALUE_COLOR, true);
      }
    },
    paintActive: () => {},
  };
}

function outline(
  context: CanvasRenderingContext2D,
  stage: ImageStage,
  block: Block | undefined,
  color: string,
  isStrong: boolean,
): void {
  const points = outlineOf(block, stage.size).map((point) => stage.transform.toScreen(point));
  const [first, ...rest] = points;
  if (!first) return;
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const { x, y } of rest) context.lineTo(x, y);
  context.closePath();
  context.globalAlpha = isStrong ? 0.22 : 0.08;
  context.fillStyle = color;
  context.fill();
  context.globalAlpha = isStrong ? 1 : 0.55;
  context.lineWidth = isStrong ? 2.5 : 1;
  context.strokeStyle = color;
  context.stroke();
  context.globalAlpha = 1;
}

/** Whether a point of the image lies in a block. */
export function isInBlock(block: Block | undefined, point: Point, size: { width: number; height: number }): boolean {
  const points = outlineOf(block, size);
  let isInside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [a, b] = [points[i]!, points[j]!];
    if (a.y > point.y !== b.y > point.y && point.x < ((b.x - a.x) * (point.y - a.y)) / (b.y - a.y) + a.x)
      isInside = !isInside;
  }
  return isInside;
}
