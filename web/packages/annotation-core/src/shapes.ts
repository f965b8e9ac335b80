/** Shapes are plain data. A new kind of shape joins the union and brings one `ShapeKind` for it. */

import { type Box, type Point, type Size, boxArea, boxContains } from "./geometry.js";
import { BOX_HANDLES, type BoxGrip, edit, fitBox, handlePoint, sameBox } from "./box.js";

export interface BoxShape extends Box {
  readonly id: number;
  readonly kind: "box";
  readonly label: string;
}

export type Shape = BoxShape;

/** A shape before the store has given it its id. */
export type NewShape = Omit<Shape, "id">;

/** All that the store, hit testing and the stage must know about a kind of shape. */
export interface ShapeKind<S extends Shape, Grip extends string> {
  bounds(shape: S): Box;
  area(shape: S): number;
  /** Distance in image pixels from the point to the outline; 0 on it. */
  outlineDistance(shape: S, point: Point): number;
  contains(shape: S, point: Point): boolean;
  grips(shape: S): readonly { readonly grip: Grip; readonly at: Point }[];
  edit(shape: S, grip: Grip | "body", delta: Point, bounds: Size): S;
  fit(shape: S, bounds: Size): S;
  /** Equal apart from the id. */
  same(a: S, b: S): boolean;
}

const box: ShapeKind<BoxShape, BoxGrip> = {
  bounds: (shape) => shape,
  area: boxArea,
  contains: (shape, point) => boxContains(shape, point),
  outlineDistance(shape, point) {
    const dx = Math.max(shape.left - point.x, point.x - shape.left - shape.width);
    const dy = Math.max(shape.top - point.y, point.y - shape.top - shape.height);
    if (dx <= 0 && dy <= 0) return -Math.max(dx, dy);
    return Math.hypot(Math.max(dx, 0), Math.max(dy, 0));
  },
  grips: (shape) => BOX_HANDLES.map((grip) => ({ grip, at: handlePoint(shape, grip) })),
  edit: (shape, grip, delta, bounds) => ({ ...shape, ...edit(shape, grip, delta, bounds) }),
  fit: (shape, bounds) => ({ ...shape, ...fitBox(shape, bounds) }),
  same: (a, b) => a.label === b.label && sameBox(a, b),
};

const kinds = { box } as const;

export function kindOf(shape: Pick<Shape, "kind">): ShapeKind<Shape, BoxGrip> {
  return kinds[shape.kind];
}
