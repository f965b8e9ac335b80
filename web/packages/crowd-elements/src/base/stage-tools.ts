/** Tool bar pieces and panels that all image widgets show around the stage. */

import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { live } from "lit/directives/live.js";

import { icon } from "./icons.js";
import type { ImageStage } from "./image-stage.js";
import { type KeyGroup, isOnControl } from "./keys.js";
import { msg } from "./messages.js";

export interface ToolButton {
  readonly id: string;
  readonly icon: string;
  readonly title: string;
  readonly key?: string;
  readonly isPressed?: boolean;
  readonly isDisabled?: boolean;
  readonly onClick: () => void;
}

export function toolButton(button: ToolButton): TemplateResult {
  const title = button.key ? `${button.title} (${button.key})` : button.title;
  return html`<button class="btn icon" type="button" id=${button.id} title=${title} aria-label=${button.title}
    aria-keyshortcuts=${button.key ?? nothing}
    aria-pressed=${button.isPressed === undefined ? nothing : String(button.isPressed)}
    ?disabled=${button.isDisabled ?? false} @click=${button.onClick}>${icon(button.icon)}</button>`;
}

export function zoomTools(stage: ImageStage | null): TemplateResult {
  const percent = Math.round((stage?.transform.scale ?? 1) * 100);
  const off = !stage?.isReady;
  return html`${toolButton({ id: "zoom-out", icon: "zoom-out", title: msg().zoomOut, key: "-", isDisabled: off, onClick: () => stage?.zoomOut() })}
    <button class="btn percent" type="button" title="100 %" ?disabled=${off} aria-label=${`${msg().zoomLevel} ${percent} %`}
      @click=${() => stage?.zoomBy(1 / stage.transform.scale)}>${off ? "–" : `${percent} %`}</button>
    ${toolButton({ id: "zoom-in", icon: "zoom-in", title: msg().zoomIn, key: "+", isDisabled: off, onClick: () => stage?.zoomIn() })}
    ${toolButton({ id: "fit", icon: "fit", title: msg().fit, key: "F", isDisabled: off, onClick: () => stage?.fit() })}`;
}

/** Over the stage: loading, failure with Retry, a warning about missing CORS headers. */
export function stagePanel(stage: ImageStage | null): TemplateResult | typeof nothing {
  const status = stage?.status;
  if (!status || status.phase === "empty") return nothing;
  if (status.phase === "loading") {
    return html`<div class="stage-panel" role="status"><span class="spinner"></span>${msg().imageLoading}</div>`;
  }
  if (status.phase === "failed") {
    return html`<div class="stage-panel" role="alert" data-no-draw>${icon("image")}<strong>${msg().imageFailed}</strong>
      <span>${status.reason}</span>
      <button class="btn bordered" type="button" id="retry" @click=${() => stage?.retry()}>${icon("refresh")}${msg().retry}</button>
    </div>`;
  }
  return status.phase !== "ready" || status.isReadable
    ? nothing
    : html`<div class="stage-warning" role="status">${msg().noCors}</div>`;
}

export interface SliderRow {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly onInput: (value: number) => void;
}

/** Sliders in per cent, with a button that takes all of them back. */
export function sliderPopover(id: string, rows: readonly SliderRow[], onReset: () => void): TemplateResult {
  return html`<div class="popover" id=${id} role="group">
    ${rows.map(
      ({ label, value, min, max, onInput }) => html`<label for=${`${id}-${label}`}>${label}</label>
        <input type="range" id=${`${id}-${label}`} min=${min} max=${max} step="1" .value=${live(String(Math.round(value * 100)))}
          @change=${stop} @input=${(event: Event) => {
            event.stopPropagation();
            onInput(Number((event.target as HTMLInputElement).value) / 100);
          }} />
        <output>${Math.round(value * 100)} %</output>`,
    )}
    <button class="btn bordered" type="button" @click=${onReset}>${msg().resetView}</button>
  </div>`;
}

function stop(event: Event): void {
  event.stopPropagation();
}

/** Keys that every stage understands, as a group of the list. `hasMoveTool`: there is another tool that dragging belongs to. */
export function stageKeys(stage: ImageStage | null, hasMoveTool: boolean): KeyGroup {
  const m = msg();
  const does = (act: (stage: ImageStage) => void) => (): boolean => {
    if (stage) act(stage);
    return stage !== null;
  };
  return {
    title: m.keysOfImage,
    keys: [
      { keys: ["+", "="], shown: ["+"], text: m.zoomIn, run: does((it) => it.zoomIn()) },
      { keys: ["-", "_"], shown: ["−"], text: m.zoomOut, run: does((it) => it.zoomOut()) },
      { keys: ["F"], text: m.fit, run: does((it) => it.fit()) },
      { shown: [m.keyWheel], text: m.keyWheelDoes },
      ...(hasMoveTool
        ? [
            {
              keys: ["M"],
              text: m.move,
              run: does((it) => {
                it.isMoveTool = !it.isMoveTool;
              }),
            },
            {
              keys: [" "],
              text: m.keyMoveHeld,
              run: (event: KeyboardEvent): boolean =>
                !isOnControl(event) &&
                does((it) => {
                  it.isSpaceHeld = true;
                })(),
            },
          ]
        : []),
    ],
  };
}

/** Moves the image by an arrow key; with Shift further. */
export function panByKey(stage: ImageStage, event: KeyboardEvent): void {
  const px = event.shiftKey ? FAR_PAN_PX : PAN_PX;
  const { x, y } = arrowOf(event);
  stage.setTransform(stage.transform.pan(-x * px, -y * px));
}

const PAN_PX = 40;
const FAR_PAN_PX = 112;

export const ARROW_KEYS = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"] as const;

/** Which way an arrow key points. */
export function arrowOf({ key }: KeyboardEvent): { readonly x: number; readonly y: number } {
  return {
    x: Number(key === "ArrowRight") - Number(key === "ArrowLeft"),
    y: Number(key === "ArrowDown") - Number(key === "ArrowUp"),
  };
}
