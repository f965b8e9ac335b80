/** Shapes are plain data. A new kind of shape joins the union and brings one `ShapeKind` for it. */

import { BOX_HANDLES, type BoxHandle, edit, fitBox, handlePoint, sameBox } from "./box.js";
import { type Box, type Point, type Size, boxArea, boxContains, clamp, distance } from "./geometry.js";
import {
  type Vertices,
  areaOf,
  boundsOf,
  crossesItself,
  fitPath,
  fitPoint,
  isInside,
  movePath,
  moveVertex,
  nearestEdge,
  samePoint,
} from "./path.js";

interface Labeled {
  readonly id: number;
  readonly label: string;
}

export interface BoxShape extends Labeled, Box {
  readonly kind: "box";
}

export interface KeypointShape extends Labeled, Point {
  readonly kind: "keypoint";
}

export type PathKindName = "line" | "polyline" | "polygon";

export interface PathShape<K extends PathKindName = PathKindName> extends Labeled {
  readonly kind: K;
  readonly vertices: Vertices;
}

export type Shape = BoxShape | KeypointShape | PathShape<"line"> | PathShape<"polyline"> | PathShape<"polygon">;

export type KindName = Shape["kind"];

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A shape before the store has given it its id. */
export type NewShape = Without<Shape, "id">;

/** A shape that waits for its label. */
export type Outline = Without<Shape, "id" | "label">;

/** What a movement takes hold of: a handle of a box, a vertex by its number, or the whole shape. */
export type Grip = BoxHandle | number | "body";

/** What the kinds of paths may look like. */
export const pathRules: Readonly<
  Record<
    PathKindName,
    { readonly min: number; readonly max: number; readonly isClosed: boolean; readonly mayCross: boolean }
  >
> = {
  line: { min: 2, max: 2, isClosed: false, mayCross: true },
  polyline: { min: 2, max: Infinity, isClosed: false, mayCross: true },
  polygon: { min: 3, max: Infinity, isClosed: true, mayCross: false },
};

/** All that the store, hit testing and the stage must know about a kind of shape. */
export interface ShapeKind<S extends Outline> {
  bounds(shape: S): Box;
  area(shape: S): number;
  /** Distance in image pixels from the point to the outline; 0 on it. */
  outlineDistance(shape: S, point: Point): number;
  contains(shape: S, point: Point): boolean;
  /** A click inside selects, not only one on the outline. */
  readonly isSelectedInside: boolean;
  grips(shape: S): readonly { readonly grip: Grip; readonly at: Point }[];
  /** Moves a grip by `delta`, counted from the shape as it was when the movement began. */
  edit<T extends S>(shape: T, grip: Grip, delta: Point, bounds: Size): T;
  fit<T extends S>(shape: T, bounds: Size): T;
  /** Whether a worker may leave the shape so. */
  isLegal(shape: S): boolean;
  /** The same place (labels and ids aside). */
  same(a: S, b: S): boolean;
  /** A plain shape of this kind that fills a box, for those who draw by key. */
  sample(area: Box, bounds: Size): S;
}

const box: ShapeKind<Without<BoxShape, "id" | "label">> = {
  bounds: (shape) => shape,
  area: boxArea,
  contains: (shape, point) => boxContains(shape, point),
  isSelectedInside: true,
  outlineDistance(shape, point) {
    const dx = Math.max(shape.left - point.x, point.x - shape.left - shape.width);
    const dy = Math.max(shape.top - point.y, point.y - shape.top - shape.height);
    if (dx <= 0 && dy <= 0) return -Math.max(dx, dy);
    return Math.hypot(Math.max(dx, 0), Math.max(dy, 0));
  },
  grips: (shape) => BOX_HANDLES.map((grip) => ({ grip, at: handlePoint(shape, grip) })),
  edit: (shape, grip, delta, bounds) =>
    typeof grip === "number" ? shape : { ...shape, ...edit(shape, grip, delta, bounds) },
  fit: (shape, bounds) => ({ ...shape, ...fitBox(shape, bounds) }),
  isLegal: () => true,
  same: sameBox,
  sample: (area, bounds) => ({ kind: "box", ...fitBox(area, bounds) }),
};

const keypoint: ShapeKind<Without<KeypointShape, "id" | "label">> = {
  bounds: (shape) => ({ left: shape.x, top: shape.y, width: 0, height: 0 }),
  area: () => 0,
  contains: () => false,
  isSelectedInside: false,
  outlineDistance: (shape, point) => distance(shape, point),
  grips: () => [],
  edit: (shape, _grip, delta, bounds) => ({
    ...shape,
    ...fitPoint({ x: shape.x + delta.x, y: shape.y + delta.y }, bounds),
  }),
  fit: (shape, bounds) => ({ ...shape, ...fitPoint(shape, bounds) }),
  isLegal: () => true,
  same: samePoint,
  sample: (area, bounds) => ({
    kind: "keypoint",
    ...fitPoint({ x: area.left + area.width / 2, y: area.top + area.height / 2 }, bounds),
  }),
};

type PathOutline = Without<PathShape, "id" | "label">;

/** Places of a sample's vertices as shares of the box it fills. */
const samples: Readonly<Record<PathKindName, readonly (readonly [number, number])[]>> = {
  line: [
    [0, 0.5],
    [1, 0.5],
  ],
  polyline: [
    [0, 1],
    [0.5, 0],
    [1, 1],
  ],
  polygon: [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ],
};

function pathKind(kind: PathKindName): ShapeKind<PathOutline> {
  const { isClosed, mayCross } = pathRules[kind];
  return {
    bounds: (shape) => boundsOf(shape.vertices),
    area: (shape) => (isClosed ? areaOf(shape.vertices) : 0),
    contains: (shape, point) => isClosed && isInside(shape.vertices, point),
    isSelectedInside: false,
    outlineDistance: (shape, point) => nearestEdge(shape.vertices, isClosed, point)?.distance ?? Infinity,
    grips: (shape) => shape.vertices.map((at, grip) => ({ grip, at })),
    edit: (shape, grip, delta, bounds) => ({
      ...shape,
      vertices:
        typeof grip === "number"
          ? moveVertex(shape.vertices, grip, delta, bounds)
          : movePath(shape.vertices, delta, bounds),
    }),
    fit: (shape, bounds) => ({ ...shape, vertices: shape.vertices.map((at) => fitPoint(at, bounds)) }),
    isLegal: (shape) =>
      (mayCross || !crossesItself(shape.vertices, isClosed)) &&
      fitPath(shape.vertices, isClosed, EVERYWHERE).length === shape.vertices.length,
    same: (a, b) =>
      a.vertices.length === b.vertices.length && a.vertices.every((at, i) => samePoint(at, b.vertices[i]!)),
    sample(area, bounds) {
      // In a picture of a few pixels the corners may fall together; then the shape is as large as the picture lets it be.
      const left = clamp(area.left, 0, Math.max(0, bounds.width - 2));
      const top = clamp(area.top, 0, Math.max(0, bounds.height - 2));
      const width = Math.max(2, area.width);
      const height = Math.max(2, area.height);
      return {
        kind,
        vertices: samples[kind].map(([x, y]) => fitPoint({ x: left + x * width, y: top + y * height }, bounds)),
      };
    },
  };
}

const EVERYWHERE: Size = { width: Infinity, height: Infinity };

const kinds = { box, keypoint, line: pathKind("line"), polyline: pathKind("polyline"), polygon: pathKind("polygon") };

/** The rules of a shape's kind. */
export function kindOf(shape: Pick<Shape, "kind">): ShapeKind<Outline> {
  return kinds[shape.kind] as unknown as ShapeKind<Outline>;
}

export function isPath<T extends Outline>(shape: T): shape is Extract<T, { readonly kind: PathKindName }> {
  return shape.kind in pathRules;
}

export function isPathKind(kind: KindName): kind is PathKindName {
  return kind in pathRules;
}

/** Equal in every field but the id. */
export function sameShape(a: NewShape, b: NewShape): boolean {
  return a.kind === b.kind && a.label === b.label && kindOf(a).same(a, b);
}
