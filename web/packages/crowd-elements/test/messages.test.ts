import { describe, expect, test } from "vitest";

import { maskMessages } from "../src/base/messages-mask.js";
import { shapeMessages } from "../src/base/messages-shapes.js";
import { textMessages } from "../src/base/messages-text.js";

declare global {
  interface ImportMeta {
    glob(pattern: string, options: object): Record<string, string>;
  }
}

const sources = import.meta.glob("../src/**/*.ts", { query: "?raw", import: "default", eager: true });

/** Words between tags, in attributes that people read, or said directly. */
const STRAY = [
  /html`[^`]*>\s*[A-Za-z][A-Za-z ,.'?!]{2,}\s*</,
  /\b(?:title|aria-label|placeholder|alt|aria-valuetext)="[A-Za-z]/,
  /\b(?:announce|say|showNote|refuse)\("/,
  /\b(?:textContent|announcement|title|message) ?[=:] ?"[A-Za-z]/,
];

test("no sentence stands outside the catalogue", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(80);
  const stray = Object.entries(sources)
    .filter(([path]) => !path.includes("/messages"))
    .flatMap(([path, text]) =>
      text
        .split("\n")
        .filter((line) => !/^\s*(\*|\/\/|\/\*)/.test(line) && STRAY.some((pattern) => pattern.test(line)))
        .map((line) => `${path}: ${line.trim()}`),
    );
  expect(stray).toEqual([]);
});

describe("catalogue", () => {
  test("no part has a sentence under the name of another part's", () => {
    const names = [maskMessages, shapeMessages, textMessages].flatMap((part) => Object.keys(part));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
