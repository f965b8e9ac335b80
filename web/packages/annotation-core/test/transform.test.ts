import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { MAX_SCALE, Transform, zoomLimits } from "../src/index.js";

const transform = fc
  .record({
    scale: fc.double({ min: 0.05, max: 16, noNaN: true }),
    x: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
    y: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
  })
  .map(({ scale, x, y }) => new Transform(scale, x, y));
const point = fc.record({
  x: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
  y: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
});

describe("transform", () => {
  test("screen and image coordinates are inverse", () => {
    fc.assert(
      fc.property(transform, point, (t, p) => {
        const back = t.toImage(t.toScreen(p));
        expect(back.x).toBeCloseTo(p.x, 4);
        expect(back.y).toBeCloseTo(p.y, 4);
      }),
    );
  });

  test("the point under the cursor stays under it while zooming", () => {
    fc.assert(
      fc.property(transform, point, fc.double({ min: 0.1, max: 10, noNaN: true }), (t, cursor, factor) => {
        const before = t.toImage(cursor);
        const after = t.zoomBy(factor, cursor, [0.1, 16]).toImage(cursor);
        const tolerance =
          1e-6 * (1 + Math.abs(before.x) + Math.abs(before.y) + Math.abs(cursor.x) + Math.abs(cursor.y)) * 100;
        expect(Math.abs(after.x - before.x)).toBeLessThan(tolerance);
        expect(Math.abs(after.y - before.y)).toBeLessThan(tolerance);
      }),
    );
  });

  test("fit shows the whole image, centred, with a margin", () => {
    const t = Transform.fit({ width: 4000, height: 3000 }, { width: 1000, height: 1000 }, 20);
    expect(t.scale).toBeCloseTo(0.24);
    expect(t.toScreen({ x: 2000, y: 1500 })).toEqual({ x: 500, y: 500 });
  });

  test("limits are 10 % to 16 screen pixels per image pixel, lower only for a huge image", () => {
    const view = { width: 1000, height: 800 };
    expect(zoomLimits({ width: 640, height: 480 }, view)).toEqual([0.1, MAX_SCALE]);
    expect(zoomLimits({ width: 50_000, height: 100 }, view)[0]).toBeCloseTo(0.02);
  });

  test("the image cannot be lost", () => {
    fc.assert(
      fc.property(transform, (t) => {
        const image = { width: 300, height: 200 };
        const view = { width: 800, height: 600 };
        const kept = t.keepInView(image, view);
        expect(kept.x + image.width * kept.scale).toBeGreaterThan(0);
        expect(kept.x).toBeLessThan(view.width);
        expect(kept.y + image.height * kept.scale).toBeGreaterThan(0);
        expect(kept.y).toBeLessThan(view.height);
      }),
    );
  });

  test("revealing moves as little as possible", () => {
    const view = { width: 400, height: 300 };
    const t = new Transform(1, 0, 0);
    expect(t.reveal({ left: 100, top: 100, width: 50, height: 50 }, view)).toBe(t);
    expect(t.reveal({ left: 500, top: 100, width: 50, height: 50 }, view, 10).x).toBe(-160);
  });
});
