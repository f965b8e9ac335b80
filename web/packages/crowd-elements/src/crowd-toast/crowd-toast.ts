import { css, html } from "lit";
import type { PropertyValues } from "lit";
import { property } from "lit/decorators.js";

import { booleanProperty, numberAttribute } from "../base/attributes.js";
import { CrowdElement } from "../base/crowd-element.js";

const DEFAULT_MS = 3000;

let shown: CrowdToast | null = null;

/**
 * A message at the lower edge that goes away by itself. Only one is seen at a time; the newest wins.
 *
 * @slot - More content beside `text`.
 */
export class CrowdToast extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: none;
      }
      :host([opened]) {
        display: block;
        position: fixed;
        inset-block-end: 72px;
        inset-inline-start: 24px;
        z-index: 40;
        max-width: min(480px, calc(100vw - 48px));
        padding: 12px 18px;
        border-radius: var(--lw-radius);
        background: light-dark(#1c212b, #e8eaee);
        color: light-dark(#ffffff, #1c212b);
        box-shadow: var(--lw-shadow);
        font: 500 14.5px/1.4 var(--lw-font);
      }
    `,
  ];

  @property() text = "";
  @property({ converter: numberAttribute }) duration: number | null = null;
  @property(booleanProperty) opened = false;

  #timer: ReturnType<typeof setTimeout> | undefined;

  show(): void {
    this.opened = true;
  }

  hide(): void {
    this.opened = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    if (shown === this) shown = null;
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("opened")) return;
    clearTimeout(this.#timer);
    if (!this.opened) {
      if (shown === this) shown = null;
      return;
    }
    if (shown && shown !== this) shown.hide();
    shown = this;
    const duration = this.duration ?? DEFAULT_MS;
    if (duration > 0) this.#timer = setTimeout(() => this.hide(), duration);
  }

  override render(): unknown {
    return html`<div role="status" aria-live="polite">${this.text}<slot></slot></div>`;
  }
}
