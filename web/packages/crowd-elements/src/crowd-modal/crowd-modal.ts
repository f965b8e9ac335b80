import { css, html } from "lit";
import { property } from "lit/decorators.js";

import { CrowdElement } from "../base/crowd-element.js";
import { msg } from "../base/messages.js";
import { modal, openModal } from "../base/modal.js";
import { modalStyles } from "../crowd-form/crowd-form.styles.js";

/**
 * A link or button that opens a small window with the content. May stand outside a form.
 *
 * @slot - The content of the window.
 */
export class CrowdModal extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    modalStyles,
    css`
      :host {
        display: inline-block;
        font: 400 15px/1.5 var(--lw-font);
      }
    `,
  ];

  @property({ attribute: "link-text" }) linkText = "";
  @property({ attribute: "link-type" }) linkType = "link";

  get opened(): boolean {
    return this.renderRoot.querySelector("dialog")?.open ?? false;
  }

  open(): void {
    this.renderNow();
    openModal(this.renderRoot as ShadowRoot, "dialog");
  }

  close(): void {
    this.renderRoot.querySelector("dialog")?.close();
  }

  /** An invalid control inside must be seen. */
  reveal(): void {
    this.open();
  }

  override render(): unknown {
    const text = this.linkText || msg().clickToOpenModal;
    return html`<button type="button" class=${this.linkType === "button" ? "btn bordered" : "linkish"}
        @click=${() => this.open()}>${text}</button>
      ${modal({ id: "dialog", title: this.linkText }, html`<slot></slot>`)}`;
  }
}
