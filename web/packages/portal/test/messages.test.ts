import ts from "typescript";
import { describe, expect, test } from "vitest";

import { durationText } from "../src/clock.js";
import { chooseLanguage, en, msg, type Messages } from "../src/messages.js";
import { signInMessages } from "../src/messages-sign-in.js";
import { workMessages } from "../src/messages-work.js";

declare global {
  interface ImportMeta {
    glob(pattern: string, options: object): Record<string, string>;
  }
}

const sources = import.meta.glob("../src/**/*.ts", { query: "?raw", import: "default", eager: true });

/** Capitalised words that are names of keys, headers, codes and tags, not for people. */
const NAMES = new Set([
  "Enter",
  "Content-Type",
  "NoConnection",
  "BadAnswer",
  "NewPasswordRequired",
  "Error",
  "Alt+",
  "Key",
]);
const SANDBOX = /^allow-/;

/** Texts of a source that read like words for people, with the line that each stands on. */
function strayTexts(path: string, source: string): string[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
    // Names of classes, ids and drawings are lists of lower-case words too.
    if (ts.isPropertyAssignment(node) && node.name.getText() === "class") return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      const { text } = node;
      const isName = NAMES.has(text) || SANDBOX.test(text) || /^Alt\+[A-Z]$/.test(text);
      const isSentence = /[A-Za-z]{2,}[,.:]? [A-Za-z]{2,}/.test(text) || /^[A-Z][a-z]{2,}/.test(text);
      if (isSentence && !isName) {
        found.push(`${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${text}`);
      }
    }
    ts.forEachChild(node, look);
  };
  look(file);
  return found;
}

describe("catalogue", () => {
  test("no sentence stands outside of it", () => {
    const paths = Object.keys(sources).filter((path) => !path.includes("/messages"));
    expect(paths.length).toBeGreaterThan(15);
    expect(paths.flatMap((path) => strayTexts(path, sources[path]!))).toEqual([]);
  });

  test("a sentence outside of it would be found", () => {
    const source = 'h("p", { class: "muted small" }, "Nothing here");\nh("b", { title: `Sign out ${name}` }, "Skip");';
    expect(strayTexts("a.ts", source)).toEqual(["a.ts:1: Nothing here", "a.ts:2: Sign out ", "a.ts:2: Skip"]);
  });

  test("no part has a sentence under the name of another part's", () => {
    const parts = Object.keys(signInMessages).length + Object.keys(workMessages).length;
    const own = Object.keys(en).filter((name) => !(name in signInMessages) && !(name in workMessages));
    expect(own.length + parts).toBe(Object.keys(en).length);
    expect(Object.keys(signInMessages).filter((name) => name in workMessages)).toEqual([]);
    const all = Object.entries({ ...signInMessages, ...workMessages });
    expect(all.filter(([name, text]) => en[name as keyof Messages] !== text)).toEqual([]);
  });

  test("every sentence is used", () => {
    const code = Object.entries(sources)
      .filter(([path]) => !path.includes("/messages"))
      .map(([, text]) => text)
      .join("\n");
    expect(Object.keys(en).filter((name) => !new RegExp(`\\.${name}\\b`).test(code))).toEqual([]);
  });
});

describe("language", () => {
  const other: Messages = { ...en, seconds: (n) => `${n} Sekunden`, skip: "Weiter" };
  const known = { en, de: other, "pt-BR": { ...en, skip: "Pular" } };

  test("the first wish that there is a catalogue for is taken", () => {
    expect(chooseLanguage(["fr-CA", "de-AT", "en"], known)).toBe("de");
    expect(msg().skip).toBe("Weiter");
    expect(durationText(5)).toBe("5 Sekunden");
    expect(chooseLanguage(["pt-br"], known)).toBe("pt-BR");
    expect(msg().skip).toBe("Pular");
  });

  test("without one it is English", () => {
    expect(chooseLanguage(["ja", "fr"])).toBe("en");
    expect(chooseLanguage([])).toBe("en");
    expect(durationText(1)).toBe("1 second");
  });
});
