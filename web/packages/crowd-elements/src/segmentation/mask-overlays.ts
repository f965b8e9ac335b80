/** What can lie over the image or open above the page: troubles with the earlier mask, sliders. */

import { html, nothing } from "lit";
import type { TemplateResult } from "lit";

import { icon } from "../base/icons.js";
import { msg } from "../base/messages.js";
import { type SliderRow, sliderPopover } from "../base/stage-tools.js";
import type { MaskEditor } from "./mask-editor.js";

/** The earlier mask: not wanted or there, on its way, or not to be had. */
export type MaskStatus =
  { readonly phase: "ready" } | { readonly phase: "loading" } | { readonly phase: "failed"; readonly reason: string };

/** The earlier mask is on its way or could not be had, or the image may not be read. */
export function maskPanel(
  status: MaskStatus,
  isUnreadable: boolean,
  onRetry: () => void,
): TemplateResult | typeof nothing {
  const m = msg();
  if (isUnreadable) {
    return html`<div class="stage-panel over" role="alert" data-no-draw>${icon("image")}<strong>${m.somethingWrong}</strong>
      <span>${m.maskNeedsCors}</span></div>`;
  }
  if (status.phase === "ready") return nothing;
  if (status.phase === "loading") {
    return html`<div class="stage-panel over" role="status" data-no-draw><span class="spinner"></span>${m.maskLoading}</div>`;
  }
  return html`<div class="stage-panel over" role="alert" data-no-draw>${icon("image")}<strong>${m.maskFailed}</strong>
    <span>${status.reason}</span>
    <button class="btn bordered" type="button" id="retry-mask" @click=${onRetry}>${icon("refresh")}${m.retry}</button>
  </div>`;
}

export interface Light {
  readonly brightness: number;
  readonly contrast: number;
}

export const PLAIN_LIGHT: Light = { brightness: 1, contrast: 1 };
const LONGEST_NAME = 24;

/** Opacity of the mask and of the chosen label, brightness and contrast of the image. */
export function maskSliders(editor: MaskEditor, light: Light, onLight: (light: Light) => void): TemplateResult {
  const m = msg();
  const label = editor.currentLabel;
  const rows: SliderRow[] = [
    { label: m.maskOpacity, value: editor.opacity, min: 0, max: 100, onInput: (value) => editor.setOpacity(value) },
    {
      label: m.brightness,
      value: light.brightness,
      min: 25,
      max: 300,
      onInput: (brightness) => onLight({ ...light, brightness }),
    },
    {
      label: m.contrast,
      value: light.contrast,
      min: 25,
      max: 300,
      onInput: (contrast) => onLight({ ...light, contrast }),
    },
  ];
  if (label !== null) {
    const name = label.length > LONGEST_NAME ? `${label.slice(0, LONGEST_NAME - 1)}…` : label;
    const value = editor.labelOpacity.get(label) ?? 1;
    rows.splice(1, 0, {
      label: m.labelOpacity(name),
      value,
      min: 0,
      max: 100,
      onInput: (part) => editor.setOpacity(part, label),
    });
  }
  return sliderPopover("adjustments", rows, () => {
    onLight(PLAIN_LIGHT);
    editor.resetLook();
  });
}
