/** The keys of the drawing tools: what each does, and the list that the Shortcuts panel shows. */

import type { KindName } from "@labelwright/annotation-core";

import type { ImageStage } from "../image-stage.js";
import { msg } from "../messages.js";
import { onStageKey } from "../stage-tools.js";
import { CTRL, type Shortcut } from "../widget.js";
import type { ShapeEditor } from "./shape-editor.js";

const ARROWS: Readonly<Record<string, { readonly x: number; readonly y: number }>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
/** Without a selected shape, arrow keys move the image by so many screen pixels. */
const PAN_PX = 40;
const FAR_PAN_PX = 112;

/** The key of each kind's tool. */
export const TOOL_KEYS: Readonly<Record<KindName, string>> = { box: "B", keypoint: "K", line: "L", polyline: "P", polygon: "P" };

export interface KeyContext {
  readonly editor: ShapeEditor;
  readonly stage: ImageStage;
  /** The key would press or move a control that has the focus. */
  readonly isOnControl: boolean;
  /** The focus is on the image. */
  readonly isOnStage: boolean;
  /** Closes what is open over the image. True: there was something. */
  closePopover(): boolean;
  toggleSnapping(): void;
}

/** True: the key was for the tool. */
export function onShapeKey(event: KeyboardEvent, context: KeyContext): boolean {
  const { editor, stage } = context;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;

  const direction = ARROWS[key];
  if (direction) {
    if (context.isOnControl || stage.isBusy) return false;
    const step = event.shiftKey ? 10 : 1;
    if (editor.scene.store.selected) {
      editor.nudge({ x: direction.x * step, y: direction.y * step }, command || event.altKey);
    } else {
      const px = event.shiftKey ? FAR_PAN_PX : PAN_PX;
      stage.setTransform(stage.transform.pan(-direction.x * px, -direction.y * px));
    }
    return true;
  }
  if (event.altKey) return false;
  if (command) {
    if (key === "z" && !event.shiftKey) editor.undo();
    else if (key === "y" || key === "z") editor.redo();
    else return false;
    return true;
  }
  if (/^[0-9]$/.test(key)) {
    editor.chooseLabel((Number(key) + 9) % 10);
    return true;
  }
  if (key === TOOL_KEYS[editor.kind].toLowerCase()) {
    stage.isMoveTool = false;
    return true;
  }
  if (editor.drawing && onPathKey(key, event.shiftKey, context)) return true;
  switch (key) {
    case "h":
      editor.toggleAll();
      return true;
    case "Delete":
    case "Backspace":
      if (!stage.cancelGesture()) editor.erase();
      return true;
    case "Escape":
      if (stage.cancelGesture() || context.closePopover() || editor.cancelDrawing()) return true;
      if (stage.isMoveTool) stage.isMoveTool = false;
      else if (editor.vertex !== null) editor.chooseVertex(null);
      else editor.select(null, false);
      return true;
    case "Enter":
      if (context.isOnControl || stage.isBusy) return false;
      if (editor.isDrawing) editor.finishDrawing();
      else editor.addInView(stage.transform, stage.view);
      return true;
    case " ":
      if (context.isOnControl) return false;
      stage.isSpaceHeld = true;
      return true;
    case "Tab": {
      if (!context.isOnStage || editor.isDrawing) return false;
      const next = editor.neighbour(event.shiftKey ? -1 : 1);
      // Past the last shape the focus goes on its way, so nobody is caught on the image.
      editor.select(next, true);
      return next !== null;
    }
  }
  return onStageKey(stage, event);
}

/** Keys for the points of a path. */
function onPathKey(key: string, isBack: boolean, { editor, toggleSnapping }: KeyContext): boolean {
  if (key === "v") editor.nextVertex(isBack ? -1 : 1);
  else if (key === "i") editor.insertAfterVertex();
  else if (key === "s") toggleSnapping();
  else return false;
  return true;
}

export function onShapeKeyReleased(event: KeyboardEvent, editor: ShapeEditor, stage: ImageStage): void {
  if (event.key === " ") stage.isSpaceHeld = false;
  if (event.key in ARROWS) editor.endNudge();
}

export function shapeShortcuts({ kind, texts, drawing }: ShapeEditor): Shortcut[] {
  const m = msg();
  const own: Shortcut[] = drawing
    ? [
        { keys: ["Enter"], text: m.keyFinishOrAdd },
        { keys: ["←", "↑", "→", "↓"], text: texts.keyArrows },
        { keys: ["V", "Shift+V"], text: m.keyVertex },
        ...(kind === "line" ? [] : [{ keys: ["I"], text: m.keyInsert }]),
        { keys: ["S"], text: m.keySnap },
      ]
    : [
        { keys: ["Enter"], text: texts.keyEnter },
        { keys: ["←", "↑", "→", "↓"], text: texts.keyArrows },
        ...(kind === "box" ? [{ keys: [CTRL, "←", "→"], text: m.keyResize }] : []),
      ];
  return [
    { keys: ["1", "…", "9", "0"], text: texts.keyLabel },
    { keys: [TOOL_KEYS[kind]], text: texts.keyTool },
    ...own,
    { keys: ["Tab", "Shift+Tab"], text: texts.keyTab },
    { keys: ["Delete", "Backspace"], text: texts.keyDelete },
    { keys: ["Esc"], text: drawing ? m.keyEscapePath : m.keyEscape },
    { keys: [`${CTRL}+Z`, `${CTRL}+Y`], text: m.keyUndo },
    { keys: ["+", "-", "F"], text: m.keyZoom },
    { keys: [m.keyWheel], text: m.keyWheelDoes },
    { keys: ["M", m.keySpace], text: m.keyMove },
    { keys: ["H"], text: texts.keyHide },
  ];
}
