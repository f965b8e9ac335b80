/** What a worker may take over from the answer sent before in the same job: its last label, or all of its shapes. */

import { LiteralError, type NewShape, shapesOfAnswer } from "@labelwright/annotation-core";

import { msg } from "../messages.js";
import type { ShapeEditor } from "./shape-editor.js";

export interface PreviousWork {
  /** This element's part of the earlier answer; null when there is none. */
  value(): Promise<unknown>;
  /** Says something to the worker. */
  note(text: string): void;
  readonly isLocked: boolean;
}

/** The label used last on this image, else on the one before. */
export async function repeatLabel(editor: ShapeEditor, previous: PreviousWork): Promise<void> {
  if (editor.repeatLabel(editor.lastLabel)) return;
  const before = shapesIn(await previous.value(), editor);
  if (!editor.repeatLabel(before.at(-1)?.label ?? null)) previous.note(msg().noLastLabel);
}

/** Draws the shapes of the image before here too, at the same places of the image. */
export async function copyPrevious(editor: ShapeEditor, previous: PreviousWork): Promise<void> {
  const answer = await previous.value();
  if (answer === null) previous.note(msg().noPrevious);
  else if (!previous.isLocked && !editor.addCopies(shapesIn(answer, editor))) previous.note(msg().nothingToCopy);
}

/** Shapes of an earlier answer, brought to the size of this image; none when it is no such answer. */
function shapesIn(answer: unknown, { kind, scene }: ShapeEditor): readonly NewShape[] {
  try {
    return shapesOfAnswer(kind, answer, scene.size);
  } catch (error) {
    if (error instanceof LiteralError) return [];
    throw error;
  }
}
