/** Widgets whose answer is one category: the category pane, its keys, and the rules of the answer. */

import { toStringList } from "@labelwright/annotation-core";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";

import { choiceStyles } from "./choice.styles.js";
import type { Problem } from "./control.js";
import { type KeyGroup, digitKey, labelKeys } from "./keys.js";
import { msg } from "./messages.js";
import { WidgetElement } from "./widget.js";

/** Longer lists get a filter box. */
export const FILTER_FROM = 11;

export interface ClassifierAnswer {
  label: string;
  workerComment?: string;
}

export abstract class SingleChoiceWidget extends WidgetElement {
  static override structured = { categories: { read: toStringList, reflect: true } };
  static override requiredAttributes: readonly string[] = ["name", "categories"];

  static override styles = [...WidgetElement.styles, choiceStyles];

  @property({ attribute: "initial-value" }) initialValue: string | null = null;

  @state() private filter = "";

  /** Position of the chosen category; kept apart from its text because texts may repeat. */
  #chosen: number | null = null;
  #isTouched = false;

  get categories(): string[] {
    return [...(this.getStructured("categories") as string[])];
  }
  set categories(value: unknown) {
    this.setStructured("categories", value);
  }

  protected override structuredChanged(name: string): void {
    if (name !== "categories" || this.#chosen === null) return;
    const text = this.#chosenText;
    const at = this.categories.indexOf(text);
    this.#chosen = at < 0 ? null : at;
    this.#chosenText = at < 0 ? "" : text;
  }

  #chosenText = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#applyInitial();
  }

  protected override willUpdate(): void {
    this.#applyInitial();
  }

  #applyInitial(): void {
    if (this.#isTouched || this.#chosen !== null || this.initialValue === null) return;
    this.#take(this.categories.indexOf(this.initialValue));
  }

  #take(index: number): void {
    const { categories } = this;
    this.#chosen = index >= 0 && index < categories.length ? index : null;
    this.#chosenText = this.#chosen === null ? "" : categories[this.#chosen]!;
    this.requestUpdate();
  }

  /** The chosen category's text, or null. Setting it chooses the first category of that text. */
  get value(): string | null {
    return this.#chosen === null ? null : this.#chosenText;
  }
  set value(value: string | null) {
    this.#isTouched = true;
    this.#take(value === null ? -1 : this.categories.indexOf(value));
  }

  protected choose(index: number): void {
    if (this.disabled || index >= this.categories.length) return;
    this.#isTouched = true;
    if (index === this.#chosen) return;
    this.#take(index);
    this.changed();
  }

  get _submittableValue(): ClassifierAnswer | Record<string, never> {
    return this.value === null ? {} : { label: this.value };
  }

  protected override widgetProblem(): Problem | null {
    return this.value === null ? { message: msg().chooseCategory } : null;
  }

  override resetControl(): void {
    this.#isTouched = false;
    this.#take(this.initialValue === null ? -1 : this.categories.indexOf(this.initialValue));
    this.showProblem(null);
  }

  override getDraft(): unknown {
    return this.#isTouched ? { value: this.value } : undefined;
  }

  override restoreDraft(draft: unknown): void {
    const value = (draft as { value?: unknown } | null)?.value;
    if (typeof value === "string" || value === null) this.value = value;
  }

  protected override keyGroups(): KeyGroup[] {
    return [
      {
        title: msg().categories,
        keys: [
          ...labelKeys(this.categories, digitKey, (i) => this.choose(i)),
          { keys: ["."], text: msg().keyRepeatCategory, run: () => void this.#repeat() },
        ],
      },
    ];
  }

  /** Chooses what this worker chose last in this job. It is only chosen: sending stays the worker's. */
  async #repeat(): Promise<void> {
    const label = ((await this.previousValue()) as { label?: unknown } | null)?.label;
    const at = typeof label === "string" ? this.categories.indexOf(label) : -1;
    if (at >= 0) this.choose(at);
    else this.showNote(msg().noPrevious);
  }

  #onArrow(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = [...this.renderRoot.querySelectorAll<HTMLButtonElement>(".choice")];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next?.focus();
    next?.click();
  }

  override focusControl(): void {
    const { renderRoot } = this;
    (
      renderRoot.querySelector<HTMLElement>(".choice[aria-checked=true]") ??
      renderRoot.querySelector<HTMLElement>(".choice")
    )?.focus({ preventScroll: true });
  }

  /** Below the list of categories. */
  protected renderBelowChoices(): unknown {
    return nothing;
  }

  protected override renderSide(): TemplateResult {
    const { categories } = this;
    const wanted = this.filter.trim().toLowerCase();
    const shown = categories.map((text, i) => ({ text, i })).filter(({ text }) => text.toLowerCase().includes(wanted));
    const stop = shown.some(({ i }) => i === this.#chosen) ? this.#chosen : shown[0]?.i;
    return html`<aside class="side annotation-area" role=${this.isMainContent ? nothing : "group"} aria-labelledby="categories">
      <div class="category-picker-wrapper">
        <div class="side-head"><h2 id="categories">${msg().categories}</h2></div>
        ${this.renderProblem()}
        ${
          categories.length >= FILTER_FROM
            ? html`<div class="filter"><input class="field" type="search" data-no-enter placeholder=${msg().filterChoices}
              aria-label=${msg().filterChoices} .value=${live(this.filter)} @input=${this.#onFilter} @keydown=${this.#onFilterKey} /></div>`
            : nothing
        }
        <div class="choices" role="radiogroup" aria-labelledby="categories" @keydown=${this.#onArrow}>
          ${shown.map(
            ({ text, i }) => html`<button class="choice" type="button" role="radio"
            aria-checked=${i === this.#chosen ? "true" : "false"} tabindex=${i === stop ? 0 : -1}
            ?disabled=${this.disabled} @click=${() => this.choose(i)}>
            <span class="dot"></span><span class="text">${text}</span>${i < 10 ? html`<kbd>${(i + 1) % 10}</kbd>` : nothing}
          </button>`,
          )}
          ${shown.length ? nothing : html`<span class="none-found">${msg().nothingFound}</span>`}
        </div>
        ${this.renderBelowChoices()}
      </div>
    </aside>`;
  }

  readonly #onFilter = (event: Event): void => {
    // The filter is no answer: nobody outside needs to hear of it.
    event.stopPropagation();
    this.filter = (event.target as HTMLInputElement).value;
  };

  readonly #onFilterKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && this.filter !== "") {
      event.preventDefault();
      this.filter = "";
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      this.renderRoot.querySelector<HTMLElement>(".choice")?.click();
    }
  };
}
