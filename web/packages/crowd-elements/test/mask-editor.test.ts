import { describe, expect, test } from "vitest";

import { MaskEditor, type MaskEditorHost } from "../src/segmentation/mask-editor.js";

function made(
  kind: "labels" | "instances",
  labels = ["Road", "Tree"],
): { editor: MaskEditor; said: string[]; changes: () => number; asked: () => number } {
  const said: string[] = [];
  let [changes, asked] = [0, 0];
  let lastBrush: number | null = null;
  const host: MaskEditorHost = {
    refresh: () => {},
    painted: () => {},
    redraw: () => {},
    changed: () => changes++,
    announce: (text) => said.push(text),
    askForLabel: () => asked++,
    get lastBrush() {
      return lastBrush;
    },
    brushUsed: (share) => {
      lastBrush = share;
    },
    imageColors: () => Promise.resolve(null),
  };
  const editor = new MaskEditor(kind, host);
  editor.setLabels(labels, []);
  editor.reset({ width: 60, height: 40 });
  return { editor, said, changes: () => changes, asked: () => asked };
}

const square = { left: 10, top: 10, width: 10, height: 10 };

describe("painting", () => {
  test("needs a label, and asks for it", () => {
    const { editor, asked, changes } = made("labels");
    editor.fillBox(square, false);
    expect([asked(), changes(), editor.document.mask.isEmpty]).toEqual([1, 0, true]);
    editor.chooseLabel(1);
    editor.fillBox(square, false);
    expect(changes()).toBe(1);
    expect(editor.shareOf(editor.current!)).toBeCloseTo(100 / 2400);
  });

  test("a single label is chosen from the start", () => {
    expect(made("labels", ["Only"]).editor.currentLabel).toBe("Only");
  });

  test("a stroke that changes nothing is no change", () => {
    const { editor, changes } = made("labels");
    editor.chooseLabel(0);
    editor.fillBox(square, false);
    editor.fillBox(square, false);
    expect(changes()).toBe(1);
    editor.undo();
    expect(editor.canUndo).toBe(false);
  });

  test("nothing is painted while the mask is locked", () => {
    const { editor } = made("labels");
    editor.chooseLabel(0);
    editor.isLocked = true;
    expect(editor.startStroke(true)).toBe(false);
    editor.fillBox(square, false);
    expect(editor.document.mask.isEmpty).toBe(true);
  });

  test("painting shows the mask again", () => {
    const { editor } = made("labels");
    editor.chooseLabel(0);
    editor.toggleAll();
    editor.fillBox(square, false);
    expect(editor.isAllHidden).toBe(false);
  });

  test("the fill by colours says when there are none", async () => {
    const { editor, said } = made("labels");
    editor.chooseLabel(0);
    await editor.flood({ x: 1, y: 1 });
    expect(said.at(-1)).toContain("cannot be read");
    editor.fillReach = "region";
    await editor.flood({ x: 1, y: 1 });
    expect(editor.document.mask.count(editor.current!.value)).toBe(2400);
  });
});

describe("instances", () => {
  test("come with the first stroke and go when it hits nothing", () => {
    const { editor } = made("instances");
    editor.chooseLabel(0);
    expect(editor.document.regions).toEqual([]);
    editor.fillBox({ left: 100, top: 100, width: 5, height: 5 }, false);
    expect(editor.document.regions).toEqual([]);
    expect(editor.canUndo).toBe(false);
    editor.fillBox(square, false);
    expect(editor.document.regions).toHaveLength(1);
    editor.chooseLabel(0);
    editor.fillBox({ ...square, left: 30 }, false);
    expect(editor.document.regions.map((region) => editor.nameOf(region))).toEqual(["Road 1", "Road 2"]);
  });

  test("a dropped stroke takes its instance along", () => {
    const { editor } = made("instances");
    editor.chooseLabel(1);
    editor.startStroke(false);
    editor.paintPath([{ x: 5, y: 5 }]);
    editor.cancelStroke();
    expect(editor.document.regions).toEqual([]);
    expect(editor.current).toBeNull();
  });

  test("deleting the current one leaves its label chosen", () => {
    const { editor } = made("instances");
    editor.addInstance("Tree");
    editor.fillBox(square, false);
    editor.remove();
    expect([editor.currentLabel, editor.current, editor.document.mask.isEmpty]).toEqual(["Tree", null, true]);
  });

  test("stepping ends at both ends", () => {
    const { editor } = made("instances");
    for (const left of [0, 20, 40]) {
      editor.chooseLabel(0);
      editor.fillBox({ ...square, left }, false);
    }
    expect(editor.neighbour(1)).toBeNull();
    editor.selectRegion(editor.neighbour(-1)!);
    editor.selectRegion(editor.neighbour(-1)!);
    expect(editor.neighbour(-1)).toBeNull();
  });
});

test("corners are taken back one by one, and set again", () => {
  const { editor } = made("labels", ["Only"]);
  editor.tool = "polygon";
  for (const [x, y] of [
    [0, 0],
    [9, 0],
    [9, 9],
  ] as const)
    editor.addCorner({ x, y });
  editor.undo();
  expect(editor.closeOutline(false)).toBe(false);
  editor.redo();
  expect(editor.closeOutline(false)).toBe(true);
  expect(editor.document.mask.isEmpty).toBe(false);
  editor.addCorner({ x: 500, y: -3 });
  expect(editor.outline).toEqual([{ x: 60, y: 0 }]);
  editor.tool = "brush";
  expect(editor.outline).toEqual([]);
});

test("the brush painted with last is as large on the next image, in proportion", () => {
  const { editor } = made("labels");
  editor.chooseLabel(0);
  editor.brushSize = 10;
  expect(editor.startStroke(false)).toBe(true);
  editor.endStroke();
  editor.reset({ width: 600, height: 400 });
  expect(editor.brushSize).toBe(100);
});

test("brush sizes always move, within their limits", () => {
  const { editor } = made("labels");
  editor.brushSize = 1;
  editor.resizeBrush(1);
  expect(editor.brushSize).toBe(2);
  for (let i = 0; i < 60; i++) editor.resizeBrush(1);
  expect(editor.brushSize).toBe(500);
});
