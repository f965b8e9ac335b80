import { Transform } from "@labelwright/annotation-core";
import { describe, expect, test } from "vitest";

import { BoxEditor } from "../src/crowd-bounding-box/box-editor.js";

const BOX = { left: 10, top: 10, width: 20, height: 20 };

function editor(labels: readonly string[] = ["car", "tree"]): { editor: BoxEditor; said: string[]; changes: () => number } {
  const said: string[] = [];
  let changes = 0;
  const made = new BoxEditor({
    refresh: () => {},
    redraw: () => {},
    changed: () => {
      changes += 1;
    },
    announce: (text) => said.push(text),
    reveal: () => {},
  });
  made.scene.size = { width: 200, height: 100 };
  made.setLabels(labels, []);
  return { editor: made, said, changes: () => changes };
}

const labelsOf = (made: BoxEditor): string[] => made.scene.kept().map((shape) => shape.label);

describe("box editor", () => {
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
    expect(made.scene.kept()[0]!.left).toBe(15);
    made.undo();
    expect(made.scene.kept()[0]!.left).toBe(10);
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
