import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { LiteralError, type Places, place, ranksOf, readDimensions } from "../src/index.js";

describe("ranking", () => {
  test.each<[string, Places, number, number | null, boolean, Places]>([
    ["a free place is taken", [null, null, null], 1, 2, false, [null, 2, null]],
    ["a place with ties is shared", [1, null, null], 1, 1, true, [1, 1, null]],
    ["an occupied place makes room downwards", [1, 2, null], 2, 1, false, [2, 3, 1]],
    ["or upwards when all below is full", [null, 2, 3], 0, 3, false, [3, 1, 2]],
    ["moving up shifts those between", [1, 2, 3], 2, 1, false, [2, 3, 1]],
    ["moving down shifts those between", [1, 2, 3], 0, 3, false, [3, 1, 2]],
    ["taking off leaves a gap", [1, 2, 3], 1, null, false, [1, null, 3]],
    ["the same place changes nothing", [1, 2, 3], 1, 2, false, [1, 2, 3]],
  ])("%s", (_, places, response, to, allowTie, expected) => {
    expect(place(places, response, to, allowTie)).toEqual(expected);
  });

  test("without ties, no place is ever held twice and nobody loses theirs", () => {
    const moves = fc.array(fc.tuple(fc.nat(4), fc.option(fc.integer({ min: 1, max: 5 }))), { maxLength: 30 });
    fc.assert(
      fc.property(moves, (steps) => {
        let places: Places = [null, null, null, null, null];
        for (const [response, to] of steps) {
          const before = places;
          places = place(places, response, to, false);
          const held = places.filter((rank) => rank !== null);
          expect(new Set(held).size).toBe(held.length);
          expect(places[response]).toBe(to);
          before.forEach((rank, i) => i !== response && expect(places[i] === null).toBe(rank === null));
        }
      }),
    );
  });

  test("ranks have no gaps", () => {
    expect(ranksOf([2, 1, 2])).toEqual([2, 1, 2]);
    expect(ranksOf([4, 2, 4, 5])).toEqual([2, 1, 2, 3]);
    expect(ranksOf([1, null])).toBeNull();
  });

  test("dimensions are read", () => {
    expect(readDimensions([{ name: "Clarity", allowTie: true }, { name: "Tone" }])).toEqual([
      { name: "Clarity", allowTie: true },
      { name: "Tone", allowTie: false },
    ]);
    expect(() => readDimensions([{ allowTie: true }])).toThrow(/entry 1/);
    expect(() => readDimensions("x")).toThrow(LiteralError);
  });
});
