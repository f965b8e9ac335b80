import { css, html, nothing } from "lit";
import { property } from "lit/decorators.js";

import { booleanProperty } from "../base/attributes.js";
import { CrowdElement } from "../base/crowd-element.js";
import { icon } from "../base/icons.js";
import { msg } from "../base/messages.js";

const ICONS: Readonly<Record<string, string>> = {
  info: "info",
  success: "check-circle",
  warning: "warning",
  error: "error",
};

/**
 * A message box: `type` is info, success, warning or error.
 *
 * @slot - The message.
 */
export class CrowdAlert extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: block;
        margin: 8px 0;
      }
      .box {
        display: flex;
        align-items: flex-start;
        gap: 10px;
        padding: 10px 14px;
        border-radius: var(--lw-radius);
        background: var(--lw-info-soft);
        color: var(--lw-text);
        font: 400 14.5px/1.5 var(--lw-font);
      }
      .box > svg.icon {
        width: 20px;
        height: 20px;
        margin-top: 1px;
        color: var(--lw-accent);
      }
      .content {
        flex: 1;
        min-width: 0;
        overflow-wrap: anywhere;
      }
      .success {
        background: var(--lw-success-soft);
      }
      .success > svg.icon {
        color: var(--lw-success);
      }
      .warning {
        background: var(--lw-warning-soft);
      }
      .warning > svg.icon {
        color: var(--lw-warning);
      }
      .error {
        background: var(--lw-danger-soft);
      }
      .error > svg.icon {
        color: var(--lw-danger);
      }
      .btn {
        margin: -5px -8px -5px 0;
      }
    `,
  ];

  @property({ reflect: true }) type = "info";
  @property(booleanProperty) dismissible = false;

  override render(): unknown {
    const type = this.type in ICONS ? this.type : "info";
    return html`<div class="box ${type}" role=${type === "error" || type === "warning" ? "alert" : "status"}>
      ${icon(ICONS[type]!)}
      <div class="content"><slot></slot></div>
      ${
        this.dismissible
          ? html`<button class="btn icon" type="button" aria-label=${msg().dismiss} @click=${() => {
              this.hidden = true;
            }}>${icon("close")}</button>`
          : nothing
      }
    </div>`;
  }
}
