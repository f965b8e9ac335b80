/** Earlier annotations given to a tool, brought into the form that drawing would have given them. */

import { fitBox } from "./box.js";
import type { Point, Size } from "./geometry.js";
import { LiteralError, describe } from "./literal.js";
import { fitPath, fitPoint } from "./path.js";
import {
  type KindName,
  type NewShape,
  type Outline,
  type PathKindName,
  type Shape,
  kindOf,
  pathRules,
} from "./shapes.js";

/** Where each kind's shapes stand in an answer. */
export const listKeys = {
  box: "boundingBoxes",
  keypoint: "keypoints",
  line: "lines",
  polyline: "polylines",
  polygon: "polygons",
} as const satisfies Record<KindName, string>;

/** True when an initial value was given at all; an empty list counts, null and "null" do not. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && value !== "null";
}

type Fields = Readonly<Record<string, unknown>>;

/** Numbers out of an entry, null if one of them is none. Text that is a number counts as one. */
function numbers(entry: Fields, ...names: readonly string[]): number[] | null {
  const found = names.map((name) => {
    const value = entry[name];
    return typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  });
  return found.every((n): n is number => typeof n === "number" && Number.isFinite(n)) ? found : null;
}

function readPath(kind: PathKindName, entry: Fields, bounds: Size): Outline | null {
  const { vertices } = entry;
  if (!Array.isArray(vertices)) return null;
  const points: Point[] = [];
  for (const vertex of vertices as unknown[]) {
    const at = numbers((vertex ?? {}) as Fields, "x", "y");
    if (!at) return null;
    points.push({ x: at[0]!, y: at[1]! });
  }
  const { min, max, isClosed } = pathRules[kind];
  const fitted = fitPath(points, isClosed, bounds);
  return fitted.length < min || fitted.length > max ? null : { kind, vertices: fitted };
}

/** How an entry of each kind is read (null: it is none), and what it has to look like. */
const readers: Readonly<
  Record<KindName, { readonly needs: string; readonly read: (entry: Fields, bounds: Size) => Outline | null }>
> = {
  box: {
    needs: "the numbers left, top, width, height",
    read(entry, bounds) {
      const found = numbers(entry, "left", "top", "width", "height");
      if (!found) return null;
      const [left, top, width, height] = found as [number, number, number, number];
      return { kind: "box", ...fitBox({ left, top, width, height }, bounds) };
    },
  },
  keypoint: {
    needs: "the numbers x, y",
    read(entry, bounds) {
      const found = numbers(entry, "x", "y");
      return found && { kind: "keypoint", ...fitPoint({ x: found[0]!, y: found[1]! }, bounds) };
    },
  },
  line: { needs: "two different vertices {x, y}", read: (entry, bounds) => readPath("line", entry, bounds) },
  polyline: {
    needs: "at least two different vertices {x, y}",
    read: (entry, bounds) => readPath("polyline", entry, bounds),
  },
  polygon: {
    needs: "at least three different vertices {x, y}",
    read: (entry, bounds) => readPath("polygon", entry, bounds),
  },
};

/**
 * Shapes of one kind from a list of entries as they stand in an answer, or from an earlier answer that holds such a list.
 * Coordinates are clamped to the image and rounded. Entries that are no such shapes are left out with a warning.
 */
export function shapesFrom(kind: KindName, value: unknown, bounds: Size): { shapes: NewShape[]; warnings: string[] } {
  if (!isGiven(value)) return { shapes: [], warnings: [] };
  const { needs, read } = readers[kind];
  const list = Array.isArray(value) ? (value as unknown[]) : (value as Fields)[listKeys[kind]];
  if (!Array.isArray(list)) {
    throw new LiteralError(`expected a list with a label and ${needs} in each entry, got ${describe(value)}`);
  }
  const shapes: NewShape[] = [];
  const warnings: string[] = [];
  list.forEach((item: unknown, i) => {
    const entry = (item ?? {}) as Fields;
    const outline = read(entry, bounds);
    if (typeof entry["label"] === "string" && outline) shapes.push({ ...outline, label: entry["label"] });
    else warnings.push(`initial-value entry ${i + 1} is left out: it needs a label and ${needs}`);
  });
  return { shapes, warnings };
}

/**
 * Shapes of an answer for another image, brought to the size of this one. Throws LiteralError when it is no answer of
 * this kind.
 */
export function shapesOfAnswer(kind: KindName, answer: unknown, size: Size): NewShape[] {
  const { width, height } = ((answer as Fields | null)?.["inputImageProperties"] ?? {}) as {
    width?: unknown;
    height?: unknown;
  };
  const then = { width: Number(width) || size.width, height: Number(height) || size.height };
  const { shapes } = shapesFrom(kind, answer, then);
  if (then.width === size.width && then.height === size.height) return shapes;
  const [x, y] = [size.width / then.width, size.height / then.height];
  // A shape has the fields of an entry, so it can be read like one: what no longer is such a shape falls out.
  return shapesFrom(
    kind,
    shapes.map((shape) => scaled(shape, x, y)),
    size,
  ).shapes;
}

function scaled(shape: NewShape, x: number, y: number): NewShape {
  if (shape.kind === "box") {
    return { ...shape, left: shape.left * x, top: shape.top * y, width: shape.width * x, height: shape.height * y };
  }
  if (shape.kind === "keypoint") return { ...shape, x: shape.x * x, y: shape.y * y };
  return { ...shape, vertices: shape.vertices.map((at) => ({ x: at.x * x, y: at.y * y })) };
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
