/** Lines, polylines and polygons as lists of vertices: pure functions, whole pixels inside the image where they edit. */

import { type Box, type Point, type Size, clamp, distance, roundHalfUp } from "./geometry.js";

export type Vertices = readonly Point[];

/** Smallest box around points; of no points an empty one at the origin. */
export function boundsOf(points: Vertices): Box {
  if (!points.length) return { left: 0, top: 0, width: 0, height: 0 };
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return { left, top, width: right - left, height: bottom - top };
}

/** How many edges a path has. Edge i goes from vertex i to the next one. */
export function edgeCount(vertices: Vertices, isClosed: boolean): number {
  return Math.max(0, isClosed ? vertices.length : vertices.length - 1);
}

export function edgeOf(vertices: Vertices, edge: number): readonly [Point, Point] {
  return [vertices[edge]!, vertices[(edge + 1) % vertices.length]!];
}

/** Area inside a closed path, in square pixels. */
export function areaOf(vertices: Vertices): number {
  let twice = 0;
  for (let i = 0; i < vertices.length; i++) {
    const [a, b] = edgeOf(vertices, i);
    twice += a.x * b.y - b.x * a.y;
  }
  return Math.abs(twice) / 2;
}

export function lengthOf(vertices: Vertices): number {
  let length = 0;
  for (let i = 1; i < vertices.length; i++) length += distance(vertices[i - 1]!, vertices[i]!);
  return length;
}

/** Whether a point lies inside a closed path (odd number of edges to its right). */
export function isInside(vertices: Vertices, point: Point): boolean {
  let inside = false;
  for (let i = 0; i < vertices.length; i++) {
    const [a, b] = edgeOf(vertices, i);
    if (a.y > point.y !== b.y > point.y && point.x < ((b.x - a.x) * (point.y - a.y)) / (b.y - a.y) + a.x)
      inside = !inside;
  }
  return inside;
}

/** The point of the straight piece from a to b that is nearest to `point`. */
export function nearestOn(a: Point, b: Point, point: Point): Point {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const square = dx * dx + dy * dy;
  const share = square === 0 ? 0 : clamp(((point.x - a.x) * dx + (point.y - a.y) * dy) / square, 0, 1);
  return { x: a.x + share * dx, y: a.y + share * dy };
}

export interface NearestEdge {
  readonly edge: number;
  readonly at: Point;
  readonly distance: number;
}

/** The edge nearest to a point; null for fewer than two vertices. */
export function nearestEdge(vertices: Vertices, isClosed: boolean, point: Point): NearestEdge | null {
  let best: NearestEdge | null = null;
  for (let edge = 0; edge < edgeCount(vertices, isClosed); edge++) {
    const at = nearestOn(...edgeOf(vertices, edge), point);
    const away = distance(at, point);
    if (!best || away < best.distance) best = { edge, at, distance: away };
  }
  return best;
}

// ---- edges that meet -------------------------------------------------------------------------------------------------

/** Which side of the line from a to b the point c lies on: the sign tells, 0 is on it. Exact for whole pixels. */
function side(a: Point, b: Point, c: Point): number {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

function isBetween(a: Point, b: Point, c: Point): boolean {
  return (
    Math.min(a.x, b.x) <= c.x && c.x <= Math.max(a.x, b.x) && Math.min(a.y, b.y) <= c.y && c.y <= Math.max(a.y, b.y)
  );
}

/** Whether two straight pieces have any point in common, their ends included. */
export function segmentsMeet(a: Point, b: Point, c: Point, d: Point): boolean {
  const [sc, sd, sa, sb] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)].map(Math.sign) as [
    number,
    number,
    number,
    number,
  ];
  if (sc * sd < 0 && sa * sb < 0) return true;
  return (
    (sc === 0 && isBetween(a, b, c)) ||
    (sd === 0 && isBetween(a, b, d)) ||
    (sa === 0 && isBetween(c, d, a)) ||
    (sb === 0 && isBetween(c, d, b))
  );
}

/** Whether the pieces a-b and b-c lie on each other beyond their common end b. */
function foldsBack(a: Point, b: Point, c: Point): boolean {
  return side(a, b, c) === 0 && (a.x - b.x) * (c.x - b.x) + (a.y - b.y) * (c.y - b.y) >= 0;
}

function edgesCross(vertices: Vertices, isClosed: boolean, i: number, j: number): boolean {
  const [a, b] = edgeOf(vertices, i);
  const [c, d] = edgeOf(vertices, j);
  const n = vertices.length;
  const follows = (first: number, second: number): boolean =>
    second === first + 1 || (isClosed && (first + 1) % n === second);
  // A triangle's edges each follow both others; only a shared end counts as meeting lawfully.
  if (follows(i, j)) return foldsBack(a, b, d);
  if (follows(j, i)) return foldsBack(c, d, b);
  return segmentsMeet(a, b, c, d);
}

/**
 * Edges that cross or touch another edge of the same path, in order. Neighbours may share their common end only.
 * With `vertex`, only the edges at that vertex are tried against all others, for looking again at every movement.
 */
export function crossingEdges(vertices: Vertices, isClosed: boolean, vertex?: number): number[] {
  const n = edgeCount(vertices, isClosed);
  const found = new Set<number>();
  const tried = vertex === undefined ? range(n) : edgesAt(vertices, isClosed, vertex);
  for (const i of tried) {
    for (let j = vertex === undefined ? i + 1 : 0; j < n; j++) {
      if (i !== j && edgesCross(vertices, isClosed, i, j)) found.add(i).add(j);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/** Whether any two edges cross; stops at the first. */
export function crossesItself(vertices: Vertices, isClosed: boolean): boolean {
  const n = edgeCount(vertices, isClosed);
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) if (edgesCross(vertices, isClosed, i, j)) return true;
  return false;
}

function edgesAt(vertices: Vertices, isClosed: boolean, vertex: number): number[] {
  const n = edgeCount(vertices, isClosed);
  const edges = [isClosed ? (vertex - 1 + n) % n : vertex - 1, vertex];
  return edges.filter((edge) => edge >= 0 && edge < n);
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

// ---- editing ---------------------------------------------------------------------------------------------------------

export function fitPoint(point: Point, bounds: Size): Point {
  return { x: roundHalfUp(clamp(point.x, 0, bounds.width)), y: roundHalfUp(clamp(point.y, 0, bounds.height)) };
}

export function samePoint(a: Point, b: Point): boolean {
  return a.x === b.x && a.y === b.y;
}

/** Moves one vertex by `delta`, counted from where it was when the movement began. */
export function moveVertex(vertices: Vertices, index: number, delta: Point, bounds: Size): Point[] {
  return vertices.map((at, i) => (i === index ? fitPoint({ x: at.x + delta.x, y: at.y + delta.y }, bounds) : at));
}

/** Moves all vertices alike; the whole stops at the border and keeps its form. */
export function movePath(vertices: Vertices, delta: Point, bounds: Size): Point[] {
  const box = boundsOf(vertices);
  const x = clamp(roundHalfUp(delta.x), -box.left, Math.max(-box.left, bounds.width - box.left - box.width));
  const y = clamp(roundHalfUp(delta.y), -box.top, Math.max(-box.top, bounds.height - box.top - box.height));
  return vertices.map((at) => ({ x: at.x + x, y: at.y + y }));
}

/** Puts a vertex on an edge. */
export function insertVertex(vertices: Vertices, edge: number, at: Point, bounds: Size): Point[] {
  return [...vertices.slice(0, edge + 1), fitPoint(at, bounds), ...vertices.slice(edge + 1)];
}

export function removeVertex(vertices: Vertices, index: number): Point[] {
  return vertices.filter((_, i) => i !== index);
}

export function middleOf(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** Whole pixels inside the image, without a vertex that stands on the one before it (or, closed, the last on the first). */
export function fitPath(vertices: Vertices, isClosed: boolean, bounds: Size): Point[] {
  const fitted: Point[] = [];
  for (const vertex of vertices) {
    const at = fitPoint(vertex, bounds);
    if (!fitted.length || !samePoint(at, fitted.at(-1)!)) fitted.push(at);
  }
  while (isClosed && fitted.length > 1 && samePoint(fitted[0]!, fitted.at(-1)!)) fitted.pop();
  return fitted;
}
