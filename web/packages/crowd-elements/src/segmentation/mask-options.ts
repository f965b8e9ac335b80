/** The strip under the image that belongs to the tool in hand: its size, its reach, and a hint. */

import { MAX_BRUSH, MIN_BRUSH } from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { live } from "lit/directives/live.js";

import { msg } from "../base/messages.js";
import type { FillReach, MaskEditor, MaskToolId } from "./mask-editor.js";

/** Steps of the size slider; small sizes get more room than large ones. */
const STEPS = 100;

function toStep(size: number): number {
  return Math.round(STEPS * Math.sqrt((size - MIN_BRUSH) / (MAX_BRUSH - MIN_BRUSH)));
}

function fromStep(step: number): number {
  return Math.round(MIN_BRUSH + (MAX_BRUSH - MIN_BRUSH) * (step / STEPS) ** 2);
}

export function maskOptions(editor: MaskEditor, hint: string, isOff: boolean, refresh: () => void): TemplateResult {
  const m = msg();
  const { tool } = editor;
  const isBrush = tool === "brush" || tool === "eraser";
  return html`<div class="options" role="group" aria-label=${m.toolOptions}>
    ${
      isBrush
        ? html`<label for="brush-size">${m.brushSize}</label>
          <input type="range" id="brush-size" min="0" max=${STEPS} .value=${live(String(toStep(editor.brushSize)))} ?disabled=${isOff}
            aria-valuetext=${m.brushSizePx(editor.brushSize)} @change=${stop}
            @input=${(event: Event) => {
              event.stopPropagation();
              editor.brushSize = fromStep(Number((event.target as HTMLInputElement).value));
            }} />
          <output>${m.brushSizePx(editor.brushSize)}</output>`
        : nothing
    }
    ${
      tool === "fill"
        ? html`<label for="fill-reach">${m.fillReach}</label>
          <select class="field" id="fill-reach" ?disabled=${isOff} .value=${live(editor.fillReach)}
            @change=${(event: Event) => {
              event.stopPropagation();
              editor.fillReach = (event.target as HTMLSelectElement).value as FillReach;
              refresh();
            }}>
            <option value="colors" ?selected=${editor.fillReach === "colors"}>${m.fillColors}</option>
            <option value="region" ?selected=${editor.fillReach === "region"}>${m.fillRegion}</option>
          </select>
          ${
            editor.fillReach === "colors"
              ? html`<label for="tolerance">${m.tolerance}</label>
                <input type="range" id="tolerance" min="0" max="128" .value=${live(String(editor.tolerance))} ?disabled=${isOff} @change=${stop}
                  @input=${(event: Event) => {
                    event.stopPropagation();
                    editor.tolerance = Number((event.target as HTMLInputElement).value);
                    refresh();
                  }} />
                <output>${editor.tolerance}</output>`
              : nothing
          }`
        : nothing
    }
    <label class="check"><input type="checkbox" id="keep-others" .checked=${live(editor.keepsOthers)} ?disabled=${isOff}
      @change=${(event: Event) => {
        event.stopPropagation();
        editor.keepsOthers = (event.target as HTMLInputElement).checked;
        refresh();
      }} />${m.keepOthers}</label>
    <span class="hint" title=${hint}>${hint}</span>
  </div>`;
}

export function hintFor(tool: MaskToolId): string {
  const m = msg();
  const hints: Readonly<Record<MaskToolId, string>> = {
    brush: m.hintPaint,
    eraser: m.hintErase,
    polygon: m.hintPolygon,
    lasso: m.hintLasso,
    "bounding-box": m.hintMaskBox,
    fill: m.hintFill,
    "auto-segment": m.hintAutoSegment,
  };
  return hints[tool];
}

function stop(event: Event): void {
  event.stopPropagation();
}

export const maskOptionsStyles = css`
  .options {
    flex: none;
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 38px;
    padding: 3px 12px;
    border-top: 1px solid var(--lw-line);
    background: var(--lw-bg-soft);
    color: var(--lw-text);
    font: 400 13px/1.3 var(--lw-font);
  }
  .options input[type="range"] {
    width: 130px;
    accent-color: var(--lw-accent);
  }
  .options select.field {
    width: auto;
    min-height: 28px;
    padding: 2px 6px;
  }
  .options output {
    min-width: 46px;
    color: var(--lw-text-soft);
    font-variant-numeric: tabular-nums;
  }
  .options .check {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    white-space: nowrap;
  }
  .options input[type="checkbox"] {
    accent-color: var(--lw-accent);
  }
  .options .hint {
    flex: 1;
    min-width: 0;
    overflow: hidden;
    color: var(--lw-text-soft);
    text-align: end;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .mask-canvas {
    image-rendering: pixelated;
  }
  .pop-anchor .popover {
    inset-inline: auto -48px;
  }
  .popover label {
    white-space: nowrap;
  }
  .stage-panel.over {
    background: color-mix(in srgb, var(--lw-stage) 82%, transparent);
  }
  @media (max-width: 860px) {
    .options,
    .toolbar {
      flex-wrap: wrap;
    }
  }
`;
