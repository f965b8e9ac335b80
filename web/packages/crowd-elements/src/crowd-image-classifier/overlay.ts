/** Earlier annotations drawn over the image of a verification task, read-only. */

import { LiteralError, describe, isGiven, labelColors, shapesFrom, toStringList } from "@labelwright/annotation-core";
import type { KindName, NewShape, Size } from "@labelwright/annotation-core";

export interface Overlay {
  readonly labels: readonly string[];
  /** Colour of each label, by position. */
  readonly colors: readonly string[];
  /** A PNG of colours laid over the image; white and transparent are background. */
  readonly maskUrl: string | null;
  readonly shapes: (size: Size) => readonly NewShape[];
}

type Record_ = Record<string, unknown>;

/** Kinds of shapes by the name that the overlay gives them, and where an earlier answer keeps their list. */
const SHAPES: Readonly<Record<string, { readonly kind: KindName; readonly list: string }>> = {
  boundingBox: { kind: "box", list: "boundingBoxes" },
  keypoint: { kind: "keypoint", list: "keypoints" },
  line: { kind: "line", list: "lines" },
  polyline: { kind: "polyline", list: "polylines" },
  polygon: { kind: "polygon", list: "polygons" },
};

/** Reads the `overlay` attribute. Throws LiteralError with what is wrong. */
export function readOverlay(value: unknown): Overlay | null {
  if (!isGiven(value) || value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new LiteralError(`expected an object such as {boundingBox: {labels, value}}, got ${describe(value)}`);
  }
  const { semanticSegmentation, instanceSegmentation } = value as Record<string, Record_ | undefined>;
  for (const [key, { kind, list }] of Object.entries(SHAPES)) {
    const given = (value as Record<string, Record_ | undefined>)[key];
    if (!given) continue;
    const labels = toStringList(given["labels"]);
    const entries = given["value"] ?? given[list];
    return {
      labels,
      colors: labelColors(labels.length),
      maskUrl: null,
      shapes: (size) => shapesFrom(kind, entries, size).shapes,
    };
  }
  const mask = semanticSegmentation ?? instanceSegmentation;
  if (mask) {
    const labels = toStringList(mask["labels"]);
    const mappings = (mask["labelMappings"] ?? {}) as Record<string, { color?: string }>;
    const base = labelColors(labels.length);
    return {
      labels,
      colors: labels.map((label, i) => mappings[label]?.color ?? instanceColor(mask, label) ?? base[i]!),
      maskUrl: typeof mask["src"] === "string" && mask["src"] !== "" ? mask["src"] : null,
      shapes: () => [],
    };
  }
  const known = [...Object.keys(SHAPES), "semanticSegmentation", "instanceSegmentation"].join(", ");
  throw new LiteralError(`knows ${known}; got ${Object.keys(value).join(", ")}`);
}

function instanceColor(mask: Record_, label: string): string | undefined {
  const instances = mask["instances"];
  if (!Array.isArray(instances)) return undefined;
  return (instances as { label?: string; color?: string }[]).find((instance) => instance?.label === label)?.color;
}

/** Makes white pixels of a loaded mask transparent, as a canvas of its size. */
export function maskCanvas(image: HTMLImageElement): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < words.length; i++) if (words[i] === 0xffffffff) words[i] = 0;
  context.putImageData(pixels, 0, 0);
  return canvas;
}
