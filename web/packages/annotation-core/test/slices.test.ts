import { describe, expect, test } from "vitest";

import { atOnce, floodRows, floodSteps, inSlices } from "../src/index.js";

function* counting(n: number, seen: number[] = []): Generator<void, number> {
  for (let i = 0; i < n; i++) {
    seen.push(i);
    yield;
  }
  return n;
}

describe("work in slices", () => {
  test("gives what the work gives, at once or not", async () => {
    expect(atOnce(counting(5))).toBe(5);
    expect(await inSlices(counting(5))).toBe(5);
  });

  test("stops between two slices once nobody wants it", async () => {
    const seen: number[] = [];
    function* endless(): Generator<void, number> {
      for (;;) {
        seen.push(1);
        yield;
      }
    }
    let asked = 0;
    expect(await inSlices(endless(), () => ++asked < 3)).toBeNull();
    expect(asked).toBe(3);
    const done = seen.length;
    await new Promise((resolve) => setTimeout(resolve));
    expect(seen.length).toBe(done);
  });

  test("lets others have their turn", async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const until = performance.now() + 60;
    function* slow(): Generator<void, void> {
      while (performance.now() < until) yield;
    }
    await inSlices(slow());
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  test("a fill in slices is the fill at once", async () => {
    const size = { width: 300, height: 200 };
    // Stripes make many stretches, so that there are pauses.
    const pixels = Uint8Array.from({ length: 60_000 }, (_, i) => ((i % 300) % 2 && Math.floor(i / 300) % 7 ? 1 : 0));
    expect(await inSlices(floodSteps(pixels, size, 0, 0))).toEqual(floodRows(pixels, size, 0, 0));
  });
});
