import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  type Point,
  boundsOf,
  crossesItself,
  crossingEdges,
  distance,
  edgeCount,
  edgeOf,
  fitPath,
  insertVertex,
  isInside,
  movePath,
  moveVertex,
  nearestEdge,
  removeVertex,
  segmentsMeet,
} from "../src/index.js";

const BOUNDS = { width: 60, height: 40 };
const pixel = fc.record({ x: fc.integer({ min: 0, max: 60 }), y: fc.integer({ min: 0, max: 40 }) });
const anywhere = fc.record({
  x: fc.double({ min: -99, max: 199, noNaN: true }),
  y: fc.double({ min: -99, max: 199, noNaN: true }),
});
const path = fc.array(pixel, { minLength: 2, maxLength: 12 });

/** A star-shaped polygon around the middle: its edges cannot cross. */
const star = fc.array(fc.integer({ min: 5, max: 400 }), { minLength: 3, maxLength: 30 }).map((radii) =>
  radii.map((radius, i): Point => {
    const angle = (2 * Math.PI * i) / radii.length;
    return { x: Math.round(500 + radius * Math.cos(angle)), y: Math.round(500 + radius * Math.sin(angle)) };
  }),
);

/** Crossing by another way: both lines' parameters solved for, on pieces in general position. */
function solved(a: Point, b: Point, c: Point, d: Point): boolean | null {
  const det = (b.x - a.x) * (d.y - c.y) - (b.y - a.y) * (d.x - c.x);
  if (det === 0) return null;
  const t = ((c.x - a.x) * (d.y - c.y) - (c.y - a.y) * (d.x - c.x)) / det;
  const u = ((c.x - a.x) * (b.y - a.y) - (c.y - a.y) * (b.x - a.x)) / det;
  return t >= 0 && t <= 1 && u >= 0 && u <= 1;
}

describe("crossing edges", () => {
  test("two pieces meet exactly where solving for the point says so, in any order", () => {
    fc.assert(
      fc.property(pixel, pixel, pixel, pixel, (a, b, c, d) => {
        const meet = segmentsMeet(a, b, c, d);
        expect([segmentsMeet(b, a, c, d), segmentsMeet(c, d, a, b), segmentsMeet(d, c, b, a)]).toEqual([
          meet,
          meet,
          meet,
        ]);
        const expected = solved(a, b, c, d);
        if (expected !== null) expect(meet).toBe(expected);
      }),
      { numRuns: 400 },
    );
  });

  test("pieces on one line meet when they overlap or touch", () => {
    const [a, b, c, d] = [0, 2, 4, 6].map((x) => ({ x, y: x })) as [Point, Point, Point, Point];
    expect([segmentsMeet(a, b, c, d), segmentsMeet(a, c, b, d), segmentsMeet(a, b, b, d)]).toEqual([false, true, true]);
  });

  test("a star-shaped polygon never crosses itself, whatever vertex it starts from and whichever way it turns", () => {
    fc.assert(
      fc.property(star, fc.nat(30), (vertices, shift) => {
        const distinct = fitPath(vertices, true, { width: 1000, height: 1000 });
        fc.pre(distinct.length >= 3 && distinct.length === vertices.length);
        const turned = [...distinct.slice(shift % distinct.length), ...distinct.slice(0, shift % distinct.length)];
        const found = crossingEdges(turned, true).length;
        expect(crossingEdges([...turned].reverse(), true)).toHaveLength(found);
        // Rounding may push a vertex of a thin spike onto a neighbour's edge; wide stars have no such excuse.
        if (Math.min(...vertices.map((at) => distance(at, { x: 500, y: 500 }))) > 60) expect(found).toBe(0);
      }),
    );
  });

  test("a bow tie crosses, a triangle does not, a spike folds back, a touch counts", () => {
    const at = (...xy: [number, number][]): Point[] => xy.map(([x, y]) => ({ x, y }));
    expect(crossingEdges(at([0, 0], [9, 9], [9, 0], [0, 9]), true)).toEqual([0, 2]);
    expect(crossingEdges(at([0, 0], [9, 0], [0, 9]), true)).toEqual([]);
    expect(crossingEdges(at([0, 0], [9, 0], [4, 0], [4, 9]), true)).toContain(1);
    expect(crossingEdges(at([0, 0], [5, 0], [9, 0], [4, 9]), true)).toEqual([]);
    expect(crossesItself(at([0, 0], [9, 0], [9, 9], [5, 0], [0, 9]), true)).toBe(true);
    expect(crossesItself(at([0, 0], [9, 9], [9, 0], [0, 9]), false)).toBe(true);
  });

  test("looking at one vertex finds its crossings, and none that are not there", () => {
    fc.assert(
      fc.property(path, fc.nat(11), fc.boolean(), (vertices, n, isClosed) => {
        const vertex = n % vertices.length;
        const all = crossingEdges(vertices, isClosed);
        const some = crossingEdges(vertices, isClosed, vertex);
        for (const edge of some) expect(all).toContain(edge);
        const last = edgeCount(vertices, isClosed) - 1;
        const own = [vertex === 0 ? (isClosed ? last : -1) : vertex - 1, vertex];
        for (const edge of all) if (own.includes(edge)) expect(some).toContain(edge);
        expect(crossesItself(vertices, isClosed)).toBe(all.length > 0);
      }),
    );
  });
});

describe("paths", () => {
  test("the nearest edge is not farther than any vertex, and its point lies on it", () => {
    fc.assert(
      fc.property(path, fc.boolean(), anywhere, (vertices, isClosed, point) => {
        const near = nearestEdge(vertices, isClosed, point)!;
        for (const vertex of vertices) expect(near.distance).toBeLessThanOrEqual(distance(vertex, point) + 1e-9);
        const [a, b] = edgeOf(vertices, near.edge);
        expect(distance(a, near.at) + distance(near.at, b)).toBeCloseTo(distance(a, b), 6);
      }),
    );
  });

  test("inside means the same whichever way the polygon turns, and never outside its bounds", () => {
    fc.assert(
      fc.property(
        star,
        fc.record({ x: fc.integer({ min: 0, max: 1000 }), y: fc.integer({ min: 0, max: 1000 }) }),
        (vertices, p) => {
          const point = { x: p.x + 0.25, y: p.y + 0.25 };
          const inside = isInside(vertices, point);
          expect(isInside([...vertices].reverse(), point)).toBe(inside);
          const box = boundsOf(vertices);
          if (inside) {
            expect(point.x).toBeGreaterThan(box.left);
            expect(point.y).toBeLessThan(box.top + box.height);
          }
        },
      ),
    );
    expect(
      isInside(
        [
          { x: 0, y: 0 },
          { x: 10, y: 0 },
          { x: 0, y: 10 },
        ],
        { x: 2, y: 2 },
      ),
    ).toBe(true);
  });

  test("every edit leaves whole pixels inside the image", () => {
    fc.assert(
      fc.property(path, fc.nat(11), anywhere, (vertices, n, delta) => {
        const index = n % vertices.length;
        const results = [
          moveVertex(vertices, index, delta, BOUNDS),
          movePath(vertices, delta, BOUNDS),
          insertVertex(vertices, index, delta, BOUNDS),
          fitPath([...vertices, delta], false, BOUNDS),
        ];
        for (const { x, y } of results.flat()) {
          expect(Number.isInteger(x) && Number.isInteger(y)).toBe(true);
          expect(x >= 0 && x <= BOUNDS.width && y >= 0 && y <= BOUNDS.height).toBe(true);
        }
      }),
    );
  });

  test("moving the whole keeps its form, and moving nothing changes nothing", () => {
    fc.assert(
      fc.property(path, anywhere, fc.nat(11), (vertices, delta, n) => {
        const moved = movePath(vertices, delta, BOUNDS);
        const [dx, dy] = [moved[0]!.x - vertices[0]!.x, moved[0]!.y - vertices[0]!.y];
        expect(moved).toEqual(vertices.map(({ x, y }) => ({ x: x + dx, y: y + dy })));
        expect(movePath(vertices, { x: 0, y: 0 }, BOUNDS)).toEqual(vertices);
        expect(moveVertex(vertices, n % vertices.length, { x: 0, y: 0 }, BOUNDS)).toEqual(vertices);
      }),
    );
  });

  test("a vertex that is added can be taken away again", () => {
    fc.assert(
      fc.property(path, fc.nat(11), pixel, (vertices, n, at) => {
        const edge = n % vertices.length;
        const more = insertVertex(vertices, edge, at, BOUNDS);
        expect(more[edge + 1]).toEqual(at);
        expect(removeVertex(more, edge + 1)).toEqual(vertices);
      }),
    );
  });

  test("fitting drops repeated vertices and is idempotent", () => {
    fc.assert(
      fc.property(fc.array(anywhere, { maxLength: 12 }), fc.boolean(), (vertices, isClosed) => {
        const fitted = fitPath(vertices, isClosed, BOUNDS);
        expect(fitPath(fitted, isClosed, BOUNDS)).toEqual(fitted);
        for (let edge = 0; fitted.length > 1 && edge < edgeCount(fitted, isClosed); edge++) {
          const [a, b] = edgeOf(fitted, edge);
          expect(a).not.toEqual(b);
        }
      }),
    );
    const ring = [
      [0, 0],
      [9, 0],
      [9, 0.2],
      [0, 9],
      [0, 0],
    ].map(([x, y]) => ({ x: x!, y: y! }));
    expect(fitPath(ring, true, BOUNDS)).toHaveLength(3);
  });
});
