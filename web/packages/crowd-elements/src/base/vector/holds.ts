/** What of a selected shape lies under the pointer. */

import {
  type BoxGrip,
  type BoxShape,
  type Grip,
  type Point,
  type Shape,
  boxContains,
  distance,
  edgeCount,
  edgeOf,
  gripAt,
  isPath,
  kindOf,
  middleOf,
  pathRules,
} from "@labelwright/annotation-core";

/** A grip, or the ring in the middle of an edge that makes a new vertex. */
export type Hold = Grip | { readonly edge: number };

/** Edges shorter than this on the screen show no ring: it would cover the vertices. */
export const RING_FROM_PX = 40;

export function hasRing(shape: Shape, edge: number, scale: number): boolean {
  if (!isPath(shape) || shape.vertices.length >= pathRules[shape.kind].max) return false;
  const [a, b] = edgeOf(shape.vertices, edge);
  return distance(a, b) * scale >= RING_FROM_PX;
}

/** `reach`: how far the pointer may miss a handle, in image pixels; an outline half of that. */
export function holdAt(shape: Shape, point: Point, reach: number, scale: number): Hold | null {
  if (shape.kind === "box") return boxHold(shape, point, reach);
  const kind = kindOf(shape);
  if (shape.kind === "keypoint") return kind.outlineDistance(shape, point) <= reach ? "body" : null;
  const vertex = gripAt(shape, point, reach);
  if (vertex !== null) return vertex;
  for (let edge = 0; edge < edgeCount(shape.vertices, pathRules[shape.kind].isClosed); edge++) {
    const isNear = distance(middleOf(...edgeOf(shape.vertices, edge)), point) <= reach;
    if (isNear && hasRing(shape, edge, scale)) return { edge };
  }
  return kind.outlineDistance(shape, point) <= reach / 2 || kind.contains(shape, point) ? "body" : null;
}

function boxHold(shape: BoxShape, point: Point, reach: number): BoxGrip | null {
  const isInside = boxContains(shape, point);
  // Inside a small box a part in the middle stays free for moving it.
  const free = Math.min(reach, isInside ? Math.min(shape.width, shape.height) / 4 : Infinity);
  const handle = gripAt(shape, point, free);
  if (handle !== null) return handle as BoxGrip;
  if (boxContains(shape, point, free / 2)) return boxEdgeAt(shape, point, free / 2) ?? (isInside ? "body" : null);
  return null;
}

function boxEdgeAt(box: BoxShape, point: Point, reach: number): BoxGrip | null {
  const distances: [BoxGrip, number][] = [
    ["w", Math.abs(point.x - box.left)],
    ["e", Math.abs(point.x - box.left - box.width)],
    ["n", Math.abs(point.y - box.top)],
    ["s", Math.abs(point.y - box.top - box.height)],
  ];
  const [grip, away] = distances.reduce((best, next) => (next[1] < best[1] ? next : best));
  return away <= reach ? grip : null;
}

const CURSORS: Readonly<Record<BoxGrip, string>> = {
  nw: "nwse-resize",
  se: "nwse-resize",
  ne: "nesw-resize",
  sw: "nesw-resize",
  n: "ns-resize",
  s: "ns-resize",
  e: "ew-resize",
  w: "ew-resize",
  body: "move",
};

export function cursorOf(hold: Hold): string {
  if (typeof hold === "object") return "copy";
  return typeof hold === "number" ? "grab" : CURSORS[hold];
}
