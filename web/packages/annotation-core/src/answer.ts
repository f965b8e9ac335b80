/** From shapes to the documented answers. Keys are written in sorted order; every call gives fresh objects. */

import type { Size } from "./geometry.js";
import { differs } from "./initial-value.js";
import type { NewShape } from "./shapes.js";

export interface BoundingBoxAnswer {
  boundingBoxes: { height: number; label: string; left: number; top: number; width: number }[];
  initialValueModified?: boolean;
  inputImageProperties: { height: number; width: number };
}

/**
 * The answer of a bounding box tool. Shapes whose label is not in `labels` are left out of both sides.
 * `initial` is the normalised initial value, or null when none was given.
 */
export function boundingBoxAnswer(
  shapes: readonly NewShape[],
  labels: readonly string[],
  size: Size,
  initial: readonly NewShape[] | null,
): BoundingBoxAnswer {
  const known = new Set(labels);
  const kept = shapes.filter((shape) => known.has(shape.label));
  return {
    boundingBoxes: kept.map(({ height, label, left, top, width }) => ({ height, label, left, top, width })),
    ...(initial && {
      initialValueModified: differs(
        kept,
        initial.filter((shape) => known.has(shape.label)),
      ),
    }),
    inputImageProperties: { height: size.height, width: size.width },
  };
}

/** A copy with the keys of all plain objects in sorted order, at every depth. */
export function sortKeys<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sortKeys) as T;
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const sorted: Record<string, unknown> = {};
  for (const [key, item] of entries) {
    // defineProperty: a control may be called "__proto__", and must then be a key like any other.
    Object.defineProperty(sorted, key, { value: sortKeys(item), enumerable: true, writable: true, configurable: true });
  }
  return sorted as T;
}

/** The `flatten-objects` form: nested plain objects become dotted keys at the top; lists stay lists. */
export function flattenObjects(answer: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  const walk = (value: unknown, path: string): void => {
    if (value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0) {
      for (const [key, item] of Object.entries(value)) walk(item, `${path}.${key}`);
    } else flat[path] = value;
  };
  for (const [key, item] of Object.entries(answer)) walk(item, key);
  return flat;
}
