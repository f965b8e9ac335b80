import { describe, expect, it } from "vitest";

import { Drafts } from "../src/drafts.js";
import { checkedRules } from "../src/sign-in.js";

class MemoryStorage implements Storage {
  readonly #items = new Map<string, string>();
  get length(): number {
    return this.#items.size;
  }
  clear(): void {
    this.#items.clear();
  }
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.#items.delete(key);
  }
  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
}

describe("drafts", () => {
  it("gives back what was kept until the task expires, then removes it", () => {
    let now = 1000;
    const storage = new MemoryStorage();
    const drafts = new Drafts(storage, () => now);
    expect(drafts.keep("t1", { boxes: [1] }, 2000)).toBe(true);
    expect(drafts.find("t1")).toEqual({ boxes: [1] });
    expect(drafts.find("t2")).toBeNull();
    now = 2000;
    drafts.sweep();
    expect(storage.length).toBe(0);
  });

  it("leaves what is not ours alone and drops what cannot be read", () => {
    const storage = new MemoryStorage();
    storage.setItem("other", "{");
    storage.setItem("labelwright.draft.t1", "{");
    new Drafts(storage, () => 0).sweep();
    expect(storage.getItem("other")).toBe("{");
    expect(storage.length).toBe(1);
  });

  it("says when the store is full", () => {
    const storage = new MemoryStorage();
    storage.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    expect(new Drafts(storage, () => 0).keep("t1", 1, 5)).toBe(false);
  });
});

describe("rules for a new password", () => {
  const rules = { min_length: 8, uppercase: true, lowercase: true, numbers: false, symbols: true };

  it("shows only the rules that the pool has", () => {
    expect(checkedRules(rules, "").map((rule) => rule.isMet)).toEqual([false, false, false, false]);
    expect(checkedRules(rules, "Abcdefg-").every((rule) => rule.isMet)).toBe(true);
  });
});
