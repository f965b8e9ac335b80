import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { AnnotationStore, type NewShape, type Shape } from "../src/index.js";

const box = (left: number, label = "a"): NewShape => ({ kind: "box", label, left, top: 0, width: 5, height: 5 });

describe("store", () => {
  test("adding selects, undo takes back both, redo brings both again", () => {
    const store = new AnnotationStore();
    const shape = store.add(box(1));
    expect(store.selectedId).toBe(shape.id);
    expect(store.undo()).toBe(true);
    expect([store.size, store.selectedId]).toEqual([0, null]);
    expect(store.redo()).toBe(true);
    expect([store.all(), store.selectedId]).toEqual([[shape], shape.id]);
    expect(store.redo()).toBe(false);
  });

  test("a removed shape comes back at its old place", () => {
    const store = new AnnotationStore();
    const shapes = [1, 2, 3, 4].map((n) => store.add(box(n)));
    store.remove([shapes[0]!.id, shapes[2]!.id]);
    expect(store.all().map((s) => s.left)).toEqual([2, 4]);
    store.undo();
    expect(store.all().map((s) => s.left)).toEqual([1, 2, 3, 4]);
  });

  test("a held key is one undo step, the next one another", () => {
    const store = new AnnotationStore();
    const shape = store.add(box(0));
    store.update({ ...shape, left: 1 }, "nudge:1");
    store.update({ ...shape, left: 2 }, "nudge:1");
    store.update({ ...shape, left: 3 }, "nudge:2");
    store.undo();
    expect(store.all()[0]!.left).toBe(2);
    store.undo();
    expect(store.all()[0]!.left).toBe(0);
  });

  test("a preview shows but is not stored", () => {
    const store = new AnnotationStore();
    const shape = store.add(box(0));
    store.setPreview({ ...shape, left: 9 });
    expect([store.selected!.left, store.all()[0]!.left]).toEqual([9, 0]);
    store.setPreview(null);
    expect(store.selected!.left).toBe(0);
  });

  test("an update that changes nothing leaves no undo step", () => {
    const store = new AnnotationStore();
    store.load([box(0)]);
    store.update({ ...store.all()[0]! });
    expect(store.canUndo).toBe(false);
  });

  test("any run of edits can be undone to the start and redone to the end", () => {
    const action = fc.record({ what: fc.constantFrom("add", "move", "relabel", "remove", "undo", "redo"), n: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const store = new AnnotationStore();
        store.load([box(100), box(200)]);
        const start = store.all();
        for (const { what, n } of actions) {
          const all = store.all();
          const shape: Shape | undefined = all[n % Math.max(1, all.length)];
          if (what === "add") store.add(box(n));
          else if (what === "undo") store.undo();
          else if (what === "redo") store.redo();
          else if (!shape) continue;
          else if (what === "move") store.update({ ...shape, left: n }, n % 3 ? undefined : `nudge:${shape.id}`);
          else if (what === "relabel") store.updateAll(all.map((s) => ({ ...s, label: `l${n}` })));
          else store.remove([shape.id]);
        }
        while (store.redo());
        const end = store.all();
        while (store.undo());
        expect(store.all()).toEqual(start);
        while (store.redo());
        expect(store.all()).toEqual(end);
      }),
    );
  });
});
