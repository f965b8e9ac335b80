/** The tool bar of the segmentation elements. */

import { html } from "lit";
import type { TemplateResult } from "lit";

import type { ImageStage } from "../base/image-stage.js";
import { CTRL } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { toolButton, zoomTools } from "../base/stage-tools.js";
import { type MaskEditor, type MaskToolId, toolNames } from "./mask-editor.js";
import { TOOL_KEYS } from "./mask-keys.js";

export interface MaskToolbarView {
  readonly editor: MaskEditor;
  readonly stage: ImageStage | null;
  readonly tools: ReadonlySet<MaskToolId>;
  readonly isOff: boolean;
  readonly isAdjusting: boolean;
  readonly sliders: unknown;
  /** Stands at the end of the bar. */
  readonly end: unknown;
  onAdjust(): void;
  onClick(event: MouseEvent): void;
}

export function maskToolbar(view: MaskToolbarView): TemplateResult {
  const m = msg();
  const { editor, stage, isOff } = view;
  const isMoving = stage?.isMoveTool ?? false;
  const { isAllHidden } = editor;
  const titles = toolNames();
  const take = (id: MaskToolId) => (): void => {
    if (stage) stage.isMoveTool = false;
    editor.tool = id;
  };
  return html`<div class="toolbar" role="toolbar" aria-label=${m.maskTools} @click=${view.onClick}>
    ${[...view.tools].map((id) =>
      toolButton({
        id,
        icon: id,
        title: titles[id],
        key: TOOL_KEYS[id],
        isPressed: !isMoving && editor.tool === id,
        isDisabled: isOff,
        onClick: take(id),
      }),
    )}
    ${toolButton({
      id: "move",
      icon: "move",
      title: m.move,
      key: "M",
      isPressed: isMoving,
      isDisabled: isOff,
      onClick: () => {
        if (stage) stage.isMoveTool = true;
      },
    })}
    <span class="gap"></span>
    ${toolButton({ id: "undo", icon: "undo", title: m.undo, key: `${CTRL}+Z`, isDisabled: !editor.canUndo, onClick: () => editor.undo() })}
    ${toolButton({ id: "redo", icon: "redo", title: m.redo, key: `${CTRL}+Y`, isDisabled: !editor.canRedo, onClick: () => editor.redo() })}
    ${toolButton({
      id: "delete",
      icon: "delete",
      title: editor.areInstances ? m.deleteCurrentInstance : m.clearCurrentLabel,
      isDisabled: isOff || !editor.current,
      onClick: () => editor.remove(),
    })}
    <span class="gap"></span>
    ${zoomTools(stage)}
    <span class="gap"></span>
    ${toolButton({
      id: "hide",
      icon: isAllHidden ? "visibility-off" : "visibility",
      title: isAllHidden ? m.showAll : m.hideAll,
      key: "H",
      isPressed: isAllHidden,
      onClick: () => editor.toggleAll(),
    })}
    <span class="pop-anchor">${toolButton({ id: "adjust", icon: "contrast", title: m.adjust, isPressed: view.isAdjusting, onClick: () => view.onAdjust() })}
      ${view.sliders}</span>
    <span class="spacer"></span>
    ${view.end}
  </div>`;
}
