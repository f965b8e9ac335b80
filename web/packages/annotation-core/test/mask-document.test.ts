import { describe, expect, test } from "vitest";

import {
  LiteralError,
  MaskDocument,
  decodeValues,
  freeColor,
  instanceSegmentationAnswer,
  maskColors,
  readInitialMask,
  semanticSegmentationAnswer,
  valuesFromColors,
} from "../src/index.js";

function made(kind: "labels" | "instances", labels = ["Road", "Tree"]): MaskDocument {
  const document = new MaskDocument(kind);
  document.setLabels(labels);
  document.reset({ width: 10, height: 4 });
  return document;
}

function fill(document: MaskDocument, y: number, x0: number, x1: number, value: number): void {
  document.begin();
  document.mask.fillRow(y, x0, x1, value);
  document.commit();
}

describe("another image's mask", () => {
  const GREEN = { label: "Road", color: "#00ff00" };
  const BLUE = { label: "Sea", color: "#0000ff" };
  const [green, blue, white] = [0xff00ff00, 0xffff0000, 0xffffffff];
  /** 10 x 4: a row of each colour, the rest white. */
  const pixels = Uint32Array.from({ length: 40 }, (_, i) => (i < 10 ? green : i < 20 ? blue : white));

  test("comes in where nothing is painted, for labels that are offered, as one step", () => {
    const document = made("labels");
    const tree = document.regionsOf("Tree")[0]!.value;
    const road = document.regionsOf("Road")[0]!.value;
    fill(document, 0, 0, 4, tree);
    expect(document.copyIn([GREEN, BLUE], pixels)).toBe(true);
    expect([document.mask.count(tree), document.mask.count(road), document.mask.count(0)]).toEqual([4, 6, 30]);
    document.undo();
    expect([document.mask.count(tree), document.mask.count(road)]).toEqual([4, 0]);
  });

  test("brings its instances as new ones, or nothing at all", () => {
    const document = made("instances");
    expect(document.copyIn([GREEN, { ...GREEN, color: "#0000ff" }], pixels)).toBe(true);
    expect(document.used.map(({ label }) => label)).toEqual(["Road", "Road"]);
    expect(document.copyIn([BLUE], pixels)).toBe(false);
    document.undo();
    expect(document.regions).toEqual([]);
  });
});

describe("labels as regions", () => {
  test("only labels that are used are in the answer, with the colours of their places", () => {
    const document = made("labels", ["Sky", "Road", "Tree"]);
    fill(document, 0, 0, 5, document.regionsOf("Tree")[0]!.value);
    fill(document, 1, 0, 5, document.regionsOf("Road")[0]!.value);
    const answer = semanticSegmentationAnswer(document);
    expect(Object.entries(answer.labelMappings)).toEqual([
      ["Road", { color: "#1f77b4" }],
      ["Tree", { color: "#ff7f0e" }],
    ]);
    expect(Object.keys(answer)).toEqual(["inputImageProperties", "labelMappings", "labeledImage"]);
    expect(answer.inputImageProperties).toEqual({ height: 4, width: 10 });
  });

  test("a label taken away and given back keeps what was painted", () => {
    const document = made("labels");
    fill(document, 0, 0, 5, document.regionsOf("Tree")[0]!.value);
    const before = semanticSegmentationAnswer(document);
    document.setLabels([]);
    expect(semanticSegmentationAnswer(document).labelMappings).toEqual({});
    document.setLabels(["Road", "Tree"]);
    expect(semanticSegmentationAnswer(document)).toEqual(before);
  });

  test("earlier work keeps its colours, and undoing back to it is no modification", () => {
    const document = made("labels");
    const values = document.adoptRegions([
      { label: "Tree", color: "#2ca02c" },
      { label: "Gone", color: "#123456" },
    ]);
    expect(document.colorOf("Tree")).toBe("#2ca02c");
    expect(document.colorOf("Road")).not.toBe("#2ca02c");
    const pixels = new Uint8Array(40).fill(values.get("#2ca02c")!, 0, 7).fill(values.get("#123456")!, 7, 9);
    document.startFrom(pixels);
    expect(document.isModified).toBe(false);
    expect(document.used.map((region) => region.label)).toEqual(["Tree"]);
    fill(document, 3, 0, 2, values.get("#2ca02c")!);
    expect(document.isModified).toBe(true);
    document.undo();
    expect(semanticSegmentationAnswer(document).initialValueModified).toBe(false);
  });

  test("kept work comes back under other numbers", async () => {
    const document = made("labels", ["Road", "Tree"]);
    fill(document, 2, 1, 4, document.regionsOf("Tree")[0]!.value);
    const { regions, png } = document.state();
    const other = made("labels", ["Tree", "Road"]);
    other.restore(regions, await decodeValues(png as Uint8Array<ArrayBuffer>, other.size));
    expect(other.used.map((region) => region.label)).toEqual(["Tree"]);
    expect(other.mask.count(other.regionsOf("Tree")[0]!.value)).toBe(3);
    other.undo();
    expect(other.mask.isEmpty).toBe(true);
  });
});

describe("instances as regions", () => {
  test("each has a colour of its own, and empty ones are left out", () => {
    const document = made("instances", ["Cell"]);
    const [a, b, c] = [document.addRegion("Cell"), document.addRegion("Cell"), document.addRegion("Cell")];
    expect(new Set([a.color, b.color, c.color]).size).toBe(3);
    fill(document, 0, 0, 3, a.value);
    fill(document, 1, 0, 3, c.value);
    const answer = instanceSegmentationAnswer(document);
    expect(answer.instances).toEqual([
      { color: a.color, label: "Cell" },
      { color: c.color, label: "Cell" },
    ]);
    expect(Object.keys(answer)).toEqual(["inputImageProperties", "instances", "labeledImage"]);
  });

  test("coming and going can be undone together with the pixels", () => {
    const document = made("instances");
    document.begin();
    const region = document.addRegion("Tree");
    document.mask.fillRow(0, 0, 4, region.value);
    document.commit();
    document.removeRegion(region.value);
    expect(document.regions).toEqual([]);
    expect(document.mask.isEmpty).toBe(true);
    document.undo();
    expect(document.regions).toEqual([region]);
    expect(document.mask.count(region.value)).toBe(4);
    document.undo();
    expect(document.regions).toEqual([]);
    document.redo();
    expect(document.used).toEqual([region]);
    document.relabel(region.value, "Road");
    expect(document.region(region.value)!.label).toBe("Road");
    expect(document.undo()).toBe(true);
    expect(document.region(region.value)!.label).toBe("Tree");
  });

  test("a dropped change takes its new instance with it", () => {
    const document = made("instances");
    document.begin();
    document.addRegion("Tree");
    document.rollback();
    expect(document.regions).toEqual([]);
    expect(document.canUndo).toBe(false);
  });

  test("thousands of instances all differ", () => {
    const document = made("instances", ["Cell"]);
    document.begin();
    for (let i = 0; i < 3000; i++) document.addRegion("Cell");
    document.commit();
    const colors = new Set(document.regions.map((region) => region.color));
    expect(colors.size).toBe(3000);
    expect(colors.has("#ffffff") || colors.has("#000000")).toBe(false);
  });
});

describe("colours", () => {
  test("white, black, doubles and nonsense fall back to the palette", () => {
    const labels = ["a", "b", "c", "d", "e"];
    const colors = maskColors(labels, new Map(), ["#ffffff", "#000000", "#abcdef", "#ABCDEF", "nonsense"]);
    expect(labels.map((label) => colors.get(label))).toEqual(["#2ca02c", "#1f77b4", "#abcdef", "#d62728", "#9467bd"]);
  });

  test("nobody moves because somebody took a place", () => {
    const colors = maskColors(["a", "b", "c"], new Map([["c", "#2ca02c"]]));
    expect(colors.get("c")).toBe("#2ca02c");
    expect(colors.get("b")).toBe("#1f77b4");
    expect(new Set(colors.values()).size).toBe(3);
  });

  test("counted colours never meet those that are taken", () => {
    expect(freeColor(0, new Set(["#2ca02c"]))).toBe("#1f77b4");
    expect(freeColor(100_000, new Set())).toMatch(/^#[0-9a-f]{6}$/);
  });
});

describe("initial values", () => {
  test("the documented forms", () => {
    expect(readInitialMask("null")).toBeNull();
    expect(readInitialMask({ labelMappings: { Road: { color: "#2CA02C" } }, src: "/m.png" })).toEqual({
      src: "/m.png",
      regions: [{ label: "Road", color: "#2ca02c" }],
      warnings: [],
    });
    expect(
      readInitialMask({ instances: [{ color: "#1f77b4", label: "Cat" }], labeledImage: { pngImageData: "AAAA" } }),
    ).toEqual({
      src: "data:image/png;base64,AAAA",
      regions: [{ label: "Cat", color: "#1f77b4" }],
      warnings: [],
    });
  });

  test("what cannot be used is named", () => {
    expect(() => readInitialMask([1])).toThrow(LiteralError);
    const { regions, warnings } = readInitialMask({
      labelMappings: { a: { color: "red" }, b: { color: "#111111" }, c: { color: "#111111" } },
    })!;
    expect(regions).toEqual([{ label: "b", color: "#111111" }]);
    expect(warnings).toHaveLength(2);
  });

  test("only exact colours count", () => {
    const pixel = (r: number, g: number, b: number, a = 255): number => (r | (g << 8) | (b << 16) | (a << 24)) >>> 0;
    const picture = Uint32Array.of(
      pixel(44, 160, 44),
      pixel(44, 160, 45),
      pixel(255, 255, 255),
      pixel(44, 160, 44, 0),
      0,
    );
    const { mask, nUnknown } = valuesFromColors(picture, new Map([["#2ca02c", 5]]));
    expect([...mask]).toEqual([5, 0, 0, 0, 0]);
    expect(nUnknown).toBe(1);
  });
});
