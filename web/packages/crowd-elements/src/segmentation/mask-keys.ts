/** The keys of the segmentation tools. */

import type { Region } from "@labelwright/annotation-core";

import type { ImageStage } from "../base/image-stage.js";
import { type KeyBinding, type KeyGroup, digitKey, isOnControl, labelKeys } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { ARROW_KEYS, panByKey, stageKeys } from "../base/stage-tools.js";
import { type MaskEditor, type MaskToolId, toolNames } from "./mask-editor.js";

export const TOOL_KEYS: Readonly<Record<MaskToolId, string>> = {
  brush: "R",
  eraser: "E",
  polygon: "P",
  lasso: "L",
  "bounding-box": "B",
  fill: "G",
  "auto-segment": "A",
};

export interface MaskKeyContext {
  readonly editor: MaskEditor;
  readonly stage: ImageStage | null;
  readonly tools: ReadonlySet<MaskToolId>;
  /** The focus is on the image. */
  isOnStage(event: KeyboardEvent): boolean;
  /** Closes what is open over the image, or drops marks. True: there was something. */
  closeOpen(): boolean;
  repeatLabel(): void;
  copyPrevious(): void;
  /** Asks which label an instance shall have instead of its own. */
  askLabel(region: Region): void;
}

export function maskKeys(context: MaskKeyContext): KeyGroup[] {
  const { editor, stage, tools } = context;
  const { areInstances } = editor;
  const m = msg();
  const names = toolNames();
  const tab =
    (step: 1 | -1) =>
    (event: KeyboardEvent): boolean => {
      if (!context.isOnStage(event)) return false;
      const next = editor.neighbour(step);
      // Past the last one the focus goes on its way, so nobody is caught on the image.
      if (next) editor.selectRegion(next);
      return next !== null;
    };
  const close =
    (isErasing: boolean) =>
    (event: KeyboardEvent): boolean =>
      !isOnControl(event) && editor.closeOutline(isErasing);
  return [
    {
      title: m.keysOfLabels,
      keys: [
        ...labelKeys(editor.document.labels, digitKey, (i) => editor.chooseLabel(i)),
        ...(areInstances ? instanceKeys(context) : []),
        { keys: ["."], text: m.keyRepeat, run: () => context.repeatLabel() },
        { keys: ["Shift+H"], text: m.keyHideLabel, run: () => editor.toggleCurrentLabel() },
        { keys: ["Tab"], text: areInstances ? m.keyNextInstance : m.keyNextMaskLabel, run: tab(1) },
        { keys: ["Shift+Tab"], text: areInstances ? m.keyPreviousInstance : m.keyPreviousMaskLabel, run: tab(-1) },
      ],
    },
    {
      title: m.maskTools,
      keys: [
        ...[...tools].map((tool): KeyBinding => ({
          keys: [TOOL_KEYS[tool]],
          text: names[tool],
          run: () => {
            if (stage) stage.isMoveTool = false;
            editor.tool = tool;
          },
        })),
        { keys: ["["], text: m.keySmallerBrush, run: () => editor.resizeBrush(-1) },
        { keys: ["]"], text: m.keyLargerBrush, run: () => editor.resizeBrush(1) },
        { shown: ["Alt"], text: m.keyErasing },
        { keys: ["Enter"], text: m.keyFinish, run: close(false) },
        { keys: ["Alt+Enter"], text: m.keyFinishErasing, run: close(true) },
        {
          keys: ["Delete", "Backspace"],
          text: areInstances ? m.keyDeleteInstance : m.keyTakeBack,
          run: () => {
            if (stage?.cancelGesture()) return true;
            if (editor.outline.length) editor.takeBackCorner();
            else if (areInstances) editor.remove();
            else return false;
            return true;
          },
        },
        { keys: ["Escape"], text: m.keyMaskEscape, run: () => escape(context) },
        {
          keys: ["Ctrl+Z"],
          text: m.undo,
          run: () => {
            if (!stage?.cancelGesture()) editor.undo();
          },
        },
        { keys: ["Ctrl+Y", "Ctrl+Shift+Z"], text: m.redo, run: () => editor.redo() },
        { keys: ["C"], text: m.keyCopy, run: () => context.copyPrevious() },
        { keys: ["H"], text: m.keyMaskHide, run: () => editor.toggleAll() },
      ],
    },
    withArrows(stageKeys(stage, true), stage),
  ];
}

function instanceKeys({ editor, askLabel }: MaskKeyContext): KeyGroup["keys"] {
  const m = msg();
  const withCurrent = (act: (region: Region) => void) => (): void => {
    if (editor.current) act(editor.current);
  };
  return [
    { shown: [], text: m.keyInstanceLabel },
    { keys: ["N"], text: m.keyNewInstance, run: () => editor.addInstance() },
    { keys: ["T"], text: m.keyAskInstanceLabel, run: withCurrent((region) => askLabel(region)) },
    { keys: ["X"], text: m.keyHideInstance, run: withCurrent((region) => editor.toggleRegion(region)) },
  ];
}

function withArrows(group: KeyGroup, stage: ImageStage | null): KeyGroup {
  const arrows: KeyBinding = {
    keys: ARROW_KEYS,
    text: msg().keyArrowsMove,
    run: (event) => {
      if (isOnControl(event) || !stage) return false;
      panByKey(stage, event);
      return true;
    },
  };
  return { ...group, keys: [...group.keys, arrows] };
}

function escape({ editor, stage, closeOpen }: MaskKeyContext): boolean {
  if (stage?.cancelGesture() || editor.cancelOutline() || closeOpen()) return true;
  if (!stage?.isMoveTool) return false;
  stage.isMoveTool = false;
  return true;
}
