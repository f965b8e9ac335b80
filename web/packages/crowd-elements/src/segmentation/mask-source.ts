/** Fetches an earlier mask and reads it exactly; says in a sentence why when that does not work. */

import { type InitialMask, PngError, type Size, decodePng, fromBase64, inSlices } from "@labelwright/annotation-core";

import { msg } from "../base/messages.js";

export class MaskProblem extends Error {}

/** The pixels of the earlier mask, or null when it has no picture. Throws MaskProblem. */
export async function loadMaskPixels(
  initial: InitialMask,
  size: Size,
  signal: AbortSignal,
): Promise<Uint32Array | null> {
  if (initial.src === null) return null;
  const bytes = await bytesOf(initial.src, signal);
  try {
    return await decodePng(bytes, size);
  } catch (error) {
    if (error instanceof PngError) throw new MaskProblem(msg().maskNotRight(error.message));
    throw error;
  }
}

async function bytesOf(src: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const inline = /^data:[^,]*;base64,/i.exec(src);
  if (inline) {
    // Read here, since pages with a strict policy may not fetch them.
    try {
      return fromBase64(src.slice(inline[0].length));
    } catch {
      throw new MaskProblem(msg().maskNotRight(msg().maskDamaged));
    }
  }
  try {
    const response = await fetch(src, {
      mode: "cors",
      credentials: /^(data|blob):/i.test(src) ? "same-origin" : "omit",
      signal,
    });
    if (!response.ok) throw new MaskProblem(reasonOf(response.status));
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof MaskProblem ? error : new MaskProblem(msg().reasonNetwork);
  }
}

function reasonOf(status: number): string {
  if (status === 401 || status === 403) return msg().reasonRefused;
  if (status === 404 || status === 410) return msg().reasonMissing;
  return msg().reasonStatus(status);
}

/** Rows of a picture that are read at one go. */
const BAND_ROWS = 128;
/** The browser keeps a decoded picture up to about this size; a larger one it would decode anew for each band. */
const MOST_KEPT_PX = 28e6;

/** Colours of a loaded picture by pixel; null when the browser cannot give them. The page stays quick meanwhile. */
export async function pixelsOf(picture: HTMLImageElement, size: Size): Promise<Uint8ClampedArray<ArrayBuffer> | null> {
  try {
    await picture.decode();
    return await inSlices(readBands(picture, size));
  } catch {
    // Too large for a canvas here, or from a store that allows no reading.
    return null;
  }
}

function* readBands(
  picture: HTMLImageElement,
  { width, height }: Size,
): Generator<void, Uint8ClampedArray<ArrayBuffer>> {
  const isWhole = width * height > MOST_KEPT_PX;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = isWhole ? height : BAND_ROWS;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  if (isWhole) context.drawImage(picture, 0, 0);
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y += BAND_ROWS) {
    const rows = Math.min(BAND_ROWS, height - y);
    if (!isWhole) {
      // Copied, not mixed: what is transparent must not show the band before.
      context.globalCompositeOperation = "copy";
      context.drawImage(picture, 0, y, width, rows, 0, 0, width, rows);
    }
    pixels.set(context.getImageData(0, isWhole ? y : 0, width, rows).data, 4 * width * y);
    yield;
  }
  return pixels;
}
