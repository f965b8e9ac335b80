/** Which pixels belong together: neighbours (up, down, left, right) of one mask value, and if wanted of one colour. */

import type { Size } from "../geometry.js";
import { atOnce } from "../slices.js";
import type { MaskPixels } from "./mask.js";

export interface Alike {
  /** Red, green, blue, alpha by pixel, as a canvas gives them. */
  readonly rgba: Uint8ClampedArray | Uint8Array;
  /** Largest difference of a channel from the first pixel, 0 to 255. */
  readonly tolerance: number;
}

/** The search pauses after so many stretches; each is some pixels of a row. */
const STRETCHES_PER_STEP = 256;

/**
 * The region around a pixel as threes of (y, x0, x1), `x1` not included. All its pixels have the mask value of the
 * first one; with `alike` their colours are near that of the first one too. Empty when the pixel lies outside.
 */
export function floodRows(
  pixels: MaskPixels,
  size: Size,
  x: number,
  y: number,
  alike: Alike | null = null,
): Int32Array {
  return atOnce(floodSteps(pixels, size, x, y, alike));
}

/** The same, pausing now and then: a picture of many megapixels takes a while. */
export function* floodSteps(
  pixels: MaskPixels,
  size: Size,
  x: number,
  y: number,
  alike: Alike | null = null,
): Generator<void, Int32Array> {
  const { width, height } = size;
  if (!(x >= 0 && y >= 0 && x < width && y < height)) return new Int32Array(0);
  const seed = y * width + x;
  const value = pixels[seed]!;
  const seen = new Uint8Array(width * height);
  const rgba = alike?.rgba;
  const [r, g, b] = rgba ? [rgba[4 * seed]!, rgba[4 * seed + 1]!, rgba[4 * seed + 2]!] : [0, 0, 0];
  const tolerance = alike?.tolerance ?? 0;
  const belongs = (i: number): boolean => {
    if (seen[i] || pixels[i] !== value) return false;
    if (!rgba) return true;
    const at = 4 * i;
    return (
      Math.abs(rgba[at]! - r) <= tolerance &&
      Math.abs(rgba[at + 1]! - g) <= tolerance &&
      Math.abs(rgba[at + 2]! - b) <= tolerance
    );
  };
  const rows: number[] = [];
  const stack = [seed];
  while (stack.length) {
    const i = stack.pop()!;
    if (!belongs(i)) continue;
    const row = Math.floor(i / width);
    const start = row * width;
    let left = i;
    while (left > start && belongs(left - 1)) left--;
    let right = i + 1;
    while (right < start + width && belongs(right)) right++;
    seen.fill(1, left, right);
    rows.push(row, left - start, right - start);
    for (const shift of [-width, width]) {
      if (row + Math.sign(shift) < 0 || row + Math.sign(shift) >= height) continue;
      let isInside = false;
      for (let j = left + shift; j < right + shift; j++) {
        const does = belongs(j);
        if (does && !isInside) stack.push(j);
        isInside = does;
      }
    }
    if (rows.length % (3 * STRETCHES_PER_STEP) === 0) yield;
  }
  return Int32Array.from(rows);
}
