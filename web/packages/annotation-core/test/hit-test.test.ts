import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  type Box,
  type BoxShape,
  type Shape,
  SpatialIndex,
  boxesMeet,
  gripAt,
  nextInStack,
  shapesAt,
} from "../src/index.js";

const shape = (id: number, left: number, top: number, width: number, height: number): BoxShape => ({
  id,
  kind: "box",
  label: "a",
  left,
  top,
  width,
  height,
});

function indexed(shapes: readonly BoxShape[]): [SpatialIndex, (id: number) => Shape | null] {
  const index = new SpatialIndex({ width: 1000, height: 800 });
  for (const s of shapes) index.set(s.id, s);
  return [index, (id) => shapes.find((s) => s.id === id) ?? null];
}

describe("hit testing", () => {
  test("an outline beats an inside, a small shape a large one, a new one an old one", () => {
    const shapes = [shape(1, 0, 0, 500, 500), shape(2, 100, 100, 50, 50), shape(3, 100, 100, 50, 50)];
    const [index, get] = indexed(shapes);
    expect(shapesAt({ x: 120, y: 120 }, 3, index, get).map((s) => s.id)).toEqual([3, 2, 1]);
    expect(shapesAt({ x: 499, y: 120 }, 3, index, get).map((s) => s.id)).toEqual([1]);
    expect(shapesAt({ x: 600, y: 600 }, 3, index, get)).toEqual([]);
  });

  test("clicks walk through a stack and start again", () => {
    const stack = [shape(3, 0, 0, 9, 9), shape(2, 0, 0, 9, 9), shape(1, 0, 0, 9, 9)];
    expect(nextInStack(stack, null)!.id).toBe(3);
    expect(nextInStack(stack, 3)!.id).toBe(2);
    expect(nextInStack(stack, 1)!.id).toBe(3);
    expect(nextInStack([], 1)).toBeNull();
  });

  test("the nearest handle within reach is taken, corners first", () => {
    const s = shape(1, 10, 10, 40, 40);
    expect(gripAt(s, { x: 11, y: 9 }, 4)).toBe("nw");
    expect(gripAt(s, { x: 30, y: 51 }, 4)).toBe("s");
    expect(gripAt(s, { x: 30, y: 30 }, 4)).toBeNull();
    expect(gripAt(shape(1, 10, 10, 4, 4), { x: 12, y: 10.9 }, 6)).not.toBeNull();
  });

  test("the index finds what looking at everything finds", () => {
    const box = fc.record({
      left: fc.integer({ min: 0, max: 999 }),
      top: fc.integer({ min: 0, max: 799 }),
      width: fc.integer({ min: 1, max: 900 }),
      height: fc.integer({ min: 1, max: 700 }),
    });
    fc.assert(
      fc.property(fc.array(box, { maxLength: 60 }), box, fc.array(fc.nat(60)), (boxes: Box[], area, gone) => {
        const index = new SpatialIndex({ width: 1000, height: 800 });
        boxes.forEach((b, id) => index.set(id, b));
        for (const id of gone) index.delete(id);
        const expected = boxes.flatMap((b, id) => (!gone.includes(id) && boxesMeet(b, area) ? [id] : []));
        expect(index.query(area).sort((a, b) => a - b)).toEqual(expected);
      }),
    );
  });
});
