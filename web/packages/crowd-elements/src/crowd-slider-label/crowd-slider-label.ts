import { css, html } from "lit";
import type { PropertyValues } from "lit";
import { property } from "lit/decorators.js";

import { numberAttribute } from "../base/attributes.js";
import { CrowdElement } from "../base/crowd-element.js";

/** Bubbles from a label whose place on the scale has changed. */
export const TICK_EVENT = "labelwright-tick";

/**
 * Text at a place of a crowd-slider's scale, with a tick above it. A click on it sets the slider to that place.
 *
 * @slot - The text.
 */
export class CrowdSliderLabel extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: block;
        padding-top: 10px;
        color: var(--lw-text-soft);
        font: 400 12.5px/1.3 var(--lw-font);
        text-align: center;
        overflow-wrap: anywhere;
        cursor: pointer;
      }
      .tick {
        position: absolute;
        top: 0;
        left: var(--lw-tick-at, 50%);
        width: 1px;
        height: 7px;
        background: var(--lw-line-strong);
      }
      :host(:hover) {
        color: var(--lw-text);
      }
    `,
  ];

  @property({ converter: numberAttribute }) position: number | null = null;

  protected override updated(changed: PropertyValues): void {
    if (changed.has("position")) this.dispatchEvent(new CustomEvent(TICK_EVENT, { bubbles: true }));
  }

  override render(): unknown {
    return html`<span class="tick"></span><slot></slot>`;
  }
}
