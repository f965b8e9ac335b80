/** What lies under the pointer, best first, and how repeated clicks walk through a stack of shapes. */

import { type Point, distance } from "./geometry.js";
import { type Grip, type Shape, kindOf } from "./shapes.js";
import type { SpatialIndex } from "./spatial-index.js";

/**
 * Shapes at a point, best first: outlines within `tolerance` (image pixels) before insides (of kinds that are selected
 * there), then the smaller shape before the larger one, then the newer before the older.
 */
export function shapesAt(
  point: Point,
  tolerance: number,
  index: SpatialIndex,
  get: (id: number) => Shape | null,
): Shape[] {
  const hits: { shape: Shape; onOutline: boolean; area: number }[] = [];
  const around = { left: point.x - tolerance, top: point.y - tolerance, width: 2 * tolerance, height: 2 * tolerance };
  for (const id of index.query(around)) {
    const shape = get(id);
    if (!shape) continue;
    const kind = kindOf(shape);
    const onOutline = kind.outlineDistance(shape, point) <= tolerance;
    if (onOutline || (kind.isSelectedInside && kind.contains(shape, point)))
      hits.push({ shape, onOutline, area: kind.area(shape) });
  }
  hits.sort((a, b) => Number(b.onOutline) - Number(a.onOutline) || a.area - b.area || b.shape.id - a.shape.id);
  return hits.map((hit) => hit.shape);
}

/** The grip of a shape within `tolerance` of the point, the nearest if several are; a box's corners win over its edges. */
export function gripAt(shape: Shape, point: Point, tolerance: number): Grip | null {
  let best: Grip | null = null;
  let bestDistance = Infinity;
  for (const { grip, at } of kindOf(shape).grips(shape)) {
    const isEdge = typeof grip === "string" && grip.length === 1;
    const away = distance(point, at) + (isEdge ? tolerance / 4 : 0);
    if (distance(point, at) <= tolerance && away < bestDistance) {
      best = grip;
      bestDistance = away;
    }
  }
  return best;
}

/** The shape a click selects: the best hit, or the next one in the stack when one of them is selected already. */
export function nextInStack(hits: readonly Shape[], selectedId: number | null): Shape | null {
  const at = hits.findIndex((shape) => shape.id === selectedId);
  return hits[(at + 1) % Math.max(1, hits.length)] ?? null;
}
