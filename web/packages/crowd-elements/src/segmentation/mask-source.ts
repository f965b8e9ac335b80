/** Fetches an earlier mask and reads it exactly; says in a sentence why when that does not work. */

import { type InitialMask, PngError, type Size, decodePng, fromBase64 } from "@labelwright/annotation-core";

import { msg } from "../base/messages.js";

export class MaskProblem extends Error {}

/** The pixels of the earlier mask, or null when it has no picture. Throws MaskProblem. */
export async function loadMaskPixels(initial: InitialMask, size: Size, signal: AbortSignal): Promise<Uint32Array | null> {
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
      throw new MaskProblem(msg().maskNotRight("its base64 text is damaged"));
    }
  }
  try {
    const response = await fetch(src, { mode: "cors", credentials: /^(data|blob):/i.test(src) ? "same-origin" : "omit", signal });
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

/** Colours of a loaded picture by pixel; null when the browser cannot give them. Pauses now and then. */
export function* readPixels(picture: HTMLImageElement, size: Size): Generator<void, Uint8ClampedArray<ArrayBuffer> | null> {
  const canvas = document.createElement("canvas");
  canvas.width = size.width;
  canvas.height = size.height;
  try {
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    const pixels = new Uint8ClampedArray(4 * size.width * size.height);
    context.drawImage(picture, 0, 0);
    yield;
    for (let y = 0; y < size.height; y += BAND_ROWS) {
      const { data } = context.getImageData(0, y, size.width, Math.min(BAND_ROWS, size.height - y));
      pixels.set(data, 4 * size.width * y);
      yield;
    }
    return pixels;
  } catch {
    // Too large for a canvas here, or from a store that allows no reading.
    return null;
  }
}
