import { css, html } from "lit";
import { property } from "lit/decorators.js";

import { booleanProperty } from "../base/attributes.js";
import { CrowdElement } from "../base/crowd-element.js";

/**
 * One tab of crowd-tabs. Controls in a tab that is not shown keep their state and are part of the answer.
 *
 * @slot - The content.
 */
export class CrowdTab extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: block;
        padding: 14px 2px;
      }
      :host([data-inactive]) {
        display: none;
      }
    `,
  ];

  @property({ reflect: true }) header = "";
  @property(booleanProperty) disabled = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.role = "tabpanel";
  }

  protected override updated(): void {
    this.ariaLabel = this.header;
    this.dispatchEvent(new CustomEvent("labelwright-tab", { bubbles: true }));
  }

  override render(): unknown {
    return html`<slot></slot>`;
  }
}
