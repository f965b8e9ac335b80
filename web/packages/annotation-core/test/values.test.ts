import { describe, expect, test } from "vitest";

import {
  BASE_COLORS,
  type BoxShape,
  LiteralError,
  differs,
  flattenObjects,
  labelColors,
  makeUpright,
  paletteColor,
  parseLiteral,
  shapesAnswer,
  shapesFrom,
  sortKeys,
  textColorOn,
  toStringList,
} from "../src/index.js";

describe("literals", () => {
  test.each([
    [`['Cat', 'Dog']`, ["Cat", "Dog"]],
    [`["a","b\\"c","d'e"]`, ["a", `b"c`, "d'e"]],
    [`{ text: 'None of the above' }`, { text: "None of the above" }],
    [`[{label: 'sideline', /* in */ left: 1, // comment\n top: .5,},\n]`, [{ label: "sideline", left: 1, top: 0.5 }]],
    [`  `, undefined],
    [`null`, null],
  ])("%s", (text, value) => expect(parseLiteral(text)).toEqual(value));

  test("an error knows its place", () => {
    expect(() => parseLiteral("[1,\n 2 3]")).toThrow(LiteralError);
    try {
      parseLiteral("[1,\n 2 3]");
    } catch (error) {
      expect(error).toMatchObject({ line: 2, column: 4 });
    }
  });

  test("lists hold text", () => {
    expect(toStringList(undefined)).toEqual([]);
    expect(toStringList(["a", 1, true])).toEqual(["a", "1", "true"]);
    expect(() => toStringList({ a: 1 })).toThrow(/expected a list/);
    expect(() => toStringList(["a", {}])).toThrow(/entry 2/);
  });

  test("nothing is evaluated", () => {
    expect(() => parseLiteral("[alert(1)]")).toThrow(LiteralError);
  });
});

describe("initial values and answers", () => {
  const size = { width: 100, height: 80 };
  const given = [
    { label: "car", left: 10.4, top: 10.5, width: 20, height: 20 },
    { label: "car", left: 90, top: -5, width: 50, height: 20 },
    { label: "moon", left: 1, top: 1, width: 2, height: 2 },
  ];
  const shapesOf = (value: unknown): BoxShape[] =>
    shapesFrom("box", value, size).shapes.map((s, id) => ({ ...s, id }) as BoxShape);

  test("are clamped and rounded, from both documented forms", () => {
    expect(shapesFrom("box", given, size).shapes.slice(0, 2)).toMatchObject([
      { left: 10, top: 11, width: 20, height: 20 },
      { left: 90, top: 0, width: 10, height: 15 },
    ]);
    expect(shapesFrom("box", { boundingBoxes: given }, size)).toEqual(shapesFrom("box", given, size));
    expect(shapesFrom("box", "null", size)).toEqual({ shapes: [], warnings: [] });
  });

  test("entries that are no boxes are named", () => {
    expect(shapesFrom("box", [{ label: "a" }, null], size).warnings).toHaveLength(2);
    expect(() => shapesFrom("box", { polygons: [] }, size)).toThrow(LiteralError);
  });

  test("modified means different after normalisation, whatever the order", () => {
    const initial = shapesOf(given);
    const answer = (shapes: BoxShape[], start: BoxShape[] | null = initial) =>
      shapesAnswer("box", shapes, ["car"], size, start);
    expect(answer(initial).initialValueModified).toBe(false);
    expect(answer([...initial].reverse()).initialValueModified).toBe(false);
    expect(answer(initial.slice(1)).initialValueModified).toBe(true);
    expect(answer([{ ...initial[0]!, left: 11 }, ...initial.slice(1)]).initialValueModified).toBe(true);
    expect("initialValueModified" in answer(initial, null)).toBe(false);
    expect(differs([initial[0]!, initial[0]!], [initial[0]!, initial[1]!])).toBe(true);
  });

  test("the answer has the documented shape and no unknown labels", () => {
    expect(JSON.stringify(shapesAnswer("box", shapesOf(given), ["car"], size, []))).toBe(
      '{"boundingBoxes":[{"height":20,"label":"car","left":10,"top":11,"width":20},' +
        '{"height":15,"label":"car","left":90,"top":0,"width":10}],"initialValueModified":true,' +
        '"inputImageProperties":{"height":80,"width":100}}',
    );
  });

  test("keys are sorted at every depth, lists are left alone", () => {
    expect(JSON.stringify(sortKeys({ b: [{ d: 1, c: 2 }], a: { z: 1, y: 2 } }))).toBe(
      '{"a":{"y":2,"z":1},"b":[{"c":2,"d":1}]}',
    );
    const named = sortKeys(JSON.parse('{"__proto__": "text"}') as object);
    expect(JSON.stringify(named)).toBe('{"__proto__":"text"}');
  });

  test("flattening makes dotted keys and keeps lists", () => {
    expect(flattenObjects({ box: { inputImageProperties: { height: 600 }, boundingBoxes: [{ a: 1 }] }, n: 1 })).toEqual(
      {
        "box.inputImageProperties.height": 600,
        "box.boundingBoxes": [{ a: 1 }],
        n: 1,
      },
    );
  });
});

describe("palette", () => {
  test("starts with the documented list and stays distinct, never white or black", () => {
    const colors = labelColors(300);
    expect(colors.slice(0, 10)).toEqual([...BASE_COLORS]);
    expect(new Set(colors).size).toBe(300);
    expect(colors.every((color) => /^#[0-9a-f]{6}$/.test(color))).toBe(true);
    expect(colors).not.toContain("#ffffff");
    expect(colors).not.toContain("#000000");
    expect(paletteColor(42)).toBe(colors[42]);
    expect(labelColors(3, ["#123456"])).toEqual(["#123456", "#1f77b4", "#ff7f0e"]);
  });

  test("text on a colour is readable", () => {
    expect(textColorOn("#bcbd22")).toBe("#000000");
    expect(textColorOn("#1f77b4")).toBe("#ffffff");
  });
});

describe("exif", () => {
  /** A JPEG's first bytes with an orientation note, in either byte order. */
  function jpeg(orientation: number, little: boolean): Uint8Array {
    const bytes = new Uint8Array(64);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0xffd8);
    view.setUint16(2, 0xffe1);
    view.setUint16(4, 34);
    bytes.set([0x45, 0x78, 0x69, 0x66, 0, 0], 6);
    view.setUint16(12, little ? 0x4949 : 0x4d4d);
    view.setUint16(14, 42, little);
    view.setUint32(16, 8, little);
    view.setUint16(20, 1, little);
    view.setUint16(22, 0x0112, little);
    view.setUint16(24, 3, little);
    view.setUint32(26, 1, little);
    view.setUint16(30, orientation, little);
    return bytes;
  }

  test.each([3, 6, 8])("orientation %i is set upright in both byte orders", (orientation) => {
    for (const little of [true, false]) {
      const bytes = jpeg(orientation, little);
      expect(makeUpright(bytes)).toBe(orientation);
      expect(makeUpright(bytes)).toBe(1);
    }
  });

  test("other bytes are left alone", () => {
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array([0x89, 0x50, 0x4e, 0x47, 1, 2]),
      jpeg(6, true).slice(0, 25),
    ]) {
      const copy = bytes.slice();
      expect(makeUpright(bytes)).toBeNull();
      expect(bytes).toEqual(copy);
    }
  });
});
