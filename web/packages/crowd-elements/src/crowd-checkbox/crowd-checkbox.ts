import { html } from "lit";

import { CheckControl } from "../base/check.js";
import { icon } from "../base/icons.js";
import { msg } from "../base/messages.js";

/**
 * A box to tick. Its answer is `{value: true | false}`; boxes of one name are merged.
 *
 * @slot - The label.
 * @event change - The worker has ticked or cleared the box.
 */
export class CrowdCheckbox extends CheckControl {
  protected override readonly controlRole = "checkbox";

  protected override requiredMessage(): string {
    return msg().requiredCheck;
  }

  override render(): unknown {
    return html`<span class="mark" part="mark">${icon("check")}</span><span part="label"><slot></slot></span>`;
  }
}
