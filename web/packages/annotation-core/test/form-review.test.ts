import { describe, expect, test } from "vitest";

import {
  type Block,
  type FormPair,
  LiteralError,
  missingKeys,
  outlineOf,
  pairsFrom,
  readBlocks,
  readImportantKeys,
  reviewedBlocks,
} from "../src/index.js";

const box = { left: 0.1, top: 0.2, width: 0.3, height: 0.1 };
const blocks: Block[] = [
  {
    id: "k1",
    blockType: "KEY_VALUE_SET",
    entityTypes: ["KEY"],
    confidence: 91,
    geometry: { boundingBox: box },
    relationships: [
      { type: "CHILD", ids: ["w1", "w2"] },
      { type: "VALUE", ids: ["v1"] },
    ],
  },
  {
    id: "v1",
    blockType: "KEY_VALUE_SET",
    entityTypes: ["VALUE"],
    confidence: 72.5,
    relationships: [{ type: "CHILD", ids: ["w3"] }],
  },
  {
    id: "k2",
    blockType: "KEY_VALUE_SET",
    entityTypes: ["KEY"],
    text: "Smoker",
    relationships: [{ type: "VALUE", ids: ["v2"] }],
  },
  {
    id: "v2",
    blockType: "KEY_VALUE_SET",
    entityTypes: ["VALUE"],
    relationships: [{ type: "CHILD", ids: ["s1"] }],
  },
  { id: "w1", blockType: "WORD", text: "Full", confidence: 99 },
  { id: "w2", blockType: "WORD", text: "name:" },
  { id: "w3", blockType: "WORD", text: "Ann" },
  { id: "s1", blockType: "SELECTION_ELEMENT", selectionStatus: "SELECTED" },
];
const judged = (verdict: FormPair["verdict"], changes: Partial<FormPair> = {}): FormPair[] =>
  pairsFrom(blocks).map((pair, i) => ({
    ...pair,
    verdict: "valid",
    ...(i === 0 && { verdict, ...changes }),
  }));

describe("reviewing a form", () => {
  test("pairs come out of the blocks", () => {
    expect(pairsFrom(blocks).map(({ key, value, confidence }) => [key, value, confidence])).toEqual([
      ["Full name:", "Ann", 72.5],
      ["Smoker", "☑", null],
    ]);
  });

  test("changed texts go back into them", () => {
    const after = reviewedBlocks(blocks, judged("valid", { value: "Anne" }), false);
    expect(after).toHaveLength(blocks.length);
    expect(after[0]).toEqual({
      id: "k1",
      blockType: "KEY_VALUE_SET",
      entityTypes: ["KEY"],
      text: "Full name:",
      relationships: blocks[0]!.relationships,
    });
    expect(after[1]).toMatchObject({ id: "v1", text: "Anne" });
    expect(after[4]).toEqual({ id: "w1", blockType: "WORD", text: "Full" });
    expect(reviewedBlocks(blocks, judged("valid"), true)[0]).toMatchObject({
      confidence: 91,
      geometry: { boundingBox: box },
    });
    expect(reviewedBlocks(blocks, judged("valid", { isBlank: true }), false)[1]).toMatchObject({ text: "" });
  });

  test("wrong pairs are left out with the words that only they used", () => {
    for (const verdict of ["invalid", "key-not-found"] as const) {
      expect(reviewedBlocks(blocks, judged(verdict), false).map(({ id }) => id)).toEqual(["k2", "v2", "s1"]);
    }
  });

  test("added pairs come at the end", () => {
    const added: FormPair = {
      id: "n1",
      valueIds: [],
      key: "City",
      value: "Bonn",
      verdict: "valid",
      isBlank: false,
      isAdded: true,
      confidence: null,
    };
    expect(reviewedBlocks([], [added], false)).toEqual([
      {
        id: "n1",
        blockType: "KEY_VALUE_SET",
        entityTypes: ["KEY"],
        text: "City",
        relationships: [{ type: "VALUE", ids: ["n1-value"] }],
      },
      { id: "n1-value", blockType: "KEY_VALUE_SET", entityTypes: ["VALUE"], text: "Bonn" },
    ]);
    expect(reviewedBlocks([], [{ ...added, verdict: "key-not-found" }], false)).toEqual([]);
  });

  test("keys that are missing know their aliases", () => {
    const keys = readImportantKeys([{ importantFormKey: "Name", importantFormKeyAliases: ["full NAME"] }, "City"]);
    expect(missingKeys(keys, pairsFrom(blocks)).map(({ importantFormKey }) => importantFormKey)).toEqual(["City"]);
  });

  test("what cannot be read is named", () => {
    expect(readBlocks({ blocks })).toBe(blocks);
    expect(() => readBlocks([{ blockType: "WORD" }])).toThrow(/entry 1/);
    expect(() => readBlocks(3)).toThrow(LiteralError);
    expect(() => readImportantKeys([{}])).toThrow(/entry 1/);
  });

  test("outlines are in pixels", () => {
    expect(outlineOf(blocks[0], { width: 100, height: 50 })).toHaveLength(4);
    expect(outlineOf({ id: "x", geometry: { polygon: [{ x: 0.5, y: 1 }] } }, { width: 100, height: 50 })).toEqual([
      { x: 50, y: 50 },
    ]);
    expect(outlineOf(undefined, { width: 1, height: 1 })).toEqual([]);
  });
});
