import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  CodePoints,
  LiteralError,
  type Span,
  SpanStore,
  entitiesFrom,
  entityAnswer,
  entityLabels,
  isRightToLeft,
  layersOf,
  lineAt,
  linesOf,
  nextCharacter,
  nextWord,
  previousCharacter,
  previousWord,
  readEntityLabels,
  segmentsOf,
  spansAt,
  trimRange,
  wordAt,
} from "../src/index.js";

// eslint-disable-next-line no-misleading-character-class -- a combining accent by itself is meant
const mixed = fc.stringMatching(/^[a-z \n\t😀🧵e\u0301é×א]{0,60}$/u);

describe("code points", () => {
  test("count as Python does", () => {
    const points = new CodePoints("a😀b🧵");
    expect(points.length).toBe(4);
    expect([0, 1, 2, 3, 4, 5, 6].map((unit) => points.fromUnit(unit))).toEqual([0, 1, 1, 2, 3, 3, 4]);
    expect([0, 1, 2, 3, 4, 9, -1].map((point) => points.toUnit(point))).toEqual([0, 1, 3, 4, 6, 6, 0]);
  });

  test("lone halves are characters of their own", () => {
    expect(new CodePoints("\ud83d x \ude00").length).toBe(5);
  });

  test("slicing by code points gives what slicing by units gives", () => {
    fc.assert(
      fc.property(mixed, fc.nat(60), fc.nat(60), (text, a, b) => {
        const points = new CodePoints(text);
        const range = trimRange(text, a, b);
        if (!range) return;
        const [from, to] = [points.fromUnit(range.start), points.fromUnit(range.end)];
        expect([...text].slice(from, to).join("")).toBe(text.slice(range.start, range.end));
        expect([points.toUnit(from), points.toUnit(to)]).toEqual([range.start, range.end]);
      }),
    );
  });
});

describe("words, characters and lines", () => {
  test("lines end with LF, CR LF or CR", () => {
    const text = "ab\r\n\ncd\re";
    const lines = linesOf(text);
    expect(lines.map(({ start, end }) => text.slice(start, end))).toEqual(["ab", "", "cd", "e"]);
    expect([0, 2, 3, 4, 5, 7, 8, 9].map((offset) => lineAt(lines, offset))).toEqual([0, 0, 0, 1, 2, 2, 3, 3]);
    expect(linesOf("")).toEqual([{ start: 0, end: 0 }]);
  });

  test("lines that are too long are cut, nothing is lost", () => {
    const cut = (text: string): string[] => linesOf(text, 8).map(({ start, end }) => text.slice(start, end));
    expect(cut("aa bb cc dd ee\nf")).toEqual(["aa bb ", "cc dd ee", "f"]);
    expect(cut("abcdefghijkl")).toEqual(["abcdefgh", "ijkl"]);
    expect(cut("abcdefg😀ijkl")).toEqual(["abcdefg", "😀ijkl"]);
    fc.assert(
      fc.property(mixed, (text) => {
        expect(cut(text).join("")).toBe(text.replace(/[\r\n]/g, ""));
      }),
    );
  });

  test("the direction is that of the first letter", () => {
    expect(["abc", "12 שלום abc", "سلام", "…", "π א"].map(isRightToLeft)).toEqual([false, true, true, false, false]);
  });

  test.each([
    ["one two", 0, "one"],
    ["one two", 3, "one"],
    ["one two", 4, "two"],
    ["one two", 7, "two"],
    ["naïve café", 8, "café"],
    ["it's 3.14 m", 6, "3.14"],
    ["a, b", 1, "a"],
    ["hi 😀!", 3, "😀"],
    ["שלום עולם", 6, "עולם"],
  ])("the word in %j at %i", (text, offset, word) => {
    const found = wordAt(text, offset)!;
    expect(text.slice(found.start, found.end)).toBe(word);
  });

  test("steps go over words and whole characters", () => {
    const text = "Le café, 👩‍🚀 e\u0301tait";
    expect(nextWord(text, 0)).toBe(3);
    expect(nextWord(text, text.length)).toBe(text.length);
    expect(previousWord(text, 7)).toBe(3);
    expect(previousWord(text, 3)).toBe(0);
    expect(previousWord(text, 0)).toBe(0);
    expect(nextCharacter(text, 9)).toBe(14);
    expect(previousCharacter(text, 14)).toBe(9);
    expect(nextCharacter(text, 15)).toBe(17);
    expect(nextCharacter(text, text.length)).toBe(text.length);
    expect(previousCharacter(text, 0)).toBe(0);
  });

  test("stepping always gets on", () => {
    fc.assert(
      fc.property(mixed, (text) => {
        for (const step of [nextWord, nextCharacter]) {
          let offset = 0;
          for (let n = 0; offset < text.length; n++) {
            expect(n).toBeLessThanOrEqual(text.length);
            const next = step(text, offset);
            expect(next).toBeGreaterThan(offset);
            offset = next;
          }
        }
      }),
    );
  });
});

describe("labels and entities", () => {
  test("labels are texts or objects", () => {
    const authored = readEntityLabels([
      "a",
      { label: "b", shortDisplayName: "B" },
      { label: "c", longDisplayName: "Cee" },
      "a",
    ]);
    expect(entityLabels(authored)).toEqual([
      { label: "a", fullDisplayName: "a", shortDisplayName: "a" },
      { label: "b", fullDisplayName: "b", shortDisplayName: "B" },
      { label: "c", fullDisplayName: "Cee", shortDisplayName: "c" },
    ]);
    expect(() => readEntityLabels([{ name: "x" }])).toThrow(/entry 1/);
    expect(() => readEntityLabels({})).toThrow(LiteralError);
    expect(readEntityLabels(undefined)).toEqual([]);
  });

  test("entities come in and go out by code points", () => {
    const text = "😀 Rome in 1960";
    const points = new CodePoints(text);
    const given = [
      { label: "date", startOffset: 10, endOffset: 14 },
      { label: "city", startOffset: 2, endOffset: "6" },
      { label: "city", startOffset: 2, endOffset: 6 },
      { label: "city", startOffset: 90, endOffset: 99 },
      { label: "city", startOffset: 1.5, endOffset: 6 },
    ];
    const { spans, warnings } = entitiesFrom(given, points);
    expect(spans.map(({ start, end }) => text.slice(start, end))).toEqual(["1960", "Rome"]);
    expect(warnings).toHaveLength(2);
    expect(entitiesFrom({ entities: given }, points).spans).toEqual(spans);
    expect(entitiesFrom("null", points).spans).toEqual([]);
    expect(() => entitiesFrom({ a: 1 }, points)).toThrow(LiteralError);
    const labels = entityLabels(["city"]);
    expect(entityAnswer(spans, labels, points)).toEqual({
      entities: [{ endOffset: 6, label: "city", startOffset: 2 }],
    });
  });

  test("selections lose the white space around them", () => {
    expect(trimRange("  a b\n", 0, 6)).toEqual({ start: 2, end: 5 });
    expect(trimRange("  a b\n", 5, 1)).toEqual({ start: 2, end: 5 });
    expect(trimRange(" \n\t", 0, 3)).toBeNull();
    expect(trimRange("a😀b", 2, 3)).toEqual({ start: 1, end: 3 });
    expect(trimRange("a😀b", 0, 2)).toEqual({ start: 0, end: 3 });
  });
});

describe("layers and segments", () => {
  const span = (id: number, start: number, end: number): Span => ({ id, label: "x", start, end });
  const three = [span(1, 0, 10), span(2, 4, 6), span(3, 5, 14)];

  test("overlaps are cut where something begins or ends", () => {
    const segments = segmentsOf({ start: 2, end: 12 }, three);
    expect(segments.map(({ start, end, spans }) => [start, end, spans.map(({ id }) => id)])).toEqual([
      [2, 4, [1]],
      [4, 5, [2, 1]],
      [5, 6, [2, 3, 1]],
      [6, 10, [3, 1]],
      [10, 12, [3]],
    ]);
    expect(segmentsOf({ start: 20, end: 20 }, three)).toEqual([]);
    expect(spansAt(three, 5).map(({ id }) => id)).toEqual([2, 3, 1]);
  });

  test("no two overlapping spans share a layer", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 20 })), { maxLength: 20 }), (given) => {
        const spans = given.map(([start, length], id) => span(id, start, start + length));
        const layers = layersOf(spans);
        for (const a of spans) {
          for (const b of spans) {
            if (a.id < b.id && a.start < b.end && b.start < a.end) expect(layers.get(a.id)).not.toBe(layers.get(b.id));
          }
        }
      }),
    );
  });
});

describe("the store", () => {
  test("adds, relabels, removes and undoes", () => {
    const store = new SpanStore();
    store.load([{ label: "a", start: 5, end: 7 }]);
    const added = store.add({ label: "b", start: 0, end: 3 });
    expect(store.selected).toBe(added);
    expect(store.all.map(({ label }) => label)).toEqual(["b", "a"]);
    expect(store.add({ label: "b", start: 0, end: 3 }).id).toBe(added.id);
    expect(store.all).toHaveLength(2);
    store.relabel(added.id, "c");
    store.remove([added.id]);
    expect(store.selected).toBeNull();
    store.undo();
    expect(store.selected?.label).toBe("c");
    store.undo();
    expect(store.selected?.label).toBe("b");
    store.undo();
    expect(store.canUndo).toBe(false);
    expect(store.undo()).toBe(false);
    expect([store.redo(), store.redo(), store.redo(), store.redo()]).toEqual([true, true, true, false]);
    expect(store.all.map(({ label }) => label)).toEqual(["a"]);
  });

  test("a passage never carries the same label twice", () => {
    const store = new SpanStore();
    const first = store.add({ label: "a", start: 0, end: 3 });
    const second = store.add({ label: "b", start: 0, end: 3 });
    store.relabel(second.id, "a");
    expect(store.all).toEqual([first]);
    expect(store.selected).toEqual(first);
    store.undo();
    expect(store.all).toHaveLength(2);
  });
});
