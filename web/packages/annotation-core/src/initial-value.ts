/** Earlier annotations given to a tool, brought into the form that drawing would have given them. */

import { fitBox } from "./box.js";
import type { Size } from "./geometry.js";
import { LiteralError, describe } from "./literal.js";
import type { NewShape, Shape } from "./shapes.js";
import { kindOf } from "./shapes.js";

/** True when an initial value was given at all; an empty list counts, null and "null" do not. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && value !== "null";
}

/**
 * Boxes from a list of `{label, left, top, width, height}`, or from an earlier answer `{boundingBoxes: [...]}`.
 * Coordinates are clamped to the image and rounded. Entries that are no boxes are left out with a warning.
 */
export function boxesFrom(value: unknown, bounds: Size): { shapes: NewShape[]; warnings: string[] } {
  if (!isGiven(value)) return { shapes: [], warnings: [] };
  const list = Array.isArray(value) ? value : (value as { boundingBoxes?: unknown }).boundingBoxes;
  if (!Array.isArray(list)) {
    throw new LiteralError(`expected a list of boxes {label, left, top, width, height}, got ${describe(value)}`);
  }
  const shapes: NewShape[] = [];
  const warnings: string[] = [];
  list.forEach((item: unknown, i) => {
    const { label, left, top, width, height } = (item ?? {}) as Record<string, unknown>;
    const numbers = [left, top, width, height].map((n) => (typeof n === "string" && n.trim() !== "" ? Number(n) : n));
    if (typeof label !== "string" || !numbers.every((n): n is number => typeof n === "number" && Number.isFinite(n))) {
      warnings.push(`initial-value entry ${i + 1} is left out: it needs a label and the numbers left, top, width, height`);
      return;
    }
    const [l, t, w, h] = numbers as [number, number, number, number];
    shapes.push({ kind: "box", label, ...fitBox({ left: l, top: t, width: w, height: h }, bounds) });
  });
  return { shapes, warnings };
}

/** Whether two sets of shapes differ, whatever their order and ids. */
export function differs(now: readonly NewShape[], initial: readonly NewShape[]): boolean {
  if (now.length !== initial.length) return true;
  const counts = new Map<string, number>();
  const key = (shape: NewShape): string => {
    const { id: _, ...rest } = shape as Shape;
    return JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  for (const shape of initial) counts.set(key(shape), (counts.get(key(shape)) ?? 0) + 1);
  return now.some((shape) => {
    const left = (counts.get(key(shape)) ?? 0) - 1;
    counts.set(key(shape), left);
    return left < 0;
  });
}

/** Shapes moved and rounded into an image (used when a draft meets an image of another size). */
export function fitAll(shapes: readonly Shape[], bounds: Size): Shape[] {
  return shapes.map((shape) => kindOf(shape).fit(shape, bounds));
}
