import { css, html } from "lit";
import type { PropertyValues } from "lit";

import { CheckControl } from "../base/check.js";

/**
 * One choice of a crowd-radio-group. Outside a group it stands alone and can be cleared by a second click.
 *
 * @slot - The label.
 * @event change - The worker has chosen or cleared it.
 */
export class CrowdRadioButton extends CheckControl {
  static override styles = [
    ...CheckControl.styles,
    css`
      .mark {
        border-radius: 50%;
      }
      :host([checked]) .mark {
        background: var(--lw-bg);
      }
      :host([checked]) .mark::after {
        content: "";
        width: 10px;
        height: 10px;
        border-radius: 50%;
        background: var(--lw-accent);
      }
    `,
  ];

  protected override readonly controlRole = "radio";

  protected override requiredMessage(): string {
    return "";
  }

  /** The documentation gives radio buttons no `required`; native ones are there for that. */
  override problem(): null {
    return null;
  }

  protected override press(): void {
    const group = this.closest("crowd-radio-group");
    this.setByWorker(group ? true : !this.checked);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (!this.checked) return;
    // Of several that the author has set, the last one wins: each takes the choice from those before it.
    for (const other of this.closest("crowd-radio-group")?.querySelectorAll("crowd-radio-button") ?? []) {
      if (other instanceof CrowdRadioButton && other !== this) other.checked = false;
    }
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    if (changed.has("checked")) {
      this.dispatchEvent(new CustomEvent("labelwright-radio", { bubbles: true, detail: { checked: this.checked } }));
    }
  }

  override render(): unknown {
    return html`<span class="mark" part="mark"></span><span part="label"><slot></slot></span>`;
  }
}
