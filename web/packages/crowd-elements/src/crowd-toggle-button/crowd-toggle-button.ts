import { css, html } from "lit";

import { CheckControl } from "../base/check.js";
import { msg } from "../base/messages.js";

/**
 * An on/off switch. Its answer is like a checkbox's.
 *
 * @slot - The label.
 * @event change - The worker has switched it.
 */
export class CrowdToggleButton extends CheckControl {
  static override styles = [
    ...CheckControl.styles,
    css`
      .mark {
        display: block;
        place-items: normal;
        width: 38px;
        height: 22px;
        border-radius: 11px;
        padding: 1px;
        background: var(--lw-bg-pressed);
      }
      .mark::after {
        content: "";
        display: block;
        width: 16px;
        height: 16px;
        border-radius: 50%;
        background: var(--lw-line-strong);
        transition: translate 0.12s;
      }
      :host([checked]) .mark::after {
        translate: 16px 0;
        background: var(--lw-on-accent);
      }
      :host([invalid]:not([checked])) .mark {
        background: var(--lw-danger-soft);
      }
    `,
  ];

  protected override readonly controlRole = "switch";
  protected override readonly pressedByEnter = true;

  protected override requiredMessage(): string {
    return msg().requiredToggle;
  }

  override render(): unknown {
    return html`<span class="mark" part="mark"></span><span part="label"><slot></slot></span>`;
  }
}
