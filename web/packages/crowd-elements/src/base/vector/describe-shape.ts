/** Shapes in words: where they lie, and the few characters beside their name in the list. */

import { type Shape, kindOf, lengthOf } from "@labelwright/annotation-core";

import { msg } from "../messages.js";

export function placeOf(shape: Shape): string {
  const m = msg();
  if (shape.kind === "keypoint") return m.pointPlace(shape.x, shape.y);
  if (shape.kind === "line") {
    const [a, b] = [shape.vertices[0]!, shape.vertices[1]!];
    return m.linePlace(a.x, a.y, b.x, b.y);
  }
  const { left, top, width, height } = kindOf(shape).bounds(shape);
  const place = m.boxPlace(left, top, width, height);
  return shape.kind === "box" ? place : m.pathPlace(shape.vertices.length, place);
}

export function detailOf(shape: Shape): string {
  if (shape.kind === "box") return `${shape.width} × ${shape.height}`;
  if (shape.kind === "keypoint") return `${shape.x}, ${shape.y}`;
  if (shape.kind === "line") return `${Math.round(lengthOf(shape.vertices))} px`;
  return msg().pointCount(shape.vertices.length);
}
