/**
 * Runs the search for an object's outline: by a method that the template brings, else by the model that the portal has,
 * else by our own, which needs no model.
 */

import {
  type Box,
  type Point,
  type Size,
  decodePng,
  inSlices,
  rowsWhere,
  segmentObject,
} from "@labelwright/annotation-core";

import { askPortalForOutline } from "../page/portal-segmenter.js";

/** What a segmenter is given. */
export interface SegmentRequest {
  /** The image as stored. */
  readonly image: ImageData;
  /** The four outermost points of the object, or the middles of the sides of a box around it; image coordinates. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly label: string;
}

/** Gives one number per pixel of the image, by row; those that are not 0 are the object. */
export type Segmenter = (request: SegmentRequest) => Promise<ArrayLike<number>> | ArrayLike<number>;

export interface OutlineSearch {
  readonly size: Size;
  /** The image's address as the template has it. */
  readonly src: string;
  readonly points: readonly Point[];
  /** The box that was dragged, if it was not points. */
  readonly box: Box | null;
  readonly label: string;
  readonly segmenter: Segmenter | null;
  /** Colours of the image by pixel; null when they cannot be had. */
  colors(): Promise<Uint8ClampedArray<ArrayBuffer> | null>;
}

export interface OutlineFound {
  /** The object as threes of (y, x0, x1). */
  readonly rows: Int32Array;
  /** The model was asked and failed; `rows` come from the built-in method. With what it said, which may be nothing. */
  readonly modelFailed?: string;
}

export async function findObject(search: OutlineSearch): Promise<OutlineFound> {
  const { size, points, box, label, segmenter } = search;
  if (segmenter) return { rows: await fromTemplate(search, segmenter) };
  const reply = await askPortalForOutline({ image: search.src, points: box ? null : points, box, label });
  let modelFailed = reply.is === "failed" ? reply.message : undefined;
  if (reply.is === "found") {
    try {
      const pixels = await decodePng(reply.png, size);
      return {
        rows: rowsWhere(
          pixels.map((pixel) => (pixel & 255) >> 7),
          size,
        ),
      };
    } catch (error) {
      modelFailed = error instanceof Error ? error.message : String(error);
    }
  }
  const colors = await search.colors();
  const rows = colors
    ? ((await inSlices(segmentObject(colors, size, points))) ?? new Int32Array(0))
    : new Int32Array(0);
  return { rows, ...(modelFailed !== undefined && { modelFailed }) };
}

async function fromTemplate(
  { colors: read, size, points, label }: OutlineSearch,
  segmenter: Segmenter,
): Promise<Int32Array> {
  const colors = await read();
  if (!colors) return new Int32Array(0);
  const image = new ImageData(colors, size.width, size.height);
  const values = await segmenter({ image, points: points.map(({ x, y }) => ({ x, y })), label });
  if (values.length !== size.width * size.height) {
    throw new Error(
      `the segmenter gave ${values.length} numbers for an image of ${size.width} x ${size.height} pixels`,
    );
  }
  return rowsWhere(values, size);
}
