import { describe, expect, test } from "vitest";

import { type BoxShape, Scene } from "../src/index.js";

function scene(): Scene {
  const made = new Scene();
  made.size = { width: 200, height: 100 };
  made.setLabels(["car", "tree"], ["#112233"]);
  made.store.load([
    { kind: "box", label: "car", left: 10, top: 10, width: 50, height: 50 },
    { kind: "box", label: "tree", left: 20, top: 20, width: 20, height: 20 },
    { kind: "box", label: "moon", left: 0, top: 0, width: 9, height: 9 },
  ]);
  return made;
}

describe("scene", () => {
  test("shapes with labels that are not offered are kept but do not count", () => {
    const made = scene();
    expect(made.kept().map((shape) => shape.label)).toEqual(["car", "tree"]);
    expect([...made.counts()]).toEqual([
      ["car", 1],
      ["tree", 1],
    ]);
    made.setLabels(["moon"]);
    expect(made.kept().map((shape) => shape.label)).toEqual(["moon"]);
  });

  test("colours follow the label's position, given ones first", () => {
    expect([scene().colorOf("car"), scene().colorOf("tree"), scene().colorOf("moon")]).toEqual([
      "#112233",
      "#1f77b4",
      "#7f7f7f",
    ]);
  });

  test("what is hidden is not hit", () => {
    const made = scene();
    const at = () => made.at({ x: 30, y: 30 }, 2).map((shape) => shape.label);
    expect(at()).toEqual(["tree", "car"]);
    made.hiddenIds.add(made.store.all()[1]!.id);
    expect(at()).toEqual(["car"]);
    made.hiddenLabels.add("car");
    expect(at()).toEqual([]);
    made.hiddenIds.clear();
    made.hiddenLabels.clear();
    made.isAllHidden = true;
    expect(at()).toEqual([]);
  });

  test("hits follow edits, undo and a size that comes late", () => {
    const made = scene();
    const car = made.store.all()[0] as BoxShape;
    made.store.update({ ...car, left: 140 });
    expect(made.at({ x: 160, y: 30 }, 1)).toHaveLength(1);
    made.store.undo();
    expect(made.at({ x: 160, y: 30 }, 1)).toHaveLength(0);
    made.size = { width: 400, height: 300 };
    expect(made.at({ x: 55, y: 55 }, 1)).toHaveLength(1);
    made.store.load([]);
    expect(made.at({ x: 55, y: 55 }, 1)).toHaveLength(0);
  });
});
