/** The keys of the drawing tools. */

import type { KindName, Shape } from "@labelwright/annotation-core";

import type { ImageStage } from "../image-stage.js";
import { type KeyBinding, type KeyGroup, chordText, digitKey, isOnControl, labelKeys } from "../keys.js";
import { msg } from "../messages.js";
import { ARROW_KEYS, arrowOf, panByKey, stageKeys } from "../stage-tools.js";
import type { ShapeEditor } from "./shape-editor.js";

/** The key of each kind's tool. */
export const TOOL_KEYS: Readonly<Record<KindName, string>> = {
  box: "B",
  keypoint: "K",
  line: "L",
  polyline: "P",
  polygon: "P",
};

export interface ShapeKeyContext {
  readonly editor: ShapeEditor;
  readonly stage: ImageStage | null;
  /** The focus is on the image. */
  isOnStage(event: KeyboardEvent): boolean;
  /** Closes what is open over the image. True: there was something. */
  closePopover(): boolean;
  toggleSnapping(): void;
  repeatLabel(): void;
  copyPrevious(): void;
}

export function shapeKeys(context: ShapeKeyContext): KeyGroup[] {
  const { editor, stage } = context;
  const { texts, kind } = editor;
  const m = msg();
  const isBusy = (event: KeyboardEvent): boolean => isOnControl(event) || (stage?.isBusy ?? true);
  const tab =
    (step: 1 | -1) =>
    (event: KeyboardEvent): boolean => {
      if (!context.isOnStage(event) || editor.isDrawing) return false;
      const next = editor.neighbour(step);
      // Past the last shape the focus goes on its way, so nobody is caught on the image.
      editor.select(next, true);
      return next !== null;
    };
  return [
    {
      title: m.keysOfLabels,
      keys: [
        ...labelKeys(editor.scene.labels, digitKey, (i) => editor.chooseLabel(i)),
        { shown: [], text: texts.keyLabel },
        { keys: ["."], text: m.keyRepeat, run: () => context.repeatLabel() },
        { keys: ["Shift+H"], text: m.keyHideLabel, run: () => editor.toggleCurrentLabel() },
      ],
    },
    {
      title: texts.title,
      keys: [
        {
          keys: [TOOL_KEYS[kind]],
          text: texts.keyTool,
          run: () => {
            if (stage) stage.isMoveTool = false;
          },
        },
        {
          keys: ["Enter"],
          text: editor.drawing ? m.keyFinishOrAdd : texts.keyEnter,
          run: (event) => {
            if (isBusy(event)) return false;
            if (editor.isDrawing) editor.finishDrawing();
            else editor.addInView(stage!.transform, stage!.view);
            return true;
          },
        },
        {
          keys: ARROW_KEYS,
          text: texts.keyArrows,
          run: (event) => {
            if (isBusy(event)) return false;
            if (editor.scene.store.selected) editor.nudge(stepOf(event), false);
            else panByKey(stage!, event);
            return true;
          },
        },
        ...(kind === "box" ? [resizeKeys(editor, isBusy)] : []),
        ...(editor.drawing ? pathKeys(context) : []),
        { keys: ["Tab"], text: texts.keyNext, run: tab(1) },
        { keys: ["Shift+Tab"], text: texts.keyPrevious, run: tab(-1) },
        {
          keys: ["Delete", "Backspace"],
          text: texts.keyDelete,
          run: () => {
            if (!stage?.cancelGesture()) editor.erase();
          },
        },
        { keys: ["Escape"], text: editor.drawing ? m.keyEscapePath : m.keyEscape, run: () => escape(context) },
        { keys: ["Ctrl+Z"], text: m.undo, run: () => editor.undo() },
        { keys: ["Ctrl+Y", "Ctrl+Shift+Z"], text: m.redo, run: () => editor.redo() },
        { keys: ["C"], text: m.keyCopy, run: () => context.copyPrevious() },
        { keys: ["T"], text: texts.keyAskLabel, run: () => withSelected(editor, (shape) => editor.askFor(shape)) },
        { keys: ["X"], text: texts.keyHideOne, run: () => withSelected(editor, (shape) => editor.toggleShape(shape)) },
        { keys: ["H"], text: texts.keyHide, run: () => editor.toggleAll() },
      ],
    },
    stageKeys(stage, true),
  ];
}

function withSelected({ scene }: ShapeEditor, act: (shape: Shape) => void): void {
  const { selected } = scene.store;
  if (selected) act(selected);
}

function stepOf(event: KeyboardEvent): { x: number; y: number } {
  const { x, y } = arrowOf(event);
  const step = event.shiftKey ? 10 : 1;
  return { x: x * step, y: y * step };
}

function resizeKeys(editor: ShapeEditor, isBusy: (event: KeyboardEvent) => boolean): KeyBinding {
  return {
    keys: ARROW_KEYS.flatMap((key) => [`Ctrl+${key}`, `Alt+${key}`]),
    shown: ["Ctrl+ArrowRight", "Ctrl+ArrowDown"].map(chordText),
    text: msg().keyResize,
    run: (event) => {
      if (isBusy(event) || !editor.scene.store.selected) return false;
      editor.nudge(stepOf(event), true);
      return true;
    },
  };
}

/** Keys for the points of a path. */
function pathKeys({ editor, toggleSnapping }: ShapeKeyContext): KeyBinding[] {
  const m = msg();
  return [
    { keys: ["V"], text: m.keyNextVertex, run: () => editor.nextVertex(1) },
    { keys: ["Shift+V"], text: m.keyPreviousVertex, run: () => editor.nextVertex(-1) },
    ...(editor.kind === "line" ? [] : [{ keys: ["I"], text: m.keyInsert, run: () => editor.insertAfterVertex() }]),
    { keys: ["S"], text: m.keySnap, run: toggleSnapping },
  ];
}

function escape({ editor, stage, closePopover }: ShapeKeyContext): void {
  if (stage?.cancelGesture() || closePopover() || editor.cancelDrawing()) return;
  if (stage?.isMoveTool) stage.isMoveTool = false;
  else if (editor.vertex !== null) editor.chooseVertex(null);
  else editor.select(null, false);
}

export function onShapeKeyReleased(event: KeyboardEvent, editor: ShapeEditor, stage: ImageStage): void {
  if (event.key === " ") stage.isSpaceHeld = false;
  if (event.key.startsWith("Arrow")) editor.endNudge();
}
