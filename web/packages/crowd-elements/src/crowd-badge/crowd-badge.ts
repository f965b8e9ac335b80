import { css, html, nothing } from "lit";
import { property } from "lit/decorators.js";

import { CrowdElement } from "../base/crowd-element.js";
import { icon } from "../base/icons.js";

/**
 * A small badge at the upper right corner of the element whose id is in `for` (or of its parent).
 *
 * @slot - Whatever a self-closing tag has swallowed; shown as it is.
 */
export class CrowdBadge extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: contents;
      }
      .badge {
        position: absolute;
        z-index: 3;
        display: grid;
        place-items: center;
        min-width: 22px;
        height: 22px;
        padding: 0 6px;
        border-radius: 11px;
        background: var(--lw-accent);
        color: var(--lw-on-accent);
        font: 600 12px/1 var(--lw-font);
        translate: -50% -50%;
        pointer-events: none;
      }
      .badge svg.icon,
      .badge img {
        width: 14px;
        height: 14px;
      }
    `,
  ];

  @property({ attribute: "for", reflect: true }) for = "";
  @property() label = "";
  @property() icon = "";

  #resize: ResizeObserver | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resize = new ResizeObserver(() => this.#place());
    this.#resize.observe(document.documentElement);
    window.addEventListener("resize", this.#place);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize?.disconnect();
    window.removeEventListener("resize", this.#place);
  }

  get #target(): Element | null {
    return this.for ? (this.getRootNode() as Document | ShadowRoot).getElementById(this.for) : this.parentElement;
  }

  readonly #place = (): void => {
    const badge = this.renderRoot.querySelector<HTMLElement>(".badge");
    const target = this.#target;
    if (!badge || !target) return;
    const rect = target.getBoundingClientRect();
    const frame = badge.offsetParent?.getBoundingClientRect() ?? { left: -window.scrollX, top: -window.scrollY };
    const scroll = badge.offsetParent;
    badge.style.left = `${rect.right - frame.left + (scroll && scroll !== document.body ? scroll.scrollLeft : 0)}px`;
    badge.style.top = `${rect.top - frame.top + (scroll && scroll !== document.body ? scroll.scrollTop : 0)}px`;
  };

  protected override updated(): void {
    const target = this.#target;
    if (target) this.#resize?.observe(target);
    this.#place();
  }

  override render(): unknown {
    const content = !this.icon
      ? this.label
      : /[/.]/.test(this.icon)
        ? html`<img src=${this.icon} alt="" />`
        : icon(this.icon);
    return html`${content ? html`<span class="badge" role="status">${content}</span>` : nothing}<slot></slot>`;
  }
}
