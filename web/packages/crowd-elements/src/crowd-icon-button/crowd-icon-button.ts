import { css, html } from "lit";
import { property } from "lit/decorators.js";

import { booleanProperty } from "../base/attributes.js";
import { CrowdElement } from "../base/crowd-element.js";
import { icon } from "../base/icons.js";

/**
 * A small button with an icon (a name of the icon set, or the address of a picture).
 *
 * @slot - Whatever a self-closing tag has swallowed; shown as it is.
 */
export class CrowdIconButton extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: inline-block;
        vertical-align: middle;
      }
      .round {
        appearance: none;
        display: inline-grid;
        place-items: center;
        width: 40px;
        height: 40px;
        border: 0;
        border-radius: 50%;
        background: transparent;
        color: var(--lw-text);
        font: 600 17px/1 var(--lw-font);
        cursor: pointer;
        vertical-align: middle;
        transition: background-color 0.12s;
      }
      .round:hover {
        background: var(--lw-bg-hover);
      }
      .round:active {
        background: var(--lw-bg-pressed);
      }
      .round:focus-visible {
        outline: 2px solid var(--lw-accent);
        outline-offset: 2px;
      }
      .round:disabled {
        opacity: 0.45;
        cursor: default;
        pointer-events: none;
      }
      .round svg.icon,
      .round img {
        width: 22px;
        height: 22px;
      }
    `,
  ];

  static override shadowRootOptions = { ...CrowdElement.shadowRootOptions, delegatesFocus: true };

  @property() icon = "";
  @property(booleanProperty) disabled = false;

  constructor() {
    super();
    this.addEventListener(
      "click",
      (event) => {
        if (!this.disabled) return;
        event.preventDefault();
        event.stopImmediatePropagation();
      },
      { capture: true },
    );
  }

  protected renderFace(): unknown {
    return /[/.]/.test(this.icon) ? html`<img src=${this.icon} alt="" />` : icon(this.icon);
  }

  protected faceName(): string {
    return this.title || this.icon;
  }

  override render(): unknown {
    return html`<button class="round" part="button" type="button" ?disabled=${this.disabled} aria-label=${this.faceName()}>
      ${this.renderFace()}</button><slot></slot>`;
  }
}
