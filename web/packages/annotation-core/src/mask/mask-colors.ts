/** Colours that tell regions apart in the answer: `#rrggbb`, all different, never white or black. */

import { BASE_COLORS, paletteColor } from "../palette.js";
import type { Rgb } from "./png-encode.js";

const RESERVED = new Set(["#ffffff", "#000000"]);
/** The palette repeats hues sooner or later; from here on colours are simply counted through. */
const PALETTE_END = 600;
/** A step that has no factor in common with 2^24, so that it meets every colour once. */
const STRIDE = 0x9e3779 | 1;

export function isMaskColor(color: unknown): color is string {
  return typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color);
}

/** Whether regions may have this colour. */
export function isUsableColor(color: string): boolean {
  return isMaskColor(color) && !RESERVED.has(color.toLowerCase());
}

export function rgbOf(color: string): Rgb {
  const n = parseInt(color.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

/** The first colour from position `index` of the palette on that is not taken. */
export function freeColor(index: number, taken: ReadonlySet<string>): string {
  for (let i = index; i < PALETTE_END; i++) {
    const color = paletteColor(i);
    if (!taken.has(color)) return color;
  }
  for (let i = 1; ; i++) {
    const color = `#${(((index + i) * STRIDE) & 0xffffff).toString(16).padStart(6, "0")}`;
    if (!taken.has(color) && !RESERVED.has(color)) return color;
  }
}

/**
 * A colour for each label: the one it had in earlier work, else the author's, else that of its place in the palette.
 * What is no colour, white, black or taken by an earlier label falls back to the palette.
 */
export function maskColors(
  labels: readonly string[],
  earlier: ReadonlyMap<string, string> = new Map(),
  overrides: readonly string[] = [],
): Map<string, string> {
  const colors = new Map<string, string>();
  const taken = new Set<string>();
  const give = (label: string, color: string | undefined): void => {
    const wanted = color?.toLowerCase();
    if (colors.has(label) || wanted === undefined || !isUsableColor(wanted) || taken.has(wanted)) return;
    colors.set(label, wanted);
    taken.add(wanted);
  };
  for (const label of labels) give(label, earlier.get(label));
  labels.forEach((label, i) => give(label, overrides[i]));
  labels.forEach((label, i) => give(label, i < PALETTE_END ? paletteColor(i) : undefined));
  // Whose place was taken moves on to the generated colours, so that nobody else has to move.
  labels.forEach((label, i) => give(label, freeColor(Math.max(BASE_COLORS.length, i), taken)));
  return colors;
}
