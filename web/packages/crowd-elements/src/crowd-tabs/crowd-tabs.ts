import { css, html } from "lit";
import { state } from "lit/decorators.js";

import { CrowdElement } from "../base/crowd-element.js";
import { CrowdTab } from "../crowd-tab/crowd-tab.js";

/**
 * Shows one of its crowd-tab children at a time; the first at the start. Arrow keys switch.
 *
 * @slot - The tabs.
 */
export class CrowdTabs extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: block;
        color: var(--lw-text);
      }
      .tabs {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
        border-bottom: 1px solid var(--lw-line);
      }
      .tab {
        appearance: none;
        margin-bottom: -1px;
        padding: 9px 14px;
        border: 0;
        border-bottom: 2px solid transparent;
        background: none;
        color: var(--lw-text-soft);
        font: 600 14.5px/1.3 var(--lw-font);
        cursor: pointer;
      }
      .tab:hover {
        color: var(--lw-text);
      }
      .tab[aria-selected="true"] {
        border-color: var(--lw-accent);
        color: var(--lw-text);
      }
      .tab:focus-visible {
        outline: 2px solid var(--lw-accent);
        outline-offset: -2px;
      }
    `,
  ];

  @state() private active: CrowdTab | null = null;

  #observer: MutationObserver | null = null;

  constructor() {
    super();
    this.addEventListener("labelwright-tab", (event) => {
      event.stopPropagation();
      this.#refresh();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#observer = new MutationObserver(() => this.#refresh());
    this.#observer.observe(this, { childList: true });
    this.#refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer?.disconnect();
  }

  get tabs(): CrowdTab[] {
    return [...this.children].filter((child): child is CrowdTab => child instanceof CrowdTab);
  }

  /** Position of the tab shown. */
  get selected(): number {
    return this.active ? this.tabs.indexOf(this.active) : -1;
  }
  set selected(index: number) {
    const tab = this.tabs[index];
    if (tab) this.#show(tab);
  }

  /** Shows the tab that holds the content. */
  reveal(content: Element): void {
    const tab = this.tabs.find((candidate) => candidate.contains(content));
    if (tab) this.#show(tab);
  }

  #show(tab: CrowdTab): void {
    this.active = tab;
    this.#refresh();
  }

  #refresh(): void {
    const { tabs } = this;
    if (!this.active || !tabs.includes(this.active)) this.active = tabs[0] ?? null;
    for (const tab of tabs) tab.toggleAttribute("data-inactive", tab !== this.active);
    this.requestUpdate();
  }

  #onKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const { tabs } = this;
    this.#show(tabs[(this.selected + step + tabs.length) % tabs.length]!);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  }

  override render(): unknown {
    return html`<div class="tabs" role="tablist" @keydown=${this.#onKey}>
        ${this.tabs.map(
          (tab) => html`<button class="tab" type="button" role="tab" tabindex=${tab === this.active ? 0 : -1}
          aria-selected=${tab === this.active ? "true" : "false"} @click=${() => this.#show(tab)}>${tab.header}</button>`,
        )}
      </div>
      <slot></slot>`;
  }
}
