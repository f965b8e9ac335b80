import { type BoxShape, type KindName, type PathShape, Transform } from "@labelwright/annotation-core";
import { describe, expect, test } from "vitest";

import { ShapeEditor } from "../src/base/vector/shape-editor.js";

const BOX = { kind: "box", left: 10, top: 10, width: 20, height: 20 } as const;

interface Made {
  editor: ShapeEditor;
  said: string[];
  changes: () => number;
}

function editor(labels: readonly string[] = ["car", "tree"], kind: KindName = "box"): Made {
  const said: string[] = [];
  let changes = 0;
  const made = new ShapeEditor(kind, {
    refresh: () => {},
    redraw: () => {},
    changed: () => {
      changes += 1;
    },
    progressed: () => {},
    announce: (text) => said.push(text),
    reveal: () => {},
  });
  made.scene.size = { width: 200, height: 100 };
  made.setLabels(labels, []);
  return { editor: made, said, changes: () => changes };
}

const labelsOf = (made: ShapeEditor): string[] => made.scene.kept().map((shape) => shape.label);

describe("boxes", () => {
  test("a box drawn without a label waits for one, and Esc drops it", () => {
    const { editor: made } = editor();
    made.draw(BOX);
    expect([labelsOf(made), made.asking?.for]).toEqual([[], "new"]);
    made.cancelAsking();
    expect([labelsOf(made), made.asking]).toEqual([[], null]);
    made.draw(BOX);
    made.pick("tree");
    expect([labelsOf(made), made.currentLabel]).toEqual([["tree"], "tree"]);
  });

  test("a label chosen right after drawing is for the next box; of a held box it changes the label", () => {
    const { editor: made } = editor();
    made.chooseLabel(0);
    made.draw(BOX);
    made.chooseLabel(1);
    expect([labelsOf(made), made.scene.store.selectedId]).toEqual([["car"], null]);
    made.select(made.scene.kept()[0]!, false);
    made.chooseLabel(1);
    expect(labelsOf(made)).toEqual(["tree"]);
  });

  test("touching the box just drawn makes it a held one", () => {
    const { editor: made } = editor();
    made.chooseLabel(0);
    made.draw(BOX);
    expect(made.isHolding).toBe(false);
    made.nudge({ x: 1, y: 0 }, false);
    expect(made.isHolding).toBe(true);
    made.chooseLabel(1);
    expect(labelsOf(made)).toEqual(["tree"]);
  });

  test("an only label is chosen, a label that goes is not", () => {
    const { editor: made } = editor(["car"]);
    expect(made.currentLabel).toBe("car");
    made.draw(BOX);
    made.setLabels(["tree", "bush"], []);
    expect([made.currentLabel, made.scene.store.selectedId, labelsOf(made)]).toEqual([null, null, []]);
    made.setLabels(["car", "tree"], []);
    expect(labelsOf(made)).toEqual(["car"]);
  });

  test("without any label nothing is asked and nothing drawn", () => {
    const { editor: made } = editor([]);
    made.draw(BOX);
    expect([made.asking, made.scene.store.size]).toEqual([null, 0]);
  });

  test("resizing by key keeps the corner and at least one pixel", () => {
    const { editor: made } = editor(["car"]);
    made.draw(BOX, true);
    made.nudge({ x: -50, y: 5 }, true);
    expect(made.scene.kept()[0]).toMatchObject({ left: 10, top: 10, width: 1, height: 25 });
    made.nudge({ x: 5000, y: 0 }, true);
    expect(made.scene.kept()[0]).toMatchObject({ left: 10, width: 190 });
  });

  test("one held key is one step back", () => {
    const { editor: made } = editor(["car"]);
    made.draw(BOX, true);
    for (let i = 0; i < 5; i++) made.nudge({ x: 1, y: 0 }, false);
    made.endNudge();
    made.nudge({ x: 1, y: 0 }, false);
    made.undo();
    expect((made.scene.kept()[0] as BoxShape).left).toBe(15);
    made.undo();
    expect((made.scene.kept()[0] as BoxShape).left).toBe(10);
  });

  test("a box added by key lies in the middle of what is seen of the image", () => {
    const { editor: made } = editor(["car"]);
    made.addInView(new Transform(10, -500, 0), { width: 1000, height: 500 });
    expect(made.scene.kept()[0]).toMatchObject({ left: 95, top: 20, width: 10, height: 10 });
  });

  test("going through the boxes skips hidden ones and ends", () => {
    const { editor: made } = editor();
    for (const index of [0, 1, 0]) {
      made.chooseLabel(index);
      made.draw(BOX);
    }
    made.toggleLabel("tree");
    made.select(null, false);
    const seen: string[] = [];
    for (let next = made.neighbour(1); next; next = made.neighbour(1)) {
      seen.push(next.label);
      made.select(next, false);
    }
    expect(seen).toEqual(["car", "car"]);
  });

  test("drawing shows what was hidden, and every edit is told", () => {
    const { editor: made, said, changes } = editor(["car"]);
    made.toggleAll();
    made.toggleLabel("car");
    made.draw(BOX);
    expect(made.scene.at({ x: 15, y: 15 }, 1)).toHaveLength(1);
    made.remove();
    made.undo();
    expect(changes()).toBe(3);
    expect(said).toEqual(["car, box 1 of 1: left 10, top 10, 20 by 20 pixels", "Box deleted", "Undone"]);
  });
});

type At = readonly [number, number];

const points = (...at: readonly At[]) => at.map(([x, y]) => ({ x, y }));
const verticesOf = (made: ShapeEditor): At[][] =>
  made.scene.kept().map((shape) => (shape as PathShape).vertices.map(({ x, y }): At => [x, y]));
const SQUARE: readonly At[] = [
  [10, 10],
  [50, 10],
  [50, 50],
  [10, 50],
];

describe("paths", () => {
  test("undo and redo walk through the points, then through the shapes", () => {
    const { editor: made } = editor(["car"], "polyline");
    made.place(...points([1, 1], [9, 9]));
    made.finishDrawing();
    made.place(...points([20, 20], [30, 20], [30, 30]));
    made.undo();
    made.undo();
    expect(made.drawing!.points).toHaveLength(1);
    made.redo();
    made.finishDrawing();
    expect(verticesOf(made)).toEqual([
      [
        [1, 1],
        [9, 9],
      ],
      [
        [20, 20],
        [30, 20],
      ],
    ]);
    made.undo();
    made.undo();
    expect([verticesOf(made), made.canUndo]).toEqual([[], false]);
    made.place({ x: 5, y: 5 });
    made.undo();
    expect(made.isDrawing).toBe(false);
    made.redo();
    expect(made.drawing!.points).toEqual(points([5, 5]));
  });

  test("a polygon's edges must not cross, neither while drawing nor by closing nor later", () => {
    const { editor: made } = editor(["car"], "polygon");
    made.place(...points([10, 10], [50, 50], [50, 10], [10, 50]));
    expect([made.drawing!.points.length, made.notice]).toEqual([3, "Edges must not cross."]);
    made.cancelDrawing();
    made.place(...points([10, 10], [50, 10], [50, 50], [30, 30], [70, 30]));
    expect(made.drawing!.points).toHaveLength(4);
    made.cancelDrawing();
    made.place(...points(...SQUARE));
    made.finishDrawing();
    made.chooseVertex(0);
    made.nudge({ x: 20, y: 60 }, false);
    expect([verticesOf(made), made.notice]).toEqual([[[...SQUARE]], "Edges must not cross."]);
    made.nudge({ x: -5, y: 0 }, false);
    expect([verticesOf(made)[0]![0], made.notice]).toEqual([[5, 10], ""]);
  });

  test("too few points are no polygon", () => {
    const { editor: made } = editor(["car"], "polygon");
    made.place(...points([10, 10], [50, 50]));
    made.finishDrawing();
    expect([made.isDrawing, made.notice]).toEqual([true, "At least 3 points are needed."]);
  });

  test("after a polygon the label is chosen anew, unless there is only one; other paths keep it", () => {
    for (const [labels, kind, expected] of [
      [["car", "tree"], "polygon", null],
      [["car"], "polygon", "car"],
      [["car", "tree"], "polyline", "car"],
    ] as const) {
      const { editor: made } = editor(labels, kind);
      made.chooseLabel(0);
      made.place(...points(...SQUARE));
      made.finishDrawing();
      expect(made.currentLabel).toBe(expected);
    }
  });

  test("the first point of a path without a label asks, and the answer starts the path", () => {
    const { editor: made } = editor(["car", "tree"], "polygon");
    made.place({ x: 10, y: 10 });
    expect([made.isDrawing, made.asking?.for]).toEqual([false, "path"]);
    made.pick("tree");
    expect([made.isDrawing, made.currentLabel]).toEqual([true, "tree"]);
  });

  test("a line is complete with its second point", () => {
    const { editor: made } = editor(["car"], "line");
    made.place({ x: 10, y: 10 });
    made.place({ x: 10.2, y: 10.1 });
    expect(made.drawing!.points).toHaveLength(1);
    made.place({ x: 900, y: -5 });
    expect(verticesOf(made)).toEqual([
      [
        [10, 10],
        [200, 0],
      ],
    ]);
  });

  test("vertices are chosen, moved, added and deleted; the last ones keep the shape", () => {
    const { editor: made, said } = editor(["car"], "polygon");
    made.place(...points(...SQUARE));
    made.finishDrawing();
    made.nextVertex(-1);
    made.nextVertex(1);
    made.nextVertex(1);
    expect([made.vertex, said.at(-1)]).toEqual([1, "Point 2 of 4: left 50, top 10"]);
    made.nudge({ x: 10, y: -10 }, false);
    made.insertAfterVertex();
    expect([made.vertex, verticesOf(made)[0]]).toEqual([
      2,
      [
        [10, 10],
        [60, 0],
        [55, 25],
        [50, 50],
        [10, 50],
      ],
    ]);
    made.erase();
    made.erase();
    expect([made.vertex, verticesOf(made)[0]]).toEqual([
      0,
      [
        [10, 10],
        [50, 50],
        [10, 50],
      ],
    ]);
    made.erase();
    expect(verticesOf(made)).toEqual([]);
    for (let i = 0; i < 5; i++) made.undo();
    expect(verticesOf(made)).toEqual([[...SQUARE]]);
  });

  test("while a path is drawn nothing else is selected", () => {
    const { editor: made } = editor(["car"], "polygon");
    made.place(...points(...SQUARE));
    made.finishDrawing();
    made.place({ x: 60, y: 60 });
    const [shape] = made.scene.kept();
    expect([made.select(shape!, true), made.isDrawing]).toEqual([false, true]);
    expect(made.cancelDrawing()).toBe(true);
    expect(made.select(shape!, true)).toBe(true);
  });

  test("every kind can be added by key alone, legal and inside the image", () => {
    for (const kind of ["keypoint", "line", "polyline", "polygon"] as const) {
      const { editor: made, said } = editor(["car"], kind);
      made.addInView(new Transform(1, 0, 0), { width: 200, height: 100 });
      expect([made.scene.kept().length, made.isHolding]).toEqual([1, true]);
      expect(said.at(-1)).toMatch(/^car, (point|line|polyline|polygon) 1 of 1: /);
    }
  });
});
