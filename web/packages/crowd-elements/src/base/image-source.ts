/** Loads the picture to annotate: with CORS if the store allows it, upright as stored, with a reason when it fails. */

import { type Size, makeUpright } from "@labelwright/annotation-core";

import { msg } from "./messages.js";

export interface LoadedImage {
  readonly element: HTMLImageElement;
  readonly size: Size;
  /** False when the store sends no CORS headers: good enough to draw boxes on, not to read pixels. */
  readonly isReadable: boolean;
  dispose(): void;
}

export class ImageProblem extends Error {}

/** Camera notes stand near the front; more of a file need not be read for them. */
const HEAD_BYTES = 1 << 17;

export async function loadImage(src: string, signal: AbortSignal): Promise<LoadedImage> {
  const isInline = /^(data|blob):/i.test(src);
  let response: Response | null = null;
  try {
    response = await fetch(src, { mode: "cors", credentials: isInline ? "same-origin" : "omit", signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TypeError)) throw error;
  }
  if (response) {
    if (!response.ok) throw new ImageProblem(reasonOf(response.status));
    const url = URL.createObjectURL(await upright(await response.blob()));
    try {
      return { ...(await decode(url, null, signal)), isReadable: true, dispose: () => URL.revokeObjectURL(url) };
    } catch (error) {
      URL.revokeObjectURL(url);
      throw error;
    }
  }
  // The page may not fetch (a strict policy, or no CORS headers): an image element may still load it.
  try {
    return { ...(await decode(src, "anonymous", signal)), isReadable: true, dispose: () => {} };
  } catch {
    signal.throwIfAborted();
  }
  if (isInline) throw new ImageProblem(msg().reasonNotImage);
  try {
    return { ...(await decode(src, null, signal)), isReadable: false, dispose: () => {} };
  } catch {
    signal.throwIfAborted();
    throw new ImageProblem(msg().reasonNetwork);
  }
}

async function decode(
  url: string,
  crossOrigin: string | null,
  signal: AbortSignal,
): Promise<{ element: HTMLImageElement; size: Size }> {
  const element = new Image();
  element.decoding = "async";
  element.draggable = false;
  element.alt = "";
  // Where the file could not be rewritten, the browser is asked to ignore the camera's note.
  element.style.imageOrientation = "none";
  if (crossOrigin !== null) element.crossOrigin = crossOrigin;
  await new Promise<void>((resolve, reject) => {
    element.onload = () => resolve();
    element.onerror = () => reject(new ImageProblem(msg().reasonNotImage));
    element.src = url;
  });
  signal.throwIfAborted();
  const size = { width: element.naturalWidth, height: element.naturalHeight };
  if (!size.width || !size.height) throw new ImageProblem(msg().reasonNotImage);
  return { element, size };
}

async function upright(blob: Blob): Promise<Blob> {
  const head = new Uint8Array(await blob.slice(0, HEAD_BYTES).arrayBuffer());
  const found = makeUpright(head);
  return found === null || found === 1 ? blob : new Blob([head, blob.slice(HEAD_BYTES)], { type: "image/jpeg" });
}

function reasonOf(status: number): string {
  if (status === 401 || status === 403) return msg().reasonRefused;
  if (status === 404 || status === 410) return msg().reasonMissing;
  return msg().reasonStatus(status);
}
