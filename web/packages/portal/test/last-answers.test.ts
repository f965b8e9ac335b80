import { describe, expect, test } from "vitest";

import { LastAnswers } from "../src/last-answers.js";

class Shelf implements Storage {
  readonly kept = new Map<string, string>();
  constructor(private readonly room = Infinity) {}
  get length(): number {
    return this.kept.size;
  }
  key = (i: number): string | null => [...this.kept.keys()][i] ?? null;
  getItem = (name: string): string | null => this.kept.get(name) ?? null;
  removeItem = (name: string): void => void this.kept.delete(name);
  clear = (): void => this.kept.clear();
  setItem(name: string, value: string): void {
    if (value.length > this.room) throw new DOMException("full", "QuotaExceededError");
    this.kept.set(name, value);
  }
}

describe("the last answer", () => {
  test("is kept for its job and its worker alone, over a reload", () => {
    const shelf = new Shelf();
    new LastAnswers(shelf, "ann").keep("boxes", { a: 1 });
    const reloaded = new LastAnswers(shelf, "ann");
    expect(reloaded.find("boxes")).toEqual({ a: 1 });
    expect(reloaded.find("masks")).toBeNull();
    expect(new LastAnswers(shelf, "bob").find("boxes")).toBeNull();
  });

  test("too large for the browser it is kept in memory, and no older one stays in its place", () => {
    const shelf = new Shelf(20);
    const answers = new LastAnswers(shelf, "ann");
    answers.keep("masks", { a: 1 });
    answers.keep("masks", { a: "x".repeat(40) });
    expect(answers.find("masks")).toEqual({ a: "x".repeat(40) });
    expect(new LastAnswers(shelf, "ann").find("masks")).toBeNull();
  });

  test("goes when the worker signs out; what others keep stays", () => {
    const shelf = new Shelf();
    new LastAnswers(shelf, "ann").keep("boxes", { a: 1 });
    shelf.setItem("other", "1");
    LastAnswers.forgetAll(shelf);
    expect([...shelf.kept.keys()]).toEqual(["other"]);
  });

  test("damaged text counts as none", () => {
    const shelf = new Shelf();
    shelf.setItem("labelwright.last.ann.boxes", "{");
    expect(new LastAnswers(shelf, "ann").find("boxes")).toBeNull();
  });
});
