import { describe, expect, test } from "vitest";

import { type Point, type Size, rowsWhere, segmentObject } from "../src/index.js";

type Shade = (x: number, y: number) => readonly [number, number, number];

/** Noise that is the same in every run. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function picture(size: Size, shade: Shade, rough: number): Uint8ClampedArray {
  const random = noise(5);
  const rgba = new Uint8ClampedArray(4 * size.width * size.height);
  for (let y = 0, at = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++, at += 4)
      rgba.set([...shade(x, y).map((value) => value + rough * (random() - 0.5)), 255], at);
  }
  return rgba;
}

function run(rgba: Uint8ClampedArray, size: Size, points: readonly Point[]): Uint8Array {
  const work = segmentObject(rgba, size, points);
  let step = work.next();
  while (!step.done) step = work.next();
  const found = new Uint8Array(size.width * size.height);
  const rows = step.value;
  for (let i = 0; i < rows.length; i += 3)
    found.fill(1, rows[i]! * size.width + rows[i + 1]!, rows[i]! * size.width + rows[i + 2]!);
  return found;
}

/** Shared part of two regions: 1 when they are the same. */
function overlap(found: Uint8Array, size: Size, isIn: (x: number, y: number) => boolean): number {
  let [both, either] = [0, 0];
  found.forEach((value, i) => {
    const wanted = isIn(i % size.width, Math.floor(i / size.width));
    both += Number(wanted && value === 1);
    either += Number(wanted || value === 1);
  });
  return both / either;
}

const disc =
  (cx: number, cy: number, r: number) =>
  (x: number, y: number): boolean =>
    (x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2 <= r * r;

describe("outlines from outermost points", () => {
  test("a noisy disc", () => {
    const size = { width: 300, height: 200 };
    const isIn = disc(150, 100, 60);
    const rgba = picture(size, (x, y) => (isIn(x, y) ? [170, 90, 70] : [90, 110, 130]), 70);
    const found = run(rgba, size, [
      { x: 90, y: 100 },
      { x: 210, y: 100 },
      { x: 150, y: 40 },
      { x: 150, y: 160 },
    ]);
    expect(overlap(found, size, isIn)).toBeGreaterThan(0.95);
  });

  test("an object of two colours on a ground of two colours, with a rough box, larger than the grid", () => {
    const size = { width: 900, height: 700 };
    const isIn = (x: number, y: number): boolean =>
      x >= 250 && x < 600 && y >= 200 && y < 500 && !(x >= 450 && y < 320);
    const shade: Shade = (x, y) =>
      isIn(x, y) ? (y < 350 ? [200, 60, 40] : [60, 40, 160]) : x < 400 ? [90, 140, 90] : [190, 190, 170];
    const found = run(picture(size, shade, 40), size, [
      { x: 240, y: 350 },
      { x: 612, y: 350 },
      { x: 420, y: 188 },
      { x: 420, y: 511 },
    ]);
    expect(overlap(found, size, isIn)).toBeGreaterThan(0.93);
  });

  test("an object at the border of the image", () => {
    const size = { width: 120, height: 90 };
    const isIn = disc(0, 45, 40);
    const found = run(
      picture(size, (x, y) => (isIn(x, y) ? [30, 30, 30] : [220, 220, 220]), 20),
      size,
      [
        { x: 0, y: 45 },
        { x: 40, y: 45 },
        { x: 2, y: 5 },
        { x: 2, y: 85 },
      ],
    );
    expect(overlap(found, size, isIn)).toBeGreaterThan(0.9);
  });

  test("nothing comes from nothing", () => {
    const size = { width: 50, height: 50 };
    const rgba = picture(size, () => [128, 128, 128], 0);
    expect(run(rgba, size, []).includes(1)).toBe(false);
    expect(
      run(rgba, size, [
        { x: 5, y: 5 },
        { x: 5, y: 5 },
      ]).includes(1),
    ).toBe(false);
    // Without any difference in colour the answer stays inside the points.
    const plain = run(rgba, size, [
      { x: 10, y: 20 },
      { x: 30, y: 20 },
      { x: 20, y: 10 },
      { x: 20, y: 30 },
    ]);
    plain.forEach((value, i) => {
      if (value) expect(i % 50 >= 10 && i % 50 < 30 && i >= 500 && i < 1500).toBe(true);
    });
  });
});

test("rows of a picture of numbers", () => {
  expect([...rowsWhere([0, 1, 1, 0, 2, 0, 0, 3], { width: 4, height: 2 })]).toEqual([0, 1, 3, 1, 0, 1, 1, 3, 4]);
});
