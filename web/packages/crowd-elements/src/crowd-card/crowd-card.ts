import { css, html, nothing } from "lit";
import { property } from "lit/decorators.js";

import { CrowdElement } from "../base/crowd-element.js";

/**
 * A raised box with an optional picture and heading.
 *
 * @slot - The content.
 */
export class CrowdCard extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: inline-block;
        border-radius: var(--lw-radius);
        background: var(--lw-bg-raised);
        color: var(--lw-text);
        box-shadow:
          0 0 0 1px var(--lw-line),
          var(--lw-shadow-small);
        vertical-align: top;
      }
      img {
        display: block;
        width: 100%;
        border-radius: var(--lw-radius) var(--lw-radius) 0 0;
      }
      .heading {
        padding: 14px 16px 0;
        font: 650 17px/1.3 var(--lw-font);
      }
    `,
  ];

  @property() heading = "";
  @property() image = "";

  override render(): unknown {
    return html`${this.image ? html`<img src=${this.image} alt=${this.heading} />` : nothing}
      ${this.heading ? html`<div class="heading" role="heading" aria-level="2">${this.heading}</div>` : nothing}<slot></slot>`;
  }
}
