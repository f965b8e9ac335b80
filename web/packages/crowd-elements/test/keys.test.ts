import { describe, expect, test } from "vitest";

import { type KeyGroup, chordText, labelKeys, pressKey } from "../src/base/keys.js";

function press(
  key: string,
  held: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey" | "altGr", boolean>> = {},
): KeyboardEvent {
  const { altGr = false, ...flags } = held;
  return {
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...flags,
    getModifierState: (name: string) => name === "AltGraph" && altGr,
  } as unknown as KeyboardEvent;
}

function table(...keys: readonly string[]): { groups: KeyGroup[]; ran: string[] } {
  const ran: string[] = [];
  const binding = (key: string) => ({
    keys: [key],
    text: key,
    run: () => {
      ran.push(key);
    },
  });
  return { ran, groups: [{ title: "", keys: keys.map(binding) }] };
}

describe("pressing keys", () => {
  test.each([
    ["a letter means both cases", press("V", { shiftKey: true }), ["V"], "V"],
    ["a chord with Shift comes first, wherever it stands", press("V", { shiftKey: true }), ["V", "Shift+V"], "Shift+V"],
    ["and is not taken without Shift", press("v"), ["Shift+V", "V"], "V"],
    ["the command key counts as Ctrl", press("z", { metaKey: true }), ["Z", "Ctrl+Z"], "Ctrl+Z"],
    [
      "Ctrl+Shift is more than Ctrl",
      press("Z", { ctrlKey: true, shiftKey: true }),
      ["Ctrl+Z", "Ctrl+Shift+Z"],
      "Ctrl+Shift+Z",
    ],
    ["signs that need Shift on some keyboards", press("?", { shiftKey: true }), ["?"], "?"],
    ["plus by itself", press("+", { shiftKey: true }), ["+"], "+"],
    ["plus with Ctrl", press("+", { ctrlKey: true }), ["+", "Ctrl++"], "Ctrl++"],
    ["a sign typed with AltGr", press("[", { ctrlKey: true, altKey: true, altGr: true }), ["["], "["],
    ["space", press(" "), [" "], " "],
    ["Alt and Enter", press("Enter", { altKey: true }), ["Enter", "Alt+Enter"], "Alt+Enter"],
  ])("%s", (_, event, keys, expected) => {
    const { groups, ran } = table(...keys);
    expect(pressKey(groups, event)).toBe(true);
    expect(ran).toEqual([expected]);
  });

  test("modifiers that nobody asked for are somebody else's", () => {
    const { groups, ran } = table("H", "1");
    for (const event of [press("h", { ctrlKey: true }), press("h", { altKey: true }), press("1", { metaKey: true })]) {
      expect(pressKey(groups, event)).toBe(false);
    }
    expect(ran).toEqual([]);
  });

  test("what has nothing to do now leaves the key to the next", () => {
    const { groups, ran } = table("Escape");
    const idle = { keys: ["Escape"], text: "", run: () => false };
    expect(pressKey([{ title: "", keys: [idle, { shown: ["Drag"], text: "" }] }, ...groups], press("Escape"))).toBe(
      true,
    );
    expect(ran).toEqual(["Escape"]);
  });

  test("labels have keys as long as there are any", () => {
    const chosen: number[] = [];
    const keys = labelKeys(
      ["a", "b", "c"],
      (i) => (i < 2 ? String(i + 1) : null),
      (i) => void chosen.push(i),
    );
    expect(keys.map(({ text }) => text)).toEqual(["a", "b"]);
    expect(pressKey([{ title: "", keys }], press("2"))).toBe(true);
    expect(pressKey([{ title: "", keys }], press("3"))).toBe(false);
    expect(chosen).toEqual([1]);
  });
});

test("chords as people read them", () => {
  expect(["H", "Shift+Tab", "ArrowLeft", "Escape", "Alt+Enter", " ", "+"].map(chordText)).toEqual([
    "H",
    "Shift+Tab",
    "←",
    "Esc",
    "Alt+Enter",
    "Space",
    "+",
  ]);
});
