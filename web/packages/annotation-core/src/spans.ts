/** Labelled passages of a text: reading, trimming, layers where they overlap, and the answer. */

import { CodePoints, isPair } from "./code-points.js";
import { isGiven } from "./initial-value.js";
import { LiteralError, describe } from "./literal.js";
import type { Range_ } from "./words.js";

export interface Span extends Range_ {
  readonly id: number;
  readonly label: string;
}

export type NewSpan = Omit<Span, "id">;

export interface EntityLabel {
  readonly label: string;
  readonly fullDisplayName: string;
  readonly shortDisplayName: string;
}

export interface EntityAnswer {
  entities: { endOffset: number; label: string; startOffset: number }[];
}

/** Labels as authored: texts, or objects with `label`. Kept as they are, so that scripts read what they wrote. */
export function readEntityLabels(value: unknown): unknown[] {
  if (!isGiven(value)) return [];
  if (!Array.isArray(value))
    throw new LiteralError(`expected a list such as [{label: "City"}], got ${describe(value)}`);
  value.forEach((item: unknown, i) => {
    const label = isRecord(item) ? item["label"] : item;
    if (typeof label === "string" || typeof label === "number") return;
    throw new LiteralError(`entry ${i + 1} must be text or an object with the text "label", got ${describe(item)}`);
  });
  return value;
}

/** The labels with both display names, each label once. */
export function entityLabels(authored: readonly unknown[]): EntityLabel[] {
  const found = new Map<string, EntityLabel>();
  for (const item of authored) {
    const given: Record<string, unknown> = isRecord(item) ? item : { label: item };
    const label = String(given["label"]);
    const full = text(given["fullDisplayName"]) ?? text(given["longDisplayName"]) ?? label;
    if (!found.has(label))
      found.set(label, {
        label,
        fullDisplayName: full,
        shortDisplayName: text(given["shortDisplayName"]) ?? label,
      });
  }
  return [...found.values()];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

/**
 * Spans from `[{label, startOffset, endOffset}]` or an earlier answer `{entities: [...]}`, in UTF-16 units. Offsets
 * outside the text are pulled in; entries that are no passages are left out with a warning.
 */
export function entitiesFrom(value: unknown, points: CodePoints): { spans: NewSpan[]; warnings: string[] } {
  if (!isGiven(value)) return { spans: [], warnings: [] };
  const list = Array.isArray(value) ? value : (value as { entities?: unknown }).entities;
  if (!Array.isArray(list)) {
    throw new LiteralError(`expected a list of entities {label, startOffset, endOffset}, got ${describe(value)}`);
  }
  const spans: NewSpan[] = [];
  const warnings: string[] = [];
  list.forEach((item: unknown, i) => {
    const { label, startOffset, endOffset } = (item ?? {}) as Record<string, unknown>;
    const [from, to] = [startOffset, endOffset].map((n) => (typeof n === "string" && n.trim() !== "" ? Number(n) : n));
    if (typeof label !== "string" || !Number.isInteger(from) || !Number.isInteger(to)) {
      warnings.push(
        `initial-value entry ${i + 1} is left out: it needs a label and the whole numbers startOffset, endOffset`,
      );
      return;
    }
    const span = { label, start: points.toUnit(from as number), end: points.toUnit(to as number) };
    if (span.start >= span.end) warnings.push(`initial-value entry ${i + 1} is left out: it covers no text`);
    else if (!isIn(spans, span)) spans.push(span);
  });
  return { spans, warnings };
}

/** Whether the same passage carries the same label already. */
export function isIn(spans: readonly NewSpan[], span: NewSpan): boolean {
  return spans.some(({ label, start, end }) => label === span.label && start === span.start && end === span.end);
}

/** By start, end and label: the order of answers and of lists. */
export function compareSpans(a: NewSpan, b: NewSpan): number {
  return a.start - b.start || a.end - b.end || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0);
}

/** The answer; spans whose label is not offered are left out. */
export function entityAnswer(
  spans: readonly NewSpan[],
  labels: readonly EntityLabel[],
  points: CodePoints,
): EntityAnswer {
  const known = new Set(labels.map(({ label }) => label));
  return {
    entities: spans
      .filter(({ label }) => known.has(label))
      .sort(compareSpans)
      .map(({ label, start, end }) => ({
        endOffset: points.fromUnit(end),
        label,
        startOffset: points.fromUnit(start),
      })),
  };
}

/** A selection without white space around it and without half characters; null when nothing is left. */
export function trimRange(text: string, start: number, end: number): Range_ | null {
  let [from, to] = [Math.max(0, Math.min(start, end)), Math.min(text.length, Math.max(start, end))];
  if (from > 0 && isPair(text, from - 1)) from -= 1;
  if (to > 0 && isPair(text, to - 1)) to += 1;
  while (from < to && /\s/.test(text[from]!)) from += 1;
  while (to > from && /\s/.test(text[to - 1]!)) to -= 1;
  return from < to ? { start: from, end: to } : null;
}

export interface Segment extends Range_ {
  /** The spans over this stretch, the shortest first. */
  readonly spans: readonly Span[];
}

/** Cuts a range wherever a span begins or ends. */
export function segmentsOf(range: Range_, spans: readonly Span[]): Segment[] {
  const touching = spans.filter((span) => span.start < range.end && span.end > range.start);
  const cuts = new Set([range.start, range.end]);
  for (const span of touching) {
    cuts.add(Math.max(span.start, range.start));
    cuts.add(Math.min(span.end, range.end));
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  const segments: Segment[] = [];
  for (let i = 0; i + 1 < sorted.length; i++) {
    const [start, end] = [sorted[i]!, sorted[i + 1]!];
    const over = touching.filter((span) => span.start <= start && span.end >= end);
    segments.push({
      start,
      end,
      spans: over.sort((a, b) => a.end - a.start - (b.end - b.start) || a.id - b.id),
    });
  }
  return segments;
}

/** A layer for each span, so that overlapping ones have different layers; the longer ones lie lower. */
export function layersOf(spans: readonly Span[]): Map<number, number> {
  const layers = new Map<number, number>();
  const ends: number[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end || a.id - b.id)) {
    let layer = ends.findIndex((end) => end <= span.start);
    if (layer < 0) layer = ends.length;
    ends[layer] = span.end;
    layers.set(span.id, layer);
  }
  return layers;
}

/** The spans at an offset, the shortest first: a click means that one, the next click the one around it. */
export function spansAt(spans: readonly Span[], offset: number): Span[] {
  return spans
    .filter(({ start, end }) => start <= offset && offset < end)
    .sort((a, b) => a.end - a.start - (b.end - b.start) || a.id - b.id);
}
