/** From shapes to the documented answers. Keys are written in sorted order; every call gives fresh objects. */

import type { Size } from "./geometry.js";
import { differs, listKeys } from "./initial-value.js";
import type { Vertices } from "./path.js";
import type { KindName, NewShape } from "./shapes.js";

interface Vertexed {
  label: string;
  vertices: { x: number; y: number }[];
}

/** One annotation of each kind as it stands in an answer. */
export interface AnswerItems {
  box: { height: number; label: string; left: number; top: number; width: number };
  keypoint: { label: string; x: number; y: number };
  line: Vertexed;
  polyline: Vertexed;
  polygon: Vertexed;
}

/** The answer of a tool for one kind of shape. */
export type ShapesAnswer<K extends KindName> = { [P in (typeof listKeys)[K]]: AnswerItems[K][] } & {
  initialValueModified?: boolean;
  inputImageProperties: { height: number; width: number };
};

/** A shape as it stands in an answer: without its kind and id. */
export function answerItem(shape: NewShape): AnswerItems[KindName] {
  if (shape.kind === "box") {
    const { height, label, left, top, width } = shape;
    return { height, label, left, top, width };
  }
  if (shape.kind === "keypoint") return { label: shape.label, x: shape.x, y: shape.y };
  return { label: shape.label, vertices: copyOf(shape.vertices) };
}

function copyOf(vertices: Vertices): { x: number; y: number }[] {
  return vertices.map(({ x, y }) => ({ x, y }));
}

/**
 * The answer of a tool that draws one kind of shape. Shapes whose label is not in `labels` are left out of both sides.
 * `initial` is the normalised initial value, or null when none was given.
 */
export function shapesAnswer<K extends KindName>(
  kind: K,
  shapes: readonly NewShape[],
  labels: readonly string[],
  size: Size,
  initial: readonly NewShape[] | null,
): ShapesAnswer<K> {
  const known = new Set(labels);
  const isKnown = (shape: NewShape): boolean => known.has(shape.label);
  const kept = shapes.filter(isKnown);
  const answer: Record<string, unknown> = {
    [listKeys[kind]]: kept.map(answerItem),
    inputImageProperties: { height: size.height, width: size.width },
  };
  if (initial) answer["initialValueModified"] = differs(kept, initial.filter(isKnown));
  return sortKeys(answer) as ShapesAnswer<K>;
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
