/** Earlier masks given to a segmentation tool: which colour is which region, and where the picture is. */

import { isGiven } from "../initial-value.js";
import { LiteralError, describe } from "../literal.js";
import { isMaskColor } from "./mask-colors.js";
import type { MaskPixels } from "./mask.js";

export interface InitialRegion {
  readonly label: string;
  readonly color: string;
}

export interface InitialMask {
  /** Address of the picture (a `data:` address for an earlier answer), or null: nothing is painted yet. */
  readonly src: string | null;
  readonly regions: readonly InitialRegion[];
  readonly warnings: readonly string[];
}

/**
 * Reads `{src, labelMappings: {label: {color}}}`, `{src, instances: [{label, color}]}` or an earlier answer that
 * carries its picture. Null when nothing was given. Throws LiteralError.
 */
export function readInitialMask(value: unknown): InitialMask | null {
  if (!isGiven(value)) return null;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new LiteralError(`expected an object with src and the colours of the labels, got ${describe(value)}`);
  }
  const given = value as Record<string, unknown>;
  const warnings: string[] = [];
  const regions: InitialRegion[] = [];
  const add = (label: unknown, color: unknown, place: string): void => {
    if (typeof label !== "string" || !isMaskColor(color)) {
      warnings.push(`initial-value: ${place} is left out; it needs a label and a color like "#2ca02c"`);
    } else if (regions.some((region) => region.color === color.toLowerCase())) {
      warnings.push(`initial-value: ${place} is left out; its color ${color} belongs to another entry`);
    } else regions.push({ label, color: color.toLowerCase() });
  };
  const { labelMappings, instances } = given;
  if (Array.isArray(instances)) {
    instances.forEach((item: unknown, i) => {
      const { label, color } = (item ?? {}) as Record<string, unknown>;
      add(label, color, `instance ${i + 1}`);
    });
  } else if (typeof labelMappings === "object" && labelMappings !== null) {
    for (const [label, entry] of Object.entries(labelMappings)) {
      add(label, (entry as { color?: unknown } | null)?.color, `the label "${label}"`);
    }
  }
  return { src: sourceOf(given), regions, warnings };
}

function sourceOf(given: Readonly<Record<string, unknown>>): string | null {
  if (typeof given["src"] === "string" && given["src"] !== "") return given["src"];
  const data = (given["labeledImage"] as { pngImageData?: unknown } | undefined)?.pngImageData;
  return typeof data === "string" && data !== "" ? `data:image/png;base64,${data}` : null;
}

/**
 * Mask values for a decoded picture: exactly the colours in `values` (by `#rrggbb`) count, all else is 0, and so is
 * whatever is transparent. Says how many pixels had a colour that is neither listed nor white.
 */
export function valuesFromColors(
  pixels: Uint32Array,
  values: ReadonlyMap<string, number>,
): { mask: MaskPixels; nUnknown: number } {
  const lookup = new Map<number, number>();
  let most = 0;
  for (const [color, value] of values) {
    const n = parseInt(color.slice(1), 16);
    lookup.set((n >> 16) | (n & 0xff00) | ((n & 255) << 16), value);
    most = Math.max(most, value);
  }
  const mask = most > 255 ? new Uint16Array(pixels.length) : new Uint8Array(pixels.length);
  let nUnknown = 0;
  // Neighbours are mostly equal, so the last answer is asked first.
  let [last, found] = [0, 0];
  for (let i = 0; i < pixels.length; i++) {
    const pixel = pixels[i]!;
    if (pixel !== last) {
      last = pixel;
      found = pixel >>> 24 === 0 ? 0 : (lookup.get(pixel & 0xffffff) ?? ((pixel & 0xffffff) === 0xffffff ? 0 : -1));
    }
    if (found < 0) nUnknown += 1;
    else mask[i] = found;
  }
  return { mask, nUnknown };
}
