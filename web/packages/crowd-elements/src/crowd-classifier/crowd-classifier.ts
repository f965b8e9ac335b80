import { css, html } from "lit";
import type { TemplateResult } from "lit";

import { SingleChoiceWidget } from "../base/single-choice.js";

/**
 * Choose one category for a text, sound, video or any other content. The answer is `{label: "..."}`.
 *
 * @slot classification-target - Filled by a child of that tag name: the content to judge.
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A category was chosen; `target.value` is its text.
 */
export class CrowdClassifier extends SingleChoiceWidget {
  static override regions = ["classification-target", "short-instructions", "full-instructions"];

  static override styles = [
    ...SingleChoiceWidget.styles,
    css`
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
    `,
  ];

  protected override renderWork(): TemplateResult {
    return html`<div class="target" role="region" aria-labelledby="question" tabindex="0">
      <slot name="classification-target"></slot>
    </div>`;
  }
}
