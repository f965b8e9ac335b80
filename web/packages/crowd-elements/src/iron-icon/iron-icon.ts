import { LitElement, css, html, nothing } from "lit";
import { property } from "lit/decorators.js";

import { iconPath } from "../base/icons.js";

/** An icon by name (`search`, `star`, ...; `set:name` means `name`), or a picture by `src`. Unknown names show a ring. */
export class IronIcon extends LitElement {
  static override styles = css`
    :host {
      display: inline-flex;
      width: 24px;
      height: 24px;
      vertical-align: middle;
      align-items: center;
      justify-content: center;
    }
    :host([hidden]) {
      display: none;
    }
    svg,
    img {
      width: 100%;
      height: 100%;
      object-fit: contain;
    }
    svg {
      fill: none;
      stroke: currentColor;
      stroke-width: 1.8;
      stroke-linecap: round;
      stroke-linejoin: round;
    }
  `;

  @property() icon = "";
  @property() src = "";

  override render(): unknown {
    const picture = this.src || (/[/.]/.test(this.icon) ? this.icon : "");
    // The slot: a self-closing tag in HTML swallows what follows, which must stay visible.
    return html`${
      picture
        ? html`<img src=${picture} alt="" />`
        : this.icon
          ? html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d=${iconPath(this.icon)}></path></svg>`
          : nothing
    }<slot></slot>`;
  }
}
