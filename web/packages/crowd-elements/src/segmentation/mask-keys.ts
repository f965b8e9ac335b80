/** The keys of the segmentation tools: what each does, and the list that the Shortcuts panel shows. */

import type { ImageStage } from "../base/image-stage.js";
import { msg } from "../base/messages.js";
import { onStageKey } from "../base/stage-tools.js";
import { CTRL, type Shortcut } from "../base/widget.js";
import type { MaskEditor, MaskToolId } from "./mask-editor.js";

export const TOOL_KEYS: Readonly<Record<MaskToolId, string>> = {
  brush: "R",
  eraser: "E",
  polygon: "P",
  lasso: "L",
  "bounding-box": "B",
  fill: "G",
  "auto-segment": "A",
};
const toolOfKey = new Map(Object.entries(TOOL_KEYS).map(([tool, key]) => [key.toLowerCase(), tool as MaskToolId]));

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};
const PAN_PX = 40;
const FAR_PAN_PX = 112;

export interface MaskKeyContext {
  readonly editor: MaskEditor;
  readonly stage: ImageStage;
  /** The key would press or move a control that has the focus. */
  readonly isOnControl: boolean;
  /** The focus is on the image. */
  readonly isOnStage: boolean;
  readonly tools: ReadonlySet<MaskToolId>;
  /** Closes what is open over the image, or drops marks. True: there was something. */
  closeOpen(): boolean;
}

/** True: the key was for the tool. */
export function onMaskKey(event: KeyboardEvent, context: MaskKeyContext): boolean {
  const { editor, stage } = context;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const arrow = ARROWS[key];
  if (arrow) {
    if (context.isOnControl || command || event.altKey) return false;
    const px = event.shiftKey ? FAR_PAN_PX : PAN_PX;
    stage.setTransform(stage.transform.pan(arrow[0] * px, arrow[1] * px));
    return true;
  }
  if (command) {
    if (event.altKey) return false;
    if (key === "z" && !event.shiftKey) {
      if (!stage.cancelGesture()) editor.undo();
    } else if (key === "y" || key === "z") editor.redo();
    else return false;
    return true;
  }
  // With Alt, Enter closes an outline to erase it; all else with Alt belongs to the page.
  if (key === "Enter") return !context.isOnControl && editor.closeOutline(event.altKey);
  if (event.altKey) return false;
  if (/^[0-9]$/.test(key)) {
    editor.chooseLabel((Number(key) + 9) % 10);
    return true;
  }
  const tool = toolOfKey.get(key);
  if (tool && context.tools.has(tool)) {
    stage.isMoveTool = false;
    editor.tool = tool;
    return true;
  }
  switch (key) {
    case "[":
    case "]":
      editor.resizeBrush(key === "[" ? -1 : 1);
      return true;
    case "n":
      if (!editor.areInstances) return false;
      editor.addInstance();
      return true;
    case "h":
      editor.toggleAll();
      return true;
    case "Delete":
    case "Backspace":
      if (stage.cancelGesture()) return true;
      if (editor.outline.length) editor.takeBackCorner();
      else if (editor.areInstances) editor.remove();
      else return false;
      return true;
    case "Escape":
      if (stage.cancelGesture() || editor.cancelOutline() || context.closeOpen()) return true;
      if (!stage.isMoveTool) return false;
      stage.isMoveTool = false;
      return true;
    case " ":
      if (context.isOnControl) return false;
      stage.isSpaceHeld = true;
      return true;
    case "Tab": {
      if (!context.isOnStage) return false;
      const next = editor.neighbour(event.shiftKey ? -1 : 1);
      // Past the last one the focus goes on its way, so nobody is caught on the image.
      if (next) editor.selectRegion(next);
      return next !== null;
    }
  }
  return onStageKey(stage, event);
}

export function maskShortcuts(areInstances: boolean, tools: ReadonlySet<MaskToolId>): Shortcut[] {
  const m = msg();
  return [
    { keys: ["1", "…", "9", "0"], text: areInstances ? m.keyInstanceLabel : m.keyMaskLabel },
    ...(areInstances ? [{ keys: ["N"], text: m.keyNewInstance }] : []),
    { keys: ["Tab", "Shift+Tab"], text: areInstances ? m.keyRegions : m.keyMaskLabels },
    { keys: ["R", "E"], text: m.keyBrush },
    { keys: ["[", "]"], text: m.keyBrushSize },
    { keys: ["P", "L", "B"], text: m.keyShapes },
    { keys: ["Alt"], text: m.keyErasing },
    { keys: ["G"], text: m.keyFill },
    ...(tools.has("auto-segment") ? [{ keys: ["A"], text: m.keyAutoSegment }] : []),
    { keys: ["Enter"], text: m.keyFinish },
    { keys: ["Delete", "Backspace"], text: areInstances ? m.keyDeleteInstance : m.keyTakeBack },
    { keys: ["Esc"], text: m.keyMaskEscape },
    { keys: [`${CTRL}+Z`, `${CTRL}+Y`], text: m.keyUndo },
    { keys: ["+", "-", "F"], text: m.keyZoom },
    { keys: [m.keyWheel], text: m.keyWheelDoes },
    { keys: ["M", m.keySpace], text: m.keyMove },
    { keys: ["H"], text: m.keyMaskHide },
  ];
}
