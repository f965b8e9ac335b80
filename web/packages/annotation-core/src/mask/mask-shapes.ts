/**
 * From shapes to rows of whole pixels: a pixel belongs to a shape when its centre does, so edges are never soft.
 * Each function calls `row(y, x0, x1)` once or more per row, with `x1` not included, and leaves out what lies above
 * or below the image.
 */

import type { Box, Point, Size } from "../geometry.js";

export type RowSink = (y: number, x0: number, x1: number) => void;

/** Takes up the rounding of square roots, far below the distance of two pixel centres. */
const TINY = 1e-9;

export const MIN_BRUSH = 1;
export const MAX_BRUSH = 500;

/** Where a brush really sits: odd sizes on the middle of a pixel, even ones on a corner, so that all dabs are alike. */
export function brushCentre(point: Point, diameter: number): Point {
  return diameter % 2
    ? { x: Math.floor(point.x) + 0.5, y: Math.floor(point.y) + 0.5 }
    : { x: Math.round(point.x), y: Math.round(point.y) };
}

/** All pixels within half a diameter of the way from `a` to `b` (a single dab when both are equal). */
export function strokeRows(a: Point, b: Point, diameter: number, size: Size, row: RowSink): void {
  const from = brushCentre(a, diameter);
  const to = brushCentre(b, diameter);
  const r = diameter / 2 + TINY;
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  // The straight sides lie half a diameter to the left and right of the way.
  const nx = length ? (-(to.y - from.y) / length) * r : 0;
  const ny = length ? ((to.x - from.x) / length) * r : 0;
  const corners: readonly (readonly [number, number])[] = [
    [from.x + nx, from.y + ny],
    [to.x + nx, to.y + ny],
    [to.x - nx, to.y - ny],
    [from.x - nx, from.y - ny],
  ];
  const first = Math.max(0, Math.ceil(Math.min(from.y, to.y) - r - 0.5));
  const last = Math.min(size.height - 1, Math.floor(Math.max(from.y, to.y) + r - 0.5));
  for (let y = first; y <= last; y++) {
    const yc = y + 0.5;
    let low = Infinity;
    let high = -Infinity;
    for (const end of [from, to]) {
      const square = r * r - (yc - end.y) ** 2;
      if (square < 0) continue;
      const half = Math.sqrt(square);
      low = Math.min(low, end.x - half);
      high = Math.max(high, end.x + half);
    }
    for (let i = 0; length > 0 && i < 4; i++) {
      const [px, py] = corners[i]!;
      const [qx, qy] = corners[(i + 1) % 4]!;
      if (py === qy || yc < Math.min(py, qy) || yc > Math.max(py, qy)) continue;
      const x = px + ((yc - py) / (qy - py)) * (qx - px);
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
    if (low <= high) row(y, Math.ceil(low - 0.5), Math.floor(high - 0.5) + 1);
  }
}

/** Several points in a row, as a pen gives them between two frames. */
export function pathRows(points: readonly Point[], diameter: number, size: Size, row: RowSink): void {
  if (points.length === 1) strokeRows(points[0]!, points[0]!, diameter, size, row);
  for (let i = 1; i < points.length; i++) strokeRows(points[i - 1]!, points[i]!, diameter, size, row);
}

export function boxRows(box: Box, size: Size, row: RowSink): void {
  const bottom = Math.min(size.height, box.top + box.height);
  for (let y = Math.max(0, box.top); y < bottom; y++) row(y, box.left, box.left + box.width);
}

interface Edge {
  readonly first: number;
  readonly last: number;
  readonly x: number;
  readonly slope: number;
  readonly direction: 1 | -1;
}

/** The inside of a closed outline; an outline that crosses itself keeps all its loops (nonzero winding). */
export function polygonRows(points: readonly Point[], size: Size, row: RowSink): void {
  const edges: Edge[] = [];
  points.forEach((p, i) => {
    const q = points[(i + 1) % points.length]!;
    const [upper, lower] = p.y <= q.y ? [p, q] : [q, p];
    const first = Math.max(0, Math.ceil(upper.y - 0.5));
    const last = Math.min(size.height, Math.ceil(lower.y - 0.5));
    if (first >= last) return;
    const slope = (lower.x - upper.x) / (lower.y - upper.y);
    edges.push({ first, last, x: upper.x + (0.5 - upper.y) * slope, slope, direction: p.y <= q.y ? 1 : -1 });
  });
  edges.sort((a, b) => a.first - b.first);
  let active: Edge[] = [];
  for (let y = edges[0]?.first ?? 0, next = 0; next < edges.length || active.length; y++) {
    active = active.filter((edge) => edge.last > y);
    while (next < edges.length && edges[next]!.first <= y) active.push(edges[next++]!);
    const crossings = active.map((edge) => ({ x: edge.x + y * edge.slope, direction: edge.direction }));
    crossings.sort((a, b) => a.x - b.x);
    let winding = 0;
    crossings.forEach(({ x, direction }, i) => {
      winding += direction;
      if (winding) row(y, Math.ceil(x - 0.5), Math.ceil(crossings[i + 1]!.x - 0.5));
    });
  }
}
