/**
 * Pulls a point to what is near: a vertex of another shape, else an edge of one, else the border of the image, else an
 * edge in the picture.
 */

import { BOX_HANDLES, handlePoint } from "./box.js";
import { type Point, type Size, distance } from "./geometry.js";
import { nearestEdge } from "./path.js";
import { type Shape, isPath, pathRules } from "./shapes.js";

/** Corners of a shape, and whether its outline is closed. */
function outlineOf(shape: Shape): { readonly corners: readonly Point[]; readonly isClosed: boolean } {
  if (shape.kind === "keypoint") return { corners: [shape], isClosed: false };
  if (isPath(shape)) return { corners: shape.vertices, isClosed: pathRules[shape.kind].isClosed };
  return {
    corners: BOX_HANDLES.filter((name) => name.length === 2).map((name) => handlePoint(shape, name)),
    isClosed: true,
  };
}

/** What a point was pulled to. */
export type SnapTarget = "corner" | "edge" | "border" | "picture";

export interface Snapped {
  readonly at: Point;
  /** Null: nothing was near, and the point is where it was. */
  readonly to: SnapTarget | null;
}

/**
 * `shapes`: those near the point. `inPicture` looks for an edge of the picture within `reach`; it is asked last, since
 * what was drawn before is surer. Nothing within `reach` image pixels: the point itself.
 */
export function snap(
  point: Point,
  reach: number,
  shapes: readonly Shape[],
  bounds: Size,
  inPicture: () => Point | null = () => null,
): Snapped {
  const outlines = shapes.map(outlineOf);
  const nearest = (candidates: readonly Point[]): Point | null => {
    let best: Point | null = null;
    for (const at of candidates) if (distance(at, point) <= (best ? distance(best, point) : reach)) best = at;
    return best;
  };
  const corner = nearest(outlines.flatMap(({ corners }) => corners));
  if (corner) return { at: corner, to: "corner" };
  const edge = nearest(outlines.flatMap(({ corners, isClosed }) => nearestEdge(corners, isClosed, point)?.at ?? []));
  if (edge) return { at: edge, to: "edge" };
  const toBorder = (value: number, limit: number): number =>
    Math.abs(value) <= reach ? 0 : Math.abs(value - limit) <= reach ? limit : value;
  const border = { x: toBorder(point.x, bounds.width), y: toBorder(point.y, bounds.height) };
  if (border.x !== point.x || border.y !== point.y) return { at: border, to: "border" };
  const found = inPicture();
  return found ? { at: found, to: "picture" } : { at: point, to: null };
}
