import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { BOX_HANDLES, type Box, boxBetween, edit, fitBox, handlePoint, roundHalfUp } from "../src/index.js";

const size = fc.record({ width: fc.integer({ min: 1, max: 5000 }), height: fc.integer({ min: 1, max: 5000 }) });
const coordinate = fc.double({ min: -8000, max: 8000, noNaN: true });
const point = fc.record({ x: coordinate, y: coordinate });
const grip = fc.constantFrom(...BOX_HANDLES, "body" as const);

function expectLegal(box: Box, bounds: { width: number; height: number }): void {
  for (const value of Object.values(box)) expect(Number.isInteger(value)).toBe(true);
  expect(box.left).toBeGreaterThanOrEqual(0);
  expect(box.top).toBeGreaterThanOrEqual(0);
  expect(box.width).toBeGreaterThanOrEqual(1);
  expect(box.height).toBeGreaterThanOrEqual(1);
  expect(box.left + box.width).toBeLessThanOrEqual(bounds.width);
  expect(box.top + box.height).toBeLessThanOrEqual(bounds.height);
}

describe("boxes", () => {
  test("every drawn box is whole pixels inside the image", () => {
    fc.assert(fc.property(size, point, point, (bounds, a, b) => expectLegal(boxBetween(a, b, bounds), bounds)));
  });

  test("every edited box is whole pixels inside the image", () => {
    fc.assert(
      fc.property(size, point, point, grip, point, (bounds, a, b, at, delta) =>
        expectLegal(edit(boxBetween(a, b, bounds), at, delta, bounds), bounds),
      ),
    );
  });

  test("moving nothing changes nothing", () => {
    fc.assert(
      fc.property(size, point, point, grip, (bounds, a, b, at) => {
        const box = boxBetween(a, b, bounds);
        expect(edit(box, at, { x: 0, y: 0 }, bounds)).toEqual(box);
      }),
    );
  });

  test("moving the body keeps the size", () => {
    fc.assert(
      fc.property(size, point, point, point, (bounds, a, b, delta) => {
        const box = boxBetween(a, b, bounds);
        const moved = edit(box, "body", delta, bounds);
        expect([moved.width, moved.height]).toEqual([box.width, box.height]);
      }),
    );
  });

  test("a handle leaves the opposite edges where they are, unless drawn across them", () => {
    const bounds = { width: 200, height: 100 };
    const box = { left: 50, top: 20, width: 60, height: 40 };
    expect(edit(box, "se", { x: 10, y: 5 }, bounds)).toEqual({ left: 50, top: 20, width: 70, height: 45 });
    expect(edit(box, "nw", { x: 10, y: 5 }, bounds)).toEqual({ left: 60, top: 25, width: 50, height: 35 });
    expect(edit(box, "n", { x: 99, y: -50 }, bounds)).toEqual({ left: 50, top: 0, width: 60, height: 60 });
    expect(edit(box, "e", { x: 500, y: 99 }, bounds)).toEqual({ left: 50, top: 20, width: 150, height: 40 });
    expect(edit(box, "w", { x: 80, y: 0 }, bounds)).toEqual({ left: 110, top: 20, width: 20, height: 40 });
  });

  test("halves round up, also below zero, and never to minus zero", () => {
    expect([0.5, 1.5, -0.5, -1.5, 2.4].map(roundHalfUp)).toEqual([1, 2, 0, -1, 2]);
    expect(Object.is(roundHalfUp(-0.2), 0)).toBe(true);
  });

  test("handles sit on corners and edge middles", () => {
    const box = { left: 10, top: 20, width: 30, height: 40 };
    expect(BOX_HANDLES.map((handle) => Object.values(handlePoint(box, handle)))).toEqual([
      [10, 20],
      [25, 20],
      [40, 20],
      [40, 40],
      [40, 60],
      [25, 60],
      [10, 60],
      [10, 40],
    ]);
  });

  test("fitting is idempotent", () => {
    fc.assert(
      fc.property(size, point, point, (bounds, a, b) => {
        const box = fitBox({ left: a.x, top: a.y, width: b.x, height: b.y }, bounds);
        expect(fitBox(box, bounds)).toEqual(box);
      }),
    );
  });
});
