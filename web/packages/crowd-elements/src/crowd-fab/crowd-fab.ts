import { css } from "lit";
import { property } from "lit/decorators.js";

import { CrowdIconButton } from "../crowd-icon-button/crowd-icon-button.js";

/**
 * A round floating button with an icon, or with one character of text.
 *
 * @slot - Whatever a self-closing tag has swallowed; shown as it is.
 */
export class CrowdFab extends CrowdIconButton {
  static override styles = [
    ...CrowdIconButton.styles,
    css`
      .round {
        width: 56px;
        height: 56px;
        background: var(--lw-accent);
        color: var(--lw-on-accent);
        box-shadow: var(--lw-shadow);
      }
      .round:hover,
      .round:active {
        background: var(--lw-accent-hover);
      }
    `,
  ];

  @property() label = "";

  protected override renderFace(): unknown {
    if (this.icon) return super.renderFace();
    const characters = [...this.label];
    return characters.length > 2 ? `${characters[0]}…` : this.label;
  }

  protected override faceName(): string {
    return this.title || this.label || this.icon;
  }
}
