/** Question and answer pairs about a text: limits, what is missing, and the answer. */

import type { CodePoints } from "./code-points.js";
import type { Range_ } from "./words.js";

export interface QuestionPair {
  readonly id: number;
  readonly question: string;
  readonly answer: string;
  readonly tags: readonly string[];
  /** Passages of the text, in UTF-16 units. */
  readonly references: readonly Range_[];
  readonly isAboutAll: boolean;
}

export interface WordLimits {
  readonly min: number;
  readonly max: number;
}

export interface PairLimits {
  readonly question: WordLimits;
  readonly answer: WordLimits;
}

export type PairProblem =
  | {
      readonly field: "question" | "answer";
      readonly is: "short" | "long";
      readonly limit: number;
      readonly now: number;
    }
  | { readonly field: "references"; readonly is: "missing" };

export interface QuestionAnswer {
  questionAnswerPairs: {
    answer: string;
    question: string;
    references: { endOffset: number; startOffset: number; text: string }[];
    referencesEntireText: boolean;
    tags: string[];
  }[];
}

export function countWords(text: string): number {
  return text.trim() === "" ? 0 : text.trim().split(/\s+/).length;
}

/** The first thing wrong with a pair; null when it can be sent. */
export function pairProblem(pair: QuestionPair, limits: PairLimits): PairProblem | null {
  for (const field of ["question", "answer"] as const) {
    const now = countWords(pair[field]);
    const { min, max } = limits[field];
    if (now < min) return { field, is: "short", limit: min, now };
    if (now > max) return { field, is: "long", limit: max, now };
  }
  return pair.isAboutAll || pair.references.length ? null : { field: "references", is: "missing" };
}

/** Adds a passage; those that overlap or touch it become one with it. */
export function addReference(references: readonly Range_[], added: Range_): Range_[] {
  let { start, end } = added;
  const rest = references.filter((other) => {
    if (other.end < start || other.start > end) return true;
    [start, end] = [Math.min(start, other.start), Math.max(end, other.end)];
    return false;
  });
  // One that was left alone before may overlap what has grown meanwhile.
  const merged = rest.length < references.length && rest.some((other) => other.end >= start && other.start <= end);
  return merged ? addReference(rest, { start, end }) : [...rest, { start, end }].sort((a, b) => a.start - b.start);
}

export function questionAnswer(pairs: readonly QuestionPair[], text: string, points: CodePoints): QuestionAnswer {
  return {
    questionAnswerPairs: pairs.map(({ question, answer, tags, references, isAboutAll }) => ({
      answer: lines(answer),
      question: lines(question),
      references: isAboutAll
        ? []
        : references.map(({ start, end }) => ({
            endOffset: points.fromUnit(end),
            startOffset: points.fromUnit(start),
            text: text.slice(start, end),
          })),
      referencesEntireText: isAboutAll,
      tags: [...tags],
    })),
  };
}

function lines(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}
