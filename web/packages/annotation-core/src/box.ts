/** Drawing and editing of boxes: pure functions from a box and a movement to a box of whole pixels inside the image. */

import { type Box, type Point, type Size, clamp, roundHalfUp } from "./geometry.js";

/** The eight handles, clockwise from the top left corner. */
export const BOX_HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"] as const;

export type BoxHandle = (typeof BOX_HANDLES)[number];

/** What a movement takes hold of: one of the handles, or the whole box. */
export type BoxGrip = BoxHandle | "body";

/** Where a handle sits, in image coordinates. */
export function handlePoint(box: Box, handle: BoxHandle): Point {
  const x = handle.includes("w") ? box.left : handle.includes("e") ? box.left + box.width : box.left + box.width / 2;
  const y = handle.startsWith("n") ? box.top : handle.startsWith("s") ? box.top + box.height : box.top + box.height / 2;
  return { x, y };
}

/** Two ends of one axis, in any order, as a whole-pixel span of at least 1 inside [0, limit]. */
function span(a: number, b: number, limit: number): [start: number, length: number] {
  let low = roundHalfUp(clamp(Math.min(a, b), 0, limit));
  let high = roundHalfUp(clamp(Math.max(a, b), 0, limit));
  if (high === low) {
    if (low < limit) high = low + 1;
    else low = high - 1;
  }
  return [low, high - low];
}

/** The box between two corners, given in any order and possibly outside the image. */
export function boxBetween(a: Point, b: Point, bounds: Size): Box {
  const [left, width] = span(a.x, b.x, bounds.width);
  const [top, height] = span(a.y, b.y, bounds.height);
  return { left, top, width, height };
}

/** The nearest whole-pixel box inside the image. */
export function fitBox(box: Box, bounds: Size): Box {
  return boxBetween({ x: box.left, y: box.top }, { x: box.left + box.width, y: box.top + box.height }, bounds);
}

/**
 * Moves one grip of a box by `delta` image pixels.
 *
 * Always give the box as it was when the movement began and the whole movement since then: rounding errors then
 * cannot add up. An edge that is drawn over the opposite one turns the box round; a body stops at the border and
 * keeps its size.
 */
export function edit(box: Box, grip: BoxGrip, delta: Point, bounds: Size): Box {
  if (grip === "body") {
    return {
      left: clamp(roundHalfUp(box.left + delta.x), 0, Math.max(0, bounds.width - box.width)),
      top: clamp(roundHalfUp(box.top + delta.y), 0, Math.max(0, bounds.height - box.height)),
      width: box.width,
      height: box.height,
    };
  }
  const west = grip.includes("w") ? delta.x : 0;
  const east = grip.includes("e") ? delta.x : 0;
  const north = grip.startsWith("n") ? delta.y : 0;
  const south = grip.startsWith("s") ? delta.y : 0;
  const [left, width] =
    west || east ? span(box.left + west, box.left + box.width + east, bounds.width) : [box.left, box.width];
  const [top, height] =
    north || south ? span(box.top + north, box.top + box.height + south, bounds.height) : [box.top, box.height];
  return { left, top, width, height };
}

export function sameBox(a: Box, b: Box): boolean {
  return a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;
}
