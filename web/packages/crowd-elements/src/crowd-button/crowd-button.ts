import { css, html, nothing } from "lit";
import { property } from "lit/decorators.js";
import { ifDefined } from "lit/directives/if-defined.js";

import { booleanProperty } from "../base/attributes.js";
import { CrowdElement } from "../base/crowd-element.js";
import { icon } from "../base/icons.js";

/**
 * A button. `form-action="submit"` or `"reset"` acts on the crowd-form around it; without it the form is left alone.
 *
 * @slot - The text, with or without an iron-icon.
 */
export class CrowdButton extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: inline-block;
        vertical-align: middle;
      }
      .base {
        appearance: none;
        display: inline-flex;
        align-items: center;
        justify-content: center;
        gap: 8px;
        width: 100%;
        min-height: 36px;
        padding: 0 16px;
        border: 1px solid var(--lw-line-strong);
        border-radius: var(--lw-radius-small);
        background: var(--lw-bg-raised);
        color: var(--lw-text);
        font: 600 14px/1.2 var(--lw-font);
        text-decoration: none;
        cursor: pointer;
        transition:
          background-color 0.12s,
          box-shadow 0.12s;
      }
      .base:hover {
        background: var(--lw-bg-hover);
      }
      .base:focus-visible {
        outline: none;
        box-shadow: var(--lw-focus);
      }
      :host([variant="primary"]) .base {
        border-color: transparent;
        background: var(--lw-accent);
        color: var(--lw-on-accent);
      }
      :host([variant="primary"]) .base:hover {
        background: var(--lw-accent-hover);
      }
      :host([variant="link"]) .base {
        border-color: transparent;
        background: none;
        color: var(--lw-accent);
      }
      :host([variant="link"]) .base:hover {
        text-decoration: underline;
      }
      :host([variant="icon"]) .base {
        width: 36px;
        padding: 0;
        border-color: transparent;
        background: none;
      }
      :host([variant="icon"]) .base:hover {
        background: var(--lw-bg-hover);
      }
      :host([disabled]) .base,
      :host([loading]) .base {
        opacity: 0.55;
        cursor: default;
        pointer-events: none;
      }
      :host([icon-align="right"]) .base {
        flex-direction: row-reverse;
      }
      .spinner {
        width: 16px;
        height: 16px;
        border: 2px solid currentColor;
        border-inline-end-color: transparent;
        border-radius: 50%;
        animation: turn 0.8s linear infinite;
      }
      ::slotted(iron-icon) {
        width: 18px;
        height: 18px;
      }
      img {
        width: 18px;
        height: 18px;
      }
      @keyframes turn {
        to {
          rotate: 1turn;
        }
      }
    `,
  ];

  static override shadowRootOptions = { ...CrowdElement.shadowRootOptions, delegatesFocus: true };

  @property({ attribute: "form-action", reflect: true }) formAction = "";
  @property({ reflect: true }) variant = "normal";
  @property() icon = "";
  @property({ attribute: "icon-align", reflect: true }) iconAlign = "left";
  @property({ attribute: "icon-url" }) iconUrl = "";
  @property() href = "";
  @property() target = "";
  @property(booleanProperty) loading = false;
  @property(booleanProperty) disabled = false;

  constructor() {
    super();
    // First of all listeners: a button that is off must not reach those which scripts have added.
    this.addEventListener(
      "click",
      (event) => {
        if (!this.disabled && !this.loading) return;
        event.preventDefault();
        event.stopImmediatePropagation();
      },
      { capture: true },
    );
  }

  override render(): unknown {
    const content = html`${
      this.loading
        ? html`<span class="spinner" role="progressbar"></span>`
        : this.iconUrl
          ? html`<img src=${this.iconUrl} alt="" />`
          : this.icon
            ? icon(this.icon)
            : nothing
    }${this.variant === "icon" ? html`<span class="visually-hidden"><slot></slot></span>` : html`<slot></slot>`}`;
    if (this.href && !this.disabled) {
      return html`<a class="base" part="base" href=${this.href} target=${ifDefined(this.target || undefined)}
        rel="noopener">${content}</a>`;
    }
    return html`<button class="base" part="base" type="button" ?disabled=${this.disabled || this.loading}
      aria-busy=${this.loading ? "true" : "false"}>${content}</button>`;
  }
}
