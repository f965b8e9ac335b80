/** What the two canvases of a drawing tool show. The lower one holds shapes at rest, the upper one the rest. */

import {
  type Box,
  type Outline,
  type Point,
  type Shape,
  boxesMeet,
  crossingEdges,
  edgeCount,
  edgeOf,
  isPath,
  kindOf,
  middleOf,
  pathRules,
} from "@labelwright/annotation-core";

import type { ImageStage, StagePainter } from "../image-stage.js";
import { paintBoxHandles, paintDot, paintEdge, paintShape, tagFrom } from "../paint-shapes.js";
import { hasRing } from "./holds.js";
import { PathTool } from "./path-tool.js";
import type { ShapeEditor } from "./shape-editor.js";
import type { ShapeTool } from "./shape-tool.js";

export interface ShapePainterOwner {
  readonly editor: ShapeEditor;
  readonly tool: ShapeTool;
  readonly fill: number;
  readonly withGuides: boolean;
  /** The shape under the pointer in the list. */
  readonly listHover: Shape | null;
}

const UNLABELED = "#5b6b84";
const REFUSED = "#e5202e";
/** The point that finishes a path. */
const GOAL = "#12b347";
const CHOSEN = "#ffd21f";
const SNAPPED = "#d6249f";
const SNAPPED_PX = 8;
const VERTEX_PX = 5;
const RING_PX = 4;
/** With more points than this in view, drawing them takes longer than a frame lasts. */
const HEAVY_FROM = 1500;
/** Above a shape stands its name, beside a point too. */
const TAG_PX = 24;
const POINT_TAG_PX = 300;

function withRoomForTag(shape: Shape, { left, top, width, height }: Box): Box {
  const right = shape.kind === "keypoint" ? POINT_TAG_PX : TAG_PX + (isPath(shape) ? width : 0);
  return { left: left - TAG_PX, top: top - TAG_PX, width: width + TAG_PX + right, height: height + 2 * TAG_PX };
}

export class ShapePainter implements StagePainter {
  readonly #owner: ShapePainterOwner;
  /** Points of all paths that were drawn last. */
  #nPoints = 0;

  constructor(owner: ShapePainterOwner) {
    this.#owner = owner;
  }

  get isHeavy(): boolean {
    return this.#nPoints > HEAVY_FROM;
  }

  paintStatic(context: CanvasRenderingContext2D, stage: ImageStage, part?: Box): void {
    const { editor, fill } = this.#owner;
    const { scene } = editor;
    const { transform, view } = stage;
    const window = { left: -8, top: -8, width: view.width + 16, height: view.height + 16 };
    const shown: { readonly shape: Shape; readonly screen: Box }[] = [];
    this.#nPoints = 0;
    for (const shape of scene.store.all()) {
      if (shape.id === scene.store.selectedId || !scene.isVisible(shape)) continue;
      const screen = transform.boxToScreen(kindOf(shape).bounds(shape));
      if (!boxesMeet(screen, window)) continue;
      shown.push({ shape, screen });
      this.#nPoints += isPath(shape) ? shape.vertices.length : 0;
    }
    const withTag = tagFrom(shown.length);
    for (const { shape, screen } of shown) {
      if (part && !boxesMeet(withRoomForTag(shape, screen), part)) continue;
      paintShape(context, transform, shape, { color: scene.colorOf(shape.label), label: shape.label, fill, withTag });
    }
  }

  paintActive(context: CanvasRenderingContext2D, stage: ImageStage): void {
    const { editor, tool, fill, listHover } = this.#owner;
    const { scene, asking } = editor;
    const { transform } = stage;
    const { selected } = scene.store;
    const hovered = tool.hovered ?? listHover;
    if (hovered && hovered.id !== selected?.id && scene.isVisible(hovered) && !stage.isMoveTool) {
      paintShape(context, transform, hovered, {
        color: scene.colorOf(hovered.label),
        label: hovered.label,
        fill: fill + 0.14,
        withTag: true,
      });
    }
    if (selected && scene.isVisible(selected)) this.#paintSelected(context, stage, selected);
    const unlabeled = asking?.for === "new" ? asking.outline : null;
    const outline = tool.drawing ?? unlabeled;
    if (outline) this.#paintNew(context, stage, outline, unlabeled !== null);
    if (asking?.for === "path")
      for (const point of asking.points) paintDot(context, transform.toScreen(point), VERTEX_PX, UNLABELED);
    if (editor.isDrawing) this.#paintPath(context, stage);
    // Asked for only now: where the path goes on has just been looked for.
    if (tool.snapped && !asking && !stage.isMoveTool)
      paintSnapped(context, transform.toScreen(tool.snapped.at), tool.snapped.to === "corner");
    if (this.#owner.withGuides && !asking && !stage.isMoveTool && !tool.isEditing) paintGuides(context, stage);
  }

  #paintSelected(context: CanvasRenderingContext2D, stage: ImageStage, shape: Shape): void {
    const { editor, tool, fill } = this.#owner;
    const { transform } = stage;
    const color = editor.scene.colorOf(shape.label);
    paintShape(context, transform, shape, {
      color,
      label: shape.label,
      fill: fill + 0.06,
      isStrong: true,
      withTag: true,
    });
    if (shape.kind === "box") {
      paintBoxHandles(context, transform, shape, color);
      if (tool.isEditing) paintSize(context, stage, shape);
      return;
    }
    if (!isPath(shape)) return;
    const { isClosed, mayCross } = pathRules[shape.kind];
    if (!mayCross && tool.isEditing) {
      const crossing = crossingEdges(shape.vertices, isClosed, tool.movedVertex ?? undefined);
      for (const edge of crossing) paintEdge(context, transform, edgeOf(shape.vertices, edge), REFUSED);
    }
    if (!tool.isEditing) {
      for (let edge = 0; edge < edgeCount(shape.vertices, isClosed); edge++) {
        if (!hasRing(shape, edge, transform.scale)) continue;
        context.globalAlpha = 0.75;
        paintDot(context, transform.toScreen(middleOf(...edgeOf(shape.vertices, edge))), RING_PX, "#ffffff", color);
        context.globalAlpha = 1;
      }
    }
    shape.vertices.forEach((vertex, i) => {
      const isChosen = i === (tool.movedVertex ?? editor.vertex);
      paintDot(
        context,
        transform.toScreen(vertex),
        isChosen ? VERTEX_PX + 2 : VERTEX_PX,
        color,
        isChosen ? CHOSEN : "#ffffff",
      );
    });
  }

  #paintNew(context: CanvasRenderingContext2D, stage: ImageStage, outline: Outline, isUnlabeled: boolean): void {
    const { editor, fill } = this.#owner;
    const label = isUnlabeled ? null : editor.currentLabel;
    context.setLineDash(label === null ? [6, 4] : []);
    paintShape(context, stage.transform, outline, { color: this.#color(label), label: label ?? "", fill: fill + 0.08 });
    context.setLineDash([]);
    if (outline.kind === "box") paintSize(context, stage, outline);
  }

  #color(label: string | null): string {
    return label === null ? UNLABELED : this.#owner.editor.scene.colorOf(label);
  }

  /** The path being drawn: its edges, the way to the pointer, and the point that finishes it. */
  #paintPath(context: CanvasRenderingContext2D, stage: ImageStage): void {
    const { editor, tool, fill } = this.#owner;
    const { kind, points, goal } = editor.drawing!;
    const { transform } = stage;
    const { isClosed } = pathRules[kind];
    const color = this.#color(editor.currentLabel);
    const next = tool instanceof PathTool ? tool.next : null;
    if (isClosed) this.#fillSoFar(context, stage, next ? [...points, next.at] : points, color, fill);
    paintShape(
      context,
      transform,
      { kind: "polyline", vertices: points },
      { color, label: "", fill: 0, isStrong: true },
    );
    if (next) {
      const last = points.at(-1)!;
      if (isClosed && points.length > 1 && !next.isGoal) {
        context.globalAlpha = 0.55;
        paintEdge(context, transform, [next.at, points[0]!], color, [3, 6]);
        context.globalAlpha = 1;
      }
      paintEdge(context, transform, [last, next.at], next.isRefused ? REFUSED : color, next.isRefused ? [] : [6, 5]);
    }
    // The start of a polygon is green from the first point on, so that everybody knows where it will end.
    const green = goal ?? (isClosed ? points[0] : null);
    // White inside, because the label's own colour may be green as well.
    for (const point of points) {
      if (point !== green) paintDot(context, transform.toScreen(point), VERTEX_PX, "#ffffff", color);
    }
    if (green) paintDot(context, transform.toScreen(green), next?.isGoal ? VERTEX_PX + 4 : VERTEX_PX + 1.5, GOAL);
    if (next && !next.isGoal)
      paintDot(context, transform.toScreen(next.at), VERTEX_PX - 1, next.isRefused ? REFUSED : color);
  }

  #fillSoFar(
    context: CanvasRenderingContext2D,
    { transform }: ImageStage,
    points: readonly Point[],
    color: string,
    fill: number,
  ): void {
    context.beginPath();
    for (const point of points) {
      const { x, y } = transform.toScreen(point);
      context.lineTo(x, y);
    }
    context.globalAlpha = fill;
    context.fillStyle = color;
    context.fill();
    context.globalAlpha = 1;
  }
}

/** A diamond where the point was pulled to, filled on a corner: the click will go there and not under the pointer. */
function paintSnapped(context: CanvasRenderingContext2D, { x, y }: Point, isCorner: boolean): void {
  context.beginPath();
  context.moveTo(x, y - SNAPPED_PX);
  context.lineTo(x + SNAPPED_PX, y);
  context.lineTo(x, y + SNAPPED_PX);
  context.lineTo(x - SNAPPED_PX, y);
  context.closePath();
  context.lineJoin = "miter";
  for (const [color, width] of [
    ["#000000a6", 5],
    ["#ffffff", 3.5],
    [SNAPPED, 2],
  ] as const) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke();
  }
  if (!isCorner) return;
  context.fillStyle = SNAPPED;
  context.fill();
}

/** Lines through the pointer over the whole view, so that edges can be lined up before drawing. */
function paintGuides(context: CanvasRenderingContext2D, stage: ImageStage): void {
  const at = stage.pointer?.screen;
  if (!at || stage.pointer?.event.pointerType === "touch") return;
  const x = Math.round(at.x) + 0.5;
  const y = Math.round(at.y) + 0.5;
  for (const [color, width] of [
    ["rgba(0, 0, 0, 0.35)", 3],
    ["rgba(255, 255, 255, 0.9)", 1],
  ] as const) {
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

function paintSize(context: CanvasRenderingContext2D, stage: ImageStage, box: Box): void {
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
