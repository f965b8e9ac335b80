/** The content that a classifier asks about, beside the pane with the categories. */

import { css, html } from "lit";
import type { TemplateResult } from "lit";

export function classificationTarget(): TemplateResult {
  return html`<div class="target" role="region" aria-labelledby="question" tabindex="0">
    <slot name="classification-target"></slot>
  </div>`;
}

export const targetStyles = css`
  :host {
    height: auto;
    min-height: 340px;
  }
  .work {
    overflow: auto;
  }
  .target {
    padding: 24px 32px;
    font: 400 16px/1.6 var(--lw-font);
    overflow-wrap: anywhere;
  }
  .side {
    width: 300px;
  }
  @media (max-width: 860px) {
    .side {
      width: auto;
      max-height: 60%;
    }
  }
`;
