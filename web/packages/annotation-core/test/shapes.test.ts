import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  type KindName,
  LiteralError,
  type NewShape,
  PathDrawing,
  type Shape,
  answerItem,
  gripAt,
  isPath,
  kindOf,
  listKeys,
  shapesAnswer,
  shapesFrom,
  shapesOfAnswer,
  snap,
} from "../src/index.js";

const SIZE = { width: 300, height: 200 };
const number = fc.double({ min: -100, max: 500, noNaN: true });
const vertex = fc.record({ x: number, y: number });
const label = fc.constantFrom("a", "b");
const entries: Record<KindName, fc.Arbitrary<unknown>> = {
  box: fc.record({ label, left: number, top: number, width: number, height: number }),
  keypoint: fc.record({ label, x: number, y: number }),
  line: fc.record({ label, vertices: fc.array(vertex, { minLength: 2, maxLength: 2 }) }),
  polyline: fc.record({ label, vertices: fc.array(vertex, { minLength: 2, maxLength: 8 }) }),
  polygon: fc.record({ label, vertices: fc.array(vertex, { minLength: 3, maxLength: 8 }) }),
};
const KINDS = Object.keys(entries) as KindName[];
const withId = (shapes: readonly NewShape[]): Shape[] => shapes.map((shape, id) => ({ ...shape, id }) as Shape);

describe.each(KINDS)("%s", (kind) => {
  const shapes = fc.array(entries[kind], { maxLength: 6 }).map((given) => shapesFrom(kind, given, SIZE).shapes);
  const rules = kindOf({ kind });

  test("an answer fed back gives the same answer, bare or wrapped, and counts as not modified", () => {
    fc.assert(
      fc.property(shapes, (made) => {
        const answer = shapesAnswer(kind, made, ["a", "b"], SIZE, made);
        const list = (answer as unknown as Record<string, unknown>)[listKeys[kind]];
        expect(shapesFrom(kind, answer, SIZE).shapes).toEqual(made);
        expect(shapesFrom(kind, list, SIZE)).toEqual({ shapes: made, warnings: [] });
        expect(answer.initialValueModified).toBe(false);
        expect(Object.keys(answer)).toEqual([...Object.keys(answer)].sort());
      }),
    );
  });

  test("editing keeps whole pixels inside the image, and editing by nothing keeps everything", () => {
    fc.assert(
      fc.property(shapes, vertex, (made, delta) => {
        for (const shape of withId(made)) {
          for (const grip of [...rules.grips(shape).map((g) => g.grip), "body" as const]) {
            const edited = rules.edit(shape, grip, delta, SIZE);
            const { left, top, width, height } = rules.bounds(edited);
            expect([left, top, width, height].every(Number.isInteger)).toBe(true);
            expect(left >= 0 && top >= 0 && left + width <= SIZE.width && top + height <= SIZE.height).toBe(true);
            expect(rules.same(rules.edit(shape, grip, { x: 0, y: 0 }, SIZE), shape)).toBe(true);
          }
          expect(rules.same(rules.fit(shape, SIZE), shape)).toBe(true);
        }
      }),
    );
  });

  test("its outline is at no distance from each of its points, and each grip is found where it is", () => {
    fc.assert(
      fc.property(shapes, (made) => {
        for (const shape of withId(made)) {
          for (const { at } of rules.grips(shape)) {
            expect(rules.outlineDistance(shape, at)).toBeLessThan(1e-9);
            expect(gripAt(shape, at, 2)).not.toBeNull();
          }
        }
      }),
    );
  });

  test("handing out an answer hands out no insides", () => {
    fc.assert(
      fc.property(shapes, (made) => {
        const before = JSON.stringify(made);
        for (const item of made.map(answerItem)) if ("vertices" in item) item.vertices.forEach((at) => (at.x = -7));
        expect(JSON.stringify(made)).toBe(before);
      }),
    );
  });

  test("a sample is legal in any image that has room for it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 900 }),
        fc.integer({ min: 2, max: 900 }),
        fc.nat(800),
        fc.nat(800),
        (width, height, left, top) => {
          const sample = rules.sample({ left, top, width: 1, height: 1 }, { width, height });
          expect(rules.isLegal(sample)).toBe(true);
        },
      ),
    );
  });

  test("an answer for an image of another size comes at the same place of this one", () => {
    fc.assert(
      fc.property(shapes, (made) => {
        const answer = shapesAnswer(kind, made, ["a", "b"], SIZE, null);
        expect(shapesOfAnswer(kind, answer, SIZE)).toEqual(made);
        const twice = { width: 2 * SIZE.width, height: 2 * SIZE.height };
        const grown = shapesOfAnswer(kind, answer, twice);
        expect(grown.map((shape) => shape.label)).toEqual(made.map((shape) => shape.label));
        expect(shapesOfAnswer(kind, shapesAnswer(kind, grown, ["a", "b"], twice, null), SIZE)).toEqual(made);
      }),
    );
    expect(() => shapesOfAnswer(kind, { label: "a" }, SIZE)).toThrow(LiteralError);
  });

  test("entries that are none are left out by number, and no list is an error", () => {
    const { shapes: none, warnings } = shapesFrom(kind, [{ label: "a" }, null, { label: 3, x: 1, y: 1 }, "text"], SIZE);
    expect([none, warnings.length]).toEqual([[], 4]);
    expect(warnings[1]).toMatch(/^initial-value entry 2 is left out: it needs a label and /);
    expect(() => shapesFrom(kind, { somethingElse: [] }, SIZE)).toThrow(LiteralError);
    expect(shapesFrom(kind, "null", SIZE)).toEqual({ shapes: [], warnings: [] });
  });
});

describe("reading paths", () => {
  const read = (kind: KindName, ...vertices: readonly (readonly [unknown, unknown])[]) =>
    shapesFrom(kind, [{ label: "a", vertices: vertices.map(([x, y]) => ({ x, y })) }], SIZE).shapes[0];

  test("numbers as text count, coordinates are clamped and rounded half up", () => {
    expect(read("line", ["1.5", -4], [999, "7"])).toMatchObject({
      vertices: [
        { x: 2, y: 0 },
        { x: 300, y: 7 },
      ],
    });
  });

  test("the closing vertex of a polygon is not repeated", () => {
    expect(read("polygon", [0, 0], [9, 0], [9, 9], [0, 0])).toMatchObject({ vertices: { length: 3 } });
  });

  test("a path whose vertices fall together is none, nor is a line of three", () => {
    expect(read("line", [5, 5], [5.2, 5.1])).toBeUndefined();
    expect(read("line", [5, 5], [9, 9], [20, 9])).toBeUndefined();
    expect(read("polygon", [5, 5], [9, 9], [9, 9])).toBeUndefined();
    expect(read("polyline", [5, 5], [9, 9], [20, 9])).toBeDefined();
  });

  test("a polygon given with crossing edges is kept as it is", () => {
    expect(read("polygon", [0, 0], [9, 9], [9, 0], [0, 9])).toMatchObject({ vertices: { length: 4 } });
  });
});

describe("drawing a path", () => {
  test("any run of points, steps back and forth keeps a legal path, and stepping back ends at nothing", () => {
    const step = fc.oneof(vertex, fc.constantFrom("undo", "redo"));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const drawing = new PathDrawing("polygon");
        for (const what of steps) {
          if (typeof what !== "string") drawing.add(what, SIZE);
          else if (what === "undo") drawing.undo();
          else drawing.redo();
        }
        if (drawing.finish() === "complete") {
          const shape: Shape = { kind: "polygon", id: 1, label: "a", vertices: drawing.points };
          expect(kindOf(shape).isLegal(shape)).toBe(true);
        }
        const all = [...drawing.points];
        while (drawing.undo());
        expect(drawing.isEmpty).toBe(true);
        for (let i = 0; i < all.length; i++) drawing.redo();
        expect(drawing.points.slice(0, all.length)).toEqual(all);
      }),
    );
  });

  test("a polygon ends at its first point, a polyline at its last, a line by itself", () => {
    const goals = (["polygon", "polyline", "line"] as const).map((kind) => {
      const drawing = new PathDrawing(kind);
      for (const [x, y] of [
        [0, 0],
        [9, 0],
        [9, 9],
      ])
        if (drawing.add({ x: x!, y: y! }, SIZE) === "complete") break;
      return drawing.goal;
    });
    expect(goals).toEqual([{ x: 0, y: 0 }, { x: 9, y: 9 }, null]);
  });
});

describe("snapping", () => {
  const near = withId([
    {
      kind: "polygon",
      label: "a",
      vertices: [
        { x: 50, y: 50 },
        { x: 90, y: 50 },
        { x: 90, y: 90 },
      ],
    },
    { kind: "box", label: "a", left: 100, top: 100, width: 40, height: 40 },
  ]);

  test("a vertex is better than an edge, an edge than the border, far away nothing", () => {
    expect(snap({ x: 52, y: 53 }, 6, near, SIZE)).toEqual({ at: { x: 50, y: 50 }, to: "corner" });
    expect(snap({ x: 70, y: 47 }, 6, near, SIZE)).toEqual({ at: { x: 70, y: 50 }, to: "edge" });
    expect(snap({ x: 139, y: 139 }, 6, near, SIZE)).toEqual({ at: { x: 140, y: 140 }, to: "corner" });
    expect(snap({ x: 296, y: 30 }, 6, near, SIZE)).toEqual({ at: { x: 300, y: 30 }, to: "border" });
    expect(snap({ x: 200, y: 60 }, 6, near, SIZE)).toEqual({ at: { x: 200, y: 60 }, to: null });
    const picture = { x: 203, y: 61 };
    expect(snap({ x: 200, y: 60 }, 6, near, SIZE, () => picture)).toEqual({ at: picture, to: "picture" });
    expect(snap({ x: 52, y: 53 }, 6, near, SIZE, () => picture).to).toBe("corner");
  });

  test("a point moves by no more than the reach in each direction", () => {
    fc.assert(
      fc.property(vertex, (point) => {
        const { at } = snap(point, 5, near, SIZE);
        expect(Math.max(Math.abs(at.x - point.x), Math.abs(at.y - point.y))).toBeLessThanOrEqual(5);
        for (const shape of near) expect(isPath(shape) || shape.kind === "box").toBe(true);
      }),
    );
  });
});
