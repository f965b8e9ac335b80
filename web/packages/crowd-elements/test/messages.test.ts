import { describe, expect, test } from "vitest";

import { maskMessages } from "../src/base/messages-mask.js";
import { shapeMessages } from "../src/base/messages-shapes.js";
import { textMessages } from "../src/base/messages-text.js";

describe("catalogue", () => {
  test("no part has a sentence under the name of another part's", () => {
    const names = [maskMessages, shapeMessages, textMessages].flatMap((part) => Object.keys(part));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
