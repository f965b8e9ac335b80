import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { CodePoints, type QuestionPair, addReference, countWords, pairProblem, questionAnswer } from "../src/index.js";

const pair = (changes: Partial<QuestionPair>): QuestionPair => ({
  id: 1,
  question: "Who won?",
  answer: "Ann",
  tags: [],
  references: [{ start: 0, end: 3 }],
  isAboutAll: false,
  ...changes,
});
const limits = { question: { min: 2, max: 4 }, answer: { min: 1, max: Infinity } };

describe("question and answer pairs", () => {
  test("words are counted", () => {
    expect(["", "  \n", "one", " one  two\nthree "].map(countWords)).toEqual([0, 0, 1, 3]);
  });

  test.each([
    [{}, null],
    [{ question: "Who" }, { field: "question", is: "short", limit: 2, now: 1 }],
    [{ question: "a b c d e" }, { field: "question", is: "long", limit: 4, now: 5 }],
    [{ answer: " " }, { field: "answer", is: "short", limit: 1, now: 0 }],
    [{ references: [] }, { field: "references", is: "missing" }],
    [{ references: [], isAboutAll: true }, null],
  ])("%j", (changes, problem) => expect(pairProblem(pair(changes), limits)).toEqual(problem));

  test("passages that overlap become one", () => {
    const three = [
      { start: 0, end: 3 },
      { start: 5, end: 8 },
      { start: 20, end: 22 },
    ];
    expect(addReference(three, { start: 2, end: 6 })).toEqual([
      { start: 0, end: 8 },
      { start: 20, end: 22 },
    ]);
    expect(addReference(three, { start: 10, end: 12 })).toHaveLength(4);
  });

  test("they never overlap, and cover what was marked", () => {
    const range = fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 9 })).map(([start, n]) => ({ start, end: start + n }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), (given) => {
        const kept = given.reduce<{ start: number; end: number }[]>((list, one) => addReference(list, one), []);
        for (let i = 1; i < kept.length; i++) expect(kept[i]!.start).toBeGreaterThan(kept[i - 1]!.end);
        for (const one of given) expect(kept.some(({ start, end }) => start <= one.start && one.end <= end)).toBe(true);
      }),
    );
  });

  test("the answer counts code points", () => {
    const text = "😀 Ann won.";
    const pairs = [
      pair({ references: [{ start: 3, end: 6 }], tags: ["Who"], answer: "a\r\nb" }),
      pair({ isAboutAll: true }),
    ];
    expect(questionAnswer(pairs, text, new CodePoints(text)).questionAnswerPairs).toEqual([
      {
        question: "Who won?",
        answer: "a\nb",
        tags: ["Who"],
        referencesEntireText: false,
        references: [{ startOffset: 2, endOffset: 5, text: "Ann" }],
      },
      { question: "Who won?", answer: "Ann", tags: [], referencesEntireText: true, references: [] },
    ]);
  });
});
