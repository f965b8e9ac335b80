/** Runs the search for an object's outline: our own method in short slices, or one that the page brings. */

import { type Point, type Size, rowsWhere, segmentObject } from "@labelwright/annotation-core";

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

/** The page gets its turn after so many milliseconds. */
const SLICE_MS = 12;

/** The object as threes of (y, x0, x1). */
export async function findObject(
  colors: Uint8ClampedArray<ArrayBuffer>, size: Size, points: readonly Point[], label: string, segmenter: Segmenter | null,
): Promise<Int32Array> {
  if (segmenter) {
    const image = new ImageData(colors, size.width, size.height);
    const values = await segmenter({ image, points: points.map(({ x, y }) => ({ x, y })), label });
    if (values.length !== size.width * size.height) {
      throw new Error(`the segmenter gave ${values.length} numbers for an image of ${size.width} x ${size.height} pixels`);
    }
    return rowsWhere(values, size);
  }
  const work = segmentObject(colors, size, points);
  for (;;) {
    const end = performance.now() + SLICE_MS;
    while (performance.now() < end) {
      const step = work.next();
      if (step.done) return step.value;
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
}
