/** Ranking responses: each has a place from 1 (best) to their number, or none yet. */

import { LiteralError, describe } from "./literal.js";

export type Places = readonly (number | null)[];

export interface RankingDimension {
  readonly name: string;
  readonly allowTie: boolean;
}

export interface RankedDimension {
  allowTie: boolean;
  name: string;
  responseRankings: number[];
}

/** Reads `[{name, allowTie}]`. Throws LiteralError. */
export function readDimensions(value: unknown): RankingDimension[] {
  if (value === undefined || value === null || value === "") return [];
  if (!Array.isArray(value))
    throw new LiteralError(`expected a list such as [{name: "Clarity", allowTie: true}], got ${describe(value)}`);
  return value.map((item: unknown, i) => {
    const { name, allowTie } = (item ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || name === "")
      throw new LiteralError(`entry ${i + 1} needs the text "name", got ${describe(item)}`);
    return { name, allowTie: allowTie === true || allowTie === "true" };
  });
}

/**
 * Puts a response on a place; `null` takes it off. Without ties, one that has the place already makes room: those
 * between move by one, towards the place that has become free or the nearest one that was.
 */
export function place(places: Places, response: number, to: number | null, allowTie: boolean): Places {
  const next = [...places];
  const from = next[response] ?? null;
  next[response] = to;
  if (to === null || allowTie || from === to) return next;
  const holder = (rank: number): number => next.findIndex((rank_, i) => i !== response && rank_ === rank);
  if (holder(to) < 0) return next;
  let free = from;
  for (let away = 1; free === null && away <= places.length; away++) {
    if (to + away <= places.length && holder(to + away) < 0) free = to + away;
    else if (to - away >= 1 && holder(to - away) < 0) free = to - away;
  }
  if (free === null) return places;
  const step = free > to ? 1 : -1;
  // From the free place back to the wanted one, so that nobody is moved twice.
  for (let rank = free; rank !== to; rank -= step) {
    const moved = holder(rank - step);
    if (moved >= 0) next[moved] = rank;
  }
  return next;
}

/** Ranks without gaps: 1 is best, equal numbers are ties. Null while one has no place. */
export function ranksOf(places: Places): number[] | null {
  if (places.some((rank) => rank === null)) return null;
  const used = [...new Set(places as number[])].sort((a, b) => a - b);
  return (places as number[]).map((rank) => used.indexOf(rank) + 1);
}
