/** What a worker may take over from the mask sent before in the same job: its last label, or all that is painted. */

import { type InitialMask, readInitialMask } from "@labelwright/annotation-core";

import { msg } from "../base/messages.js";
import type { MaskEditor } from "./mask-editor.js";
import { MaskProblem, loadMaskPixels } from "./mask-source.js";

export interface PreviousMask {
  /** This element's part of the earlier answer; null when there is none. */
  value(): Promise<unknown>;
  /** Says something to the worker. */
  note(text: string): void;
  /** Says it to those who do not see the image. */
  announce(text: string): void;
}

/** The label painted with last on this image, else on the one before. */
export async function repeatMaskLabel(editor: MaskEditor, previous: PreviousMask): Promise<void> {
  if (editor.repeatLabel(editor.lastLabel)) return;
  const before = await read(previous);
  if (!editor.repeatLabel(before?.regions.at(-1)?.label ?? null)) previous.note(msg().noLastLabel);
}

/** Paints what the image before had, where nothing is painted yet. */
export async function copyPreviousMask(editor: MaskEditor, previous: PreviousMask): Promise<void> {
  const before = await read(previous);
  if (!before?.src) return previous.note(msg().noPrevious);
  const { mask, size } = editor.document;
  try {
    const pixels = await loadMaskPixels(before, size, new AbortController().signal);
    // Another image may have come in the meantime.
    if (!pixels || mask !== editor.document.mask) return;
    if (editor.copyIn(before.regions, pixels)) previous.announce(msg().maskCopied);
    else previous.note(msg().nothingToCopy);
  } catch (error) {
    if (!(error instanceof MaskProblem)) throw error;
    previous.note(msg().otherSize);
  }
}

async function read(previous: PreviousMask): Promise<InitialMask | null> {
  try {
    return readInitialMask(await previous.value());
  } catch {
    // An answer of another form than ours, from a script of the template: of no use here.
    return null;
  }
}
