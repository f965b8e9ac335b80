/** The keys of the box tool: what each does, and the list that the Shortcuts panel shows. */

import type { ImageStage } from "../base/image-stage.js";
import { msg } from "../base/messages.js";
import { onStageKey } from "../base/stage-tools.js";
import { CTRL, type Shortcut } from "../base/widget.js";
import type { BoxEditor } from "./box-editor.js";

const ARROWS: Readonly<Record<string, { readonly x: number; readonly y: number }>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
/** Without a selected box, arrow keys move the image by so many screen pixels. */
const PAN_PX = 40;
const FAR_PAN_PX = 112;

export interface KeyContext {
  readonly editor: BoxEditor;
  readonly stage: ImageStage;
  /** The key would press or move a control that has the focus. */
  readonly isOnControl: boolean;
  /** The focus is on the image. */
  readonly isOnStage: boolean;
  /** Closes what is open over the image. True: there was something. */
  closePopover(): boolean;
}

/** True: the key was for the box tool. */
export function onBoxKey(event: KeyboardEvent, context: KeyContext): boolean {
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
  switch (key) {
    case "b":
      stage.isMoveTool = false;
      return true;
    case "h":
      editor.toggleAll();
      return true;
    case "Delete":
    case "Backspace":
      if (!stage.cancelGesture()) editor.remove();
      return true;
    case "Escape":
      if (stage.cancelGesture() || context.closePopover()) return true;
      if (stage.isMoveTool) stage.isMoveTool = false;
      else editor.select(null, false);
      return true;
    case "Enter":
      if (context.isOnControl || stage.isBusy) return false;
      editor.addInView(stage.transform, stage.view);
      return true;
    case " ":
      if (context.isOnControl) return false;
      stage.isSpaceHeld = true;
      return true;
    case "Tab": {
      if (!context.isOnStage) return false;
      const next = editor.neighbour(event.shiftKey ? -1 : 1);
      // Past the last box the focus goes on its way, so nobody is caught on the image.
      editor.select(next, true);
      return next !== null;
    }
  }
  return onStageKey(stage, event);
}

export function onBoxKeyReleased(event: KeyboardEvent, editor: BoxEditor, stage: ImageStage): void {
  if (event.key === " ") stage.isSpaceHeld = false;
  if (event.key in ARROWS) editor.endNudge();
}

export function boxShortcuts(): Shortcut[] {
  const m = msg();
  return [
    { keys: ["1", "…", "9", "0"], text: m.keyLabel },
    { keys: ["B"], text: m.keyBox },
    { keys: ["Enter"], text: m.keyEnter },
    { keys: ["←", "↑", "→", "↓"], text: m.keyArrows },
    { keys: [CTRL, "←", "→"], text: m.keyResize },
    { keys: ["Tab", "Shift+Tab"], text: m.keyTab },
    { keys: ["Delete", "Backspace"], text: m.keyDelete },
    { keys: ["Esc"], text: m.keyEscape },
    { keys: [`${CTRL}+Z`, `${CTRL}+Y`], text: m.keyUndo },
    { keys: ["+", "-", "F"], text: m.keyZoom },
    { keys: [m.keyWheel], text: m.keyWheelDoes },
    { keys: ["M", m.keySpace], text: m.keyMove },
    { keys: ["H"], text: m.keyHide },
  ];
}
