import { css, html, nothing } from "lit";
import { property, state } from "lit/decorators.js";

import { CrowdElement, hasContent } from "../base/crowd-element.js";
import { icon } from "../base/icons.js";
import { msg } from "../base/messages.js";
import { modal, openModal } from "../base/modal.js";
import { modalStyles } from "../crowd-form/crowd-form.styles.js";

const REGIONS = ["short-summary", "detailed-instructions", "positive-example", "negative-example"] as const;

/**
 * A link or button that opens instructions in up to three tabs: Summary, Detailed Instructions, Examples.
 *
 * @slot short-summary - Filled by children of that tag name.
 * @slot detailed-instructions - Filled by children of that tag name.
 * @slot positive-example - Filled by children of that tag name.
 * @slot negative-example - Filled by children of that tag name.
 */
export class CrowdInstructions extends CrowdElement {
  static override regions = REGIONS;

  static override styles = [
    ...(CrowdElement.styles as []),
    modalStyles,
    css`
      :host {
        display: inline-block;
        font: 400 15px/1.5 var(--lw-font);
        color: var(--lw-text);
      }
      .tabs {
        display: flex;
        gap: 4px;
        margin: -6px 0 14px;
        border-bottom: 1px solid var(--lw-line);
      }
      .tab {
        appearance: none;
        padding: 8px 12px;
        border: 0;
        border-bottom: 2px solid transparent;
        background: none;
        color: var(--lw-text-soft);
        font: 600 14px/1.3 var(--lw-font);
        cursor: pointer;
      }
      .tab[aria-selected="true"] {
        border-color: var(--lw-accent);
        color: var(--lw-text);
      }
      .tab:focus-visible {
        outline: 2px solid var(--lw-accent);
        outline-offset: -2px;
      }
      .panel[hidden] {
        display: none;
      }
      .example {
        margin-bottom: 14px;
        padding: 10px 14px;
        border-inline-start: 4px solid;
        border-radius: var(--lw-radius-small);
      }
      .example h3 {
        display: flex;
        align-items: center;
        gap: 6px;
        margin: 0 0 4px;
        font: 650 13px/1.4 var(--lw-font);
      }
      .good {
        border-color: var(--lw-success);
        background: var(--lw-success-soft);
      }
      .good h3 {
        color: var(--lw-success);
      }
      .bad {
        border-color: var(--lw-danger);
        background: var(--lw-danger-soft);
      }
      .bad h3 {
        color: var(--lw-danger);
      }
    `,
  ];

  @property({ attribute: "link-text" }) linkText = "";
  @property({ attribute: "link-type" }) linkType = "link";

  @state() private tab = 0;

  open(): void {
    openModal(this.renderRoot as ShadowRoot, "dialog");
  }

  #has(region: (typeof REGIONS)[number]): boolean {
    return hasContent(this.regionOf(region));
  }

  override render(): unknown {
    const m = msg();
    const text = this.linkText || m.clickForInstructions;
    const good = this.#has("positive-example");
    const bad = this.#has("negative-example");
    const example = (kind: "good" | "bad", region: string, title: string): unknown =>
      html`<div class="example ${kind}"><h3>${icon(kind === "good" ? "check-circle" : "cancel")}${title}</h3>
        <slot name=${region}></slot></div>`;
    const tabs = [
      { title: m.summary, isThere: this.#has("short-summary"), body: html`<slot name="short-summary"></slot>` },
      {
        title: m.detailedInstructions,
        isThere: this.#has("detailed-instructions"),
        body: html`<slot name="detailed-instructions"></slot>`,
      },
      {
        title: m.examples,
        isThere: good || bad,
        body: html`${good ? example("good", "positive-example", m.goodExample) : nothing}
          ${bad ? example("bad", "negative-example", m.badExample) : nothing}`,
      },
    ];
    const shown = tabs.flatMap(({ isThere }, i) => (isThere ? [i] : []));
    const current = shown.includes(this.tab) ? this.tab : (shown[0] ?? 0);
    return html`<button type="button" class=${this.linkType === "button" ? "btn bordered" : "linkish"} @click=${() => this.open()}>${text}</button>
      ${modal(
        { id: "dialog", title: m.instructions },
        html`<div class="tabs" role="tablist" @keydown=${(event: KeyboardEvent) => this.#onKey(event, shown, current)}>
            ${shown.map(
              (i) => html`<button class="tab" role="tab" type="button" id="tab-${i}" aria-controls="panel-${i}"
              aria-selected=${i === current ? "true" : "false"} tabindex=${i === current ? 0 : -1}
              @click=${() => {
                this.tab = i;
              }}>${tabs[i]!.title}</button>`,
            )}
          </div>
          ${tabs.map(
            ({ body }, i) => html`<div class="panel" role="tabpanel" id="panel-${i}" aria-labelledby="tab-${i}"
            ?hidden=${i !== current}>${body}</div>`,
          )}`,
      )}<slot></slot>`;
  }

  #onKey(event: KeyboardEvent, shown: readonly number[], current: number): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.tab = shown[(shown.indexOf(current) + step + shown.length) % shown.length]!;
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>(".tab[aria-selected=true]")?.focus(),
    );
  }
}
