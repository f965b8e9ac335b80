import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { AnnotationStore, type BoxShape, type NewShape } from "../src/index.js";

const box = (left: number, label = "a"): NewShape => ({ kind: "box", label, left, top: 0, width: 5, height: 5 });
const allOf = (store: AnnotationStore): BoxShape[] => store.all() as BoxShape[];

describe("store", () => {
  test("adding selects, undo takes back both, redo brings both again", () => {
    const store = new AnnotationStore();
    const shape = store.add(box(1));
    expect(store.selectedId).toBe(shape.id);
    expect(store.undo()).toBe(true);
    expect([store.size, store.selectedId]).toEqual([0, null]);
    expect(store.redo()).toBe(true);
    expect([allOf(store), store.selectedId]).toEqual([[shape], shape.id]);
    expect(store.redo()).toBe(false);
  });

  test("several new shapes are one step, and none of them is selected", () => {
    const store = new AnnotationStore();
    const first = store.add(box(1));
    const added = store.addAll([box(2), box(3)]);
    expect(allOf(store).map(({ left }) => left)).toEqual([1, 2, 3]);
    expect(store.selectedId).toBeNull();
    store.undo();
    expect([allOf(store), store.selectedId]).toEqual([[first], first.id]);
    store.redo();
    expect(store.all().slice(1)).toEqual(added);
    expect(store.addAll([])).toEqual([]);
    store.undo();
    expect(store.size).toBe(1);
  });

  test("a removed shape comes back at its old place", () => {
    const store = new AnnotationStore();
    const shapes = [1, 2, 3, 4].map((n) => store.add(box(n)));
    store.remove([shapes[0]!.id, shapes[2]!.id]);
    expect(allOf(store).map((s) => s.left)).toEqual([2, 4]);
    store.undo();
    expect(allOf(store).map((s) => s.left)).toEqual([1, 2, 3, 4]);
  });

  test("a held key is one undo step, the next one another", () => {
    const store = new AnnotationStore();
    const shape = store.add(box(0)) as BoxShape;
    store.update({ ...shape, left: 1 }, "nudge:1");
    store.update({ ...shape, left: 2 }, "nudge:1");
    store.update({ ...shape, left: 3 }, "nudge:2");
    store.undo();
    expect(allOf(store)[0]!.left).toBe(2);
    store.undo();
    expect(allOf(store)[0]!.left).toBe(0);
  });

  test("a preview shows but is not stored", () => {
    const store = new AnnotationStore();
    const shape = store.add(box(0)) as BoxShape;
    store.setPreview({ ...shape, left: 9 });
    expect([(store.selected as BoxShape).left, allOf(store)[0]!.left]).toEqual([9, 0]);
    store.setPreview(null);
    expect((store.selected as BoxShape).left).toBe(0);
  });

  test("an update that changes nothing leaves no undo step", () => {
    const store = new AnnotationStore();
    store.load([box(0)]);
    store.update({ ...allOf(store)[0]! });
    expect(store.canUndo).toBe(false);
  });

  test("paths are equal when their points are, whatever arrays hold them", () => {
    const store = new AnnotationStore();
    const line = {
      kind: "line",
      label: "a",
      vertices: [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
      ],
    } as const;
    store.load([line]);
    const [shape] = store.all();
    store.update({ ...line, id: shape!.id, vertices: line.vertices.map((at) => ({ ...at })) });
    expect(store.canUndo).toBe(false);
    store.update({
      ...line,
      id: shape!.id,
      vertices: [
        { x: 1, y: 2 },
        { x: 3, y: 5 },
      ],
    });
    expect(store.canUndo).toBe(true);
  });

  test("any run of edits can be undone to the start and redone to the end", () => {
    const action = fc.record({
      what: fc.constantFrom("add", "move", "relabel", "remove", "undo", "redo"),
      n: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const store = new AnnotationStore();
        store.load([box(100), box(200)]);
        const start = allOf(store);
        for (const { what, n } of actions) {
          const all = allOf(store);
          const shape: BoxShape | undefined = all[n % Math.max(1, all.length)];
          if (what === "add") store.add(box(n));
          else if (what === "undo") store.undo();
          else if (what === "redo") store.redo();
          else if (!shape) continue;
          else if (what === "move") store.update({ ...shape, left: n }, n % 3 ? undefined : `nudge:${shape.id}`);
          else if (what === "relabel") store.updateAll(all.map((s) => ({ ...s, label: `l${n}` })));
          else store.remove([shape.id]);
        }
        while (store.redo());
        const end = allOf(store);
        while (store.undo());
        expect(allOf(store)).toEqual(start);
        while (store.redo());
        expect(allOf(store)).toEqual(end);
      }),
    );
  });
});
