import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { clearestEdge } from "../src/index.js";

const SIDE = 25;

/** A grey picture; `grey` gives the brightness of a pixel. */
function picture(grey: (x: number, y: number) => number): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(4 * SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) rgba.set([grey(x, y), grey(x, y), grey(x, y), 255], 4 * (y * SIDE + x));
  }
  return rgba;
}

describe("an edge of the picture", () => {
  test("is found where brightness steps, whichever way it runs", () => {
    for (const at of [8, 12, 16]) {
      const upright = clearestEdge(
        picture((x) => (x < at ? 40 : 180)),
        SIDE,
      )!;
      expect(Math.abs(upright.x - at)).toBeLessThanOrEqual(0.5);
      const level = clearestEdge(
        picture((_, y) => (y < at ? 180 : 40)),
        SIDE,
      )!;
      expect(Math.abs(level.y - at)).toBeLessThanOrEqual(0.5);
      expect(Math.abs(level.x - SIDE / 2)).toBeLessThanOrEqual(1);
    }
  });

  test("of two equal ones the nearer is taken, and a much clearer one although it is farther", () => {
    const two = clearestEdge(
      picture((x) => (x < 4 ? 0 : x < 15 ? 100 : 200)),
      SIDE,
    )!;
    expect(Math.abs(two.x - 15)).toBeLessThanOrEqual(0.5);
    const clearer = clearestEdge(
      picture((x) => (x < 6 ? 0 : x < 14 ? 200 : 240)),
      SIDE,
    )!;
    expect(Math.abs(clearer.x - 6)).toBeLessThanOrEqual(0.5);
  });

  test("there is none on an even surface or in faint noise", () => {
    expect(
      clearestEdge(
        picture(() => 90),
        SIDE,
      ),
    ).toBeNull();
    expect(
      clearestEdge(
        picture((x, y) => 90 + 4 * ((x + y) % 2)),
        SIDE,
      ),
    ).toBeNull();
  });

  test("lies within reach, whatever the picture", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 255 }), { minLength: SIDE * SIDE, maxLength: SIDE * SIDE }),
        (grey) => {
          const at = clearestEdge(
            picture((x, y) => grey[y * SIDE + x]!),
            SIDE,
          );
          if (at) expect(Math.hypot(at.x - SIDE / 2, at.y - SIDE / 2)).toBeLessThanOrEqual(SIDE / 2);
        },
      ),
      { numRuns: 50 },
    );
  });
});
