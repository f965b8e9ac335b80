/** Sentences about earlier work that could not be taken over as it was. */

import { msg } from "./messages.js";

const MOST_NAMES = 3;

/** `labels`: one entry per annotation. */
export function notOfferedHint(labels: readonly string[]): string[] {
  if (!labels.length) return [];
  const names = [...new Set(labels)];
  const list = names.slice(0, MOST_NAMES).join(", ") + (names.length > MOST_NAMES ? ", …" : "");
  return [msg().notOffered(labels.length, list)];
}

/** How many boxes of an initial value have no width or no height. */
export function countFlat(given: unknown): number {
  const list: unknown = Array.isArray(given) ? given : (given as { boundingBoxes?: unknown } | null)?.boundingBoxes;
  if (!Array.isArray(list)) return 0;
  return list.filter(
    (entry: { width?: unknown; height?: unknown } | null) => Number(entry?.width) <= 0 || Number(entry?.height) <= 0,
  ).length;
}
