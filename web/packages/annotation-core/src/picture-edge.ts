/** Edges in the picture itself, for pulling a point to them. */

import type { Point } from "./geometry.js";

/** Least change of brightness, from one side of a pixel to the other (0 to 255), that counts as an edge. */
const LEAST_CHANGE = 26;
/** An edge at the rim of what is looked at has to be so much clearer than one in the middle. */
const RIM_PENALTY = 0.6;

/**
 * Where brightness changes most in a small square picture, nearer to its middle preferred; by Sobel's operator.
 *
 * `rgba` has `side` x `side` pixels by row. The place is that of a pixel's middle, in pixels of this picture; null
 * when nothing in it is clear enough.
 */
export function clearestEdge(rgba: Uint8ClampedArray, side: number): Point | null {
  const grey = Float32Array.from(
    { length: side * side },
    (_, i) => 0.299 * rgba[4 * i]! + 0.587 * rgba[4 * i + 1]! + 0.114 * rgba[4 * i + 2]!,
  );
  const middle = side / 2;
  let best: Point | null = null;
  let bestScore = LEAST_CHANGE * (1 - RIM_PENALTY);
  for (let y = 1; y < side - 1; y++) {
    for (let x = 1; x < side - 1; x++) {
      const at = { x: x + 0.5, y: y + 0.5 };
      const far = Math.hypot(at.x - middle, at.y - middle) / middle;
      if (far > 1) continue;
      const i = y * side + x;
      const [a, b, c] = [grey[i - side - 1]!, grey[i - side]!, grey[i - side + 1]!];
      const [d, e] = [grey[i - 1]!, grey[i + 1]!];
      const [f, g, h] = [grey[i + side - 1]!, grey[i + side]!, grey[i + side + 1]!];
      const change = Math.hypot(c + 2 * e + h - a - 2 * d - f, f + 2 * g + h - a - 2 * b - c) / 4;
      const score = change * (1 - RIM_PENALTY * far);
      if (change >= LEAST_CHANGE && score > bestScore) [best, bestScore] = [at, score];
    }
  }
  return best;
}
