import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  Mask,
  type MaskDiff,
  boxRows,
  brushCentre,
  floodRows,
  pathRows,
  polygonRows,
  strokeRows,
} from "../src/index.js";

const size = fc.record({ width: fc.integer({ min: 1, max: 280 }), height: fc.integer({ min: 1, max: 150 }) });
const coordinate = fc.double({ min: -50, max: 350, noNaN: true });
const point = fc.record({ x: coordinate, y: coordinate });

interface Stroke {
  readonly a: { x: number; y: number };
  readonly b: { x: number; y: number };
  readonly diameter: number;
  readonly value: number;
}

const stroke: fc.Arbitrary<Stroke> = fc.record({
  a: point,
  b: point,
  diameter: fc.integer({ min: 1, max: 90 }),
  value: fc.constantFrom(0, 1, 2, 255, 256, 4000),
});

function paint(mask: Mask, { a, b, diameter, value }: Stroke): MaskDiff | null {
  mask.begin();
  strokeRows(a, b, diameter, mask, (y, x0, x1) => mask.fillRow(y, x0, x1, value));
  return mask.commit();
}

function countOf(mask: Mask, value: number): number {
  let n = 0;
  for (const pixel of mask.pixels) if (pixel === value) n++;
  return n;
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The mask as lines of digits. */
function show(mask: Mask): string[] {
  return Array.from({ length: mask.height }, (_, y) =>
    [...mask.pixels.subarray(y * mask.width, (y + 1) * mask.width)].map((n) => (n ? String(n) : ".")).join(""),
  );
}

function painted(
  width: number,
  height: number,
  draw: (mask: Mask, row: (y: number, x0: number, x1: number) => void) => void,
): string[] {
  const mask = new Mask({ width, height });
  mask.begin();
  draw(mask, (y, x0, x1) => mask.fillRow(y, x0, x1, 1));
  mask.commit();
  return show(mask);
}

describe("changes", () => {
  test("undo and redo give back every pixel and every count", () => {
    fc.assert(
      fc.property(size, fc.array(stroke, { minLength: 1, maxLength: 5 }), (bounds, strokes) => {
        const mask = new Mask(bounds);
        const states: ArrayLike<number>[] = [mask.pixels.slice()];
        const diffs: (MaskDiff | null)[] = [];
        for (const one of strokes) {
          diffs.push(paint(mask, one));
          states.push(mask.pixels.slice());
        }
        for (let i = diffs.length - 1; i >= 0; i--) {
          if (diffs[i]) mask.apply(diffs[i]!, true);
          expect(same(mask.pixels, states[i]!)).toBe(true);
        }
        expect(mask.isEmpty).toBe(true);
        diffs.forEach((diff, i) => {
          if (diff) mask.apply(diff, false);
          expect(same(mask.pixels, states[i + 1]!)).toBe(true);
        });
        for (const value of [0, 1, 2, 255, 256, 4000]) expect(mask.count(value)).toBe(countOf(mask, value));
      }),
      { numRuns: 30 },
    );
  });

  test("a change that is dropped leaves nothing", () => {
    fc.assert(
      fc.property(size, stroke, stroke, (bounds, first, second) => {
        const mask = new Mask(bounds);
        paint(mask, first);
        const before = mask.pixels.slice();
        mask.begin();
        strokeRows(second.a, second.b, second.diameter, mask, (y, x0, x1) => mask.fillRow(y, x0, x1, second.value));
        mask.rollback();
        expect(same(mask.pixels, before)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("noise is kept whole", () => {
    const mask = new Mask({ width: 150, height: 140 });
    mask.begin();
    for (let y = 0; y < 140; y++) for (let x = y % 2; x < 150; x += 2) mask.fillRow(y, x, x + 1, 1 + ((x * y) % 7));
    const after = [...mask.pixels];
    const diff = mask.commit()!;
    expect(diff.tiles.some((tile) => tile.runs === null)).toBe(true);
    mask.apply(diff, true);
    expect(mask.isEmpty).toBe(true);
    mask.apply(diff, false);
    expect([...mask.pixels]).toEqual(after);
    expect(mask.count(1)).toBe(countOf(mask, 1));
  });

  test("painting what is there already is no change", () => {
    const mask = new Mask({ width: 20, height: 20 });
    const dab = { a: { x: 5, y: 5 }, b: { x: 9, y: 9 }, diameter: 5, value: 3 };
    expect(paint(mask, dab)).not.toBeNull();
    const { version } = mask;
    expect(paint(mask, dab)).toBeNull();
    expect(mask.version).toBe(version);
  });

  test("what may be painted over can be limited", () => {
    const mask = new Mask({ width: 6, height: 1 });
    mask.begin();
    mask.fillRow(0, 0, 2, 1);
    mask.fillRow(0, 2, 4, 2);
    mask.commit();
    const over = new Uint8Array(256);
    over[0] = over[1] = 1;
    mask.begin();
    mask.fillRow(0, 0, 6, 3, over);
    mask.commit();
    expect(show(mask)).toEqual(["332233"]);
  });

  test("the dirty part covers what has changed", () => {
    const mask = new Mask({ width: 300, height: 300 });
    mask.takeDirty();
    paint(mask, { a: { x: 100, y: 50 }, b: { x: 120, y: 60 }, diameter: 10, value: 1 });
    expect(mask.takeDirty()).toEqual({ left: 95, top: 45, width: 30, height: 20 });
    expect(mask.takeDirty()).toBeNull();
    expect(mask.boundsOf(1)).toEqual({ left: 95, top: 45, width: 30, height: 20 });
    expect(mask.boundsOf(2)).toBeNull();
  });
});

describe("brush", () => {
  test("a brush of one pixel paints the pixel under the pointer", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 9.999, noNaN: true }),
        fc.double({ min: 0, max: 9.999, noNaN: true }),
        (x, y) => {
          const rows: number[][] = [];
          strokeRows({ x, y }, { x, y }, 1, { width: 10, height: 10 }, (...row) => rows.push(row.map((n) => n + 0)));
          expect(rows).toEqual([[Math.floor(y), Math.floor(x), Math.floor(x) + 1]]);
        },
      ),
    );
  });

  test("dabs look the same wherever they land", () => {
    const at = (x: number, y: number, diameter: number): string[] =>
      painted(9, 9, (mask, row) => strokeRows({ x, y }, { x, y }, diameter, mask, row));
    expect(at(4.2, 4.9, 3)).toEqual([
      ".........",
      ".........",
      ".........",
      "...111...",
      "...111...",
      "...111...",
      ".........",
      ".........",
      ".........",
    ]);
    expect(at(4.2, 4.4, 4)).toEqual([
      ".........",
      ".........",
      "...11....",
      "..1111...",
      "..1111...",
      "...11....",
      ".........",
      ".........",
      ".........",
    ]);
  });

  test("a stroke covers exactly the pixels near its way", () => {
    fc.assert(
      fc.property(point, point, fc.integer({ min: 1, max: 40 }), (a, b, diameter) => {
        const mask = new Mask({ width: 200, height: 150 });
        paint(mask, { a, b, diameter, value: 1 });
        const [p, q] = [brushCentre(a, diameter), brushCentre(b, diameter)];
        const r = diameter / 2;
        for (let y = 0; y < 150; y += 3) {
          for (let x = 0; x < 200; x += 3) {
            const [dx, dy] = [q.x - p.x, q.y - p.y];
            const length = dx * dx + dy * dy;
            const t = length ? Math.max(0, Math.min(1, ((x + 0.5 - p.x) * dx + (y + 0.5 - p.y) * dy) / length)) : 0;
            const away = Math.hypot(x + 0.5 - p.x - t * dx, y + 0.5 - p.y - t * dy);
            if (Math.abs(away - r) > 1e-6) expect(mask.at(x, y)).toBe(away < r ? 1 : 0);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test("a path is whole even with the thinnest brush", () => {
    const points = [
      { x: 1, y: 1 },
      { x: 18, y: 5 },
      { x: 3, y: 17 },
    ];
    const mask = new Mask({ width: 20, height: 20 });
    mask.begin();
    pathRows(points, 1, mask, (y, x0, x1) => mask.fillRow(y, x0, x1, 1));
    mask.commit();
    for (let y = 1; y <= 17; y++) expect(mask.pixels.subarray(y * 20, (y + 1) * 20).includes(1)).toBe(true);
  });
});

describe("outlines", () => {
  test("a rectangle as polygon is the same as a box", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(30), fc.nat(30), fc.nat(30), fc.boolean(), (left, top, width, height, turned) => {
        const corners = [
          { x: left, y: top },
          { x: left + width, y: top },
          { x: left + width, y: top + height },
          { x: left, y: top + height },
        ];
        if (turned) corners.reverse();
        expect(painted(40, 40, (mask, row) => polygonRows(corners, mask, row))).toEqual(
          painted(40, 40, (mask, row) => boxRows({ left, top, width, height }, mask, row)),
        );
      }),
    );
  });

  test("pixels whose centre is inside belong to it", () => {
    fc.assert(
      fc.property(point, point, point, (a, b, c) => {
        const mask = new Mask({ width: 120, height: 120 });
        mask.begin();
        polygonRows([a, b, c], mask, (y, x0, x1) => mask.fillRow(y, x0, x1, 1));
        mask.commit();
        const side = (p: typeof a, q: typeof a, x: number, y: number): number =>
          (q.x - p.x) * (y - p.y) - (q.y - p.y) * (x - p.x);
        for (let y = 0.5; y < 120; y += 5) {
          for (let x = 0.5; x < 120; x += 5) {
            const sides = [side(a, b, x, y), side(b, c, x, y), side(c, a, x, y)];
            if (sides.some((value) => Math.abs(value) < 1e-3)) continue;
            const isInside = sides.every((value) => value > 0) || sides.every((value) => value < 0);
            expect(mask.at(x - 0.5, y - 0.5)).toBe(isInside ? 1 : 0);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("loops of a crossing outline are all filled", () => {
    const loop = [
      { x: 0, y: 0 },
      { x: 8, y: 0 },
      { x: 8, y: 8 },
      { x: 2, y: 8 },
      { x: 2, y: 2 },
      { x: 6, y: 2 },
      { x: 6, y: 10 },
      { x: 0, y: 10 },
    ];
    const rows = painted(10, 10, (mask, row) => polygonRows(loop, mask, row));
    expect(rows[5]).toBe("11111111..");
  });

  test("what has no inside fills nothing", () => {
    const none = painted(5, 5, (mask, row) => {
      polygonRows([], mask, row);
      polygonRows([{ x: 1, y: 1 }], mask, row);
      polygonRows(
        [
          { x: 1, y: 1 },
          { x: 4, y: 4 },
        ],
        mask,
        row,
      );
    });
    expect(none.join("")).not.toContain("1");
  });
});

describe("flood", () => {
  const fill = (mask: Mask, x: number, y: number, value: number): void => {
    const rows = floodRows(mask.pixels, mask, x, y);
    mask.begin();
    for (let i = 0; i < rows.length; i += 3) mask.fillRow(rows[i]!, rows[i + 1]!, rows[i + 2]!, value);
    mask.commit();
  };

  test("fills what is enclosed, and no more", () => {
    const mask = new Mask({ width: 7, height: 5 });
    mask.begin();
    for (const [y, x0, x1] of [
      [0, 1, 6],
      [1, 1, 2],
      [1, 5, 6],
      [2, 1, 2],
      [2, 5, 6],
      [3, 1, 6],
    ] as const)
      mask.fillRow(y, x0, x1, 1);
    mask.commit();
    fill(mask, 3, 1, 2);
    expect(show(mask)).toEqual([".11111.", ".12221.", ".12221.", ".11111.", "......."]);
    expect(floodRows(mask.pixels, mask, 9, 0)).toHaveLength(0);
  });

  test("agrees with spreading pixel by pixel", () => {
    const cells = fc.array(fc.nat(2), { minLength: 100, maxLength: 100 });
    fc.assert(
      fc.property(cells, fc.nat(9), fc.nat(9), (content, x, y) => {
        const pixels = Uint8Array.from(content);
        const found = new Set<number>();
        const rows = floodRows(pixels, { width: 10, height: 10 }, x, y);
        for (let i = 0; i < rows.length; i += 3) {
          for (let j = rows[i + 1]!; j < rows[i + 2]!; j++) {
            expect(found.has(10 * rows[i]! + j)).toBe(false);
            found.add(10 * rows[i]! + j);
          }
        }
        const wanted = new Set([10 * y + x]);
        for (const at of wanted) {
          const near = [at - 10, at + 10, ...(at % 10 ? [at - 1] : []), ...(at % 10 < 9 ? [at + 1] : [])];
          for (const next of near) if (next >= 0 && next < 100 && pixels[next] === pixels[10 * y + x]) wanted.add(next);
        }
        expect([...found].sort()).toEqual([...wanted].sort());
      }),
    );
  });

  test("keeps to similar colours", () => {
    const rgba = new Uint8ClampedArray(4 * 5);
    [100, 105, 111, 100, 100].forEach((grey, i) => rgba.set([grey, grey, grey, 255], 4 * i));
    const rows = floodRows(new Uint8Array(5), { width: 5, height: 1 }, 0, 0, { rgba, tolerance: 10 });
    expect([...rows]).toEqual([0, 0, 2]);
  });
});
