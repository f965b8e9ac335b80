/** Widgets whose answer is any number of categories: the pane, its keys, the exclusion entry, the rules of the answer. */

import { LiteralError, describe, isGiven, toStringList } from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";

import { booleanProperty } from "./attributes.js";
import { choiceStyles } from "./choice.styles.js";
import type { Problem } from "./control.js";
import { icon } from "./icons.js";
import { type KeyGroup, digitKey, labelKeys } from "./keys.js";
import { msg } from "./messages.js";
import { FILTER_FROM } from "./single-choice.js";
import { WidgetElement } from "./widget.js";

export interface Choice {
  readonly text: string;
  /** Choices of one group stand under its heading. */
  readonly group?: string;
}

/** Reads `{text: "None of the above"}`; bare text will do. Null when not given. Throws LiteralError. */
export function readExclusion(value: unknown): { text: string } | null {
  if (!isGiven(value)) return null;
  const text = typeof value === "object" ? (value as { text?: unknown }).text : value;
  if (typeof text === "string" && text.trim() !== "") return { text };
  throw new LiteralError(`expected an object such as {text: "None of the above"}, got ${describe(value)}`);
}

export abstract class MultiChoiceWidget extends WidgetElement {
  static override structured: typeof WidgetElement.structured = {
    categories: { read: toStringList, reflect: true },
    "exclusion-category": { read: readExclusion, reflect: false },
    "initial-value": { read: toStringList, reflect: false },
  };
  static override requiredAttributes: readonly string[] = ["name", "categories"];

  static override styles = [
    ...WidgetElement.styles,
    choiceStyles,
    css`
      .choice .dot {
        display: grid;
        place-items: center;
        border-radius: 4px;
        color: transparent;
      }
      .choice[aria-checked="true"] .dot {
        border: 2px solid var(--lw-accent);
        background: var(--lw-accent);
        color: var(--lw-on-accent);
      }
      .choice .dot svg.icon {
        width: 14px;
        height: 14px;
        stroke-width: 3.2;
      }
      .group-name {
        margin: 8px 2px 0;
        color: var(--lw-text-soft);
        font: 600 12.5px/1.4 var(--lw-font);
      }
      .group-name:first-child {
        margin-top: 0;
      }
      .exclusion {
        flex: none;
        margin-top: 2px;
        padding: 12px 12px 14px;
        border-top: 1px solid var(--lw-line);
      }
      .count {
        color: var(--lw-text-soft);
        font: 400 12.5px/1.4 var(--lw-font);
      }
      .count .linkish {
        margin-inline-start: 6px;
      }
    `,
  ];

  /** With the exclusion chosen, its text is the one label of the answer; else the list is empty. */
  @property({ ...booleanProperty, attribute: "exclusion-as-label" }) exclusionAsLabel = false;

  @state() private filter = "";

  /** Texts chosen. They outlive a change of the categories, as labels of shapes do. */
  @state() private chosen: ReadonlySet<string> = new Set();
  @state() private isExcluded = false;
  #isTouched = false;

  get categories(): unknown[] {
    return structuredClone(this.getStructured("categories") as unknown[]);
  }
  set categories(value: unknown) {
    this.setStructured("categories", value);
  }

  get exclusionCategory(): { text: string } | null {
    return this.getStructured("exclusion-category") as { text: string } | null;
  }
  set exclusionCategory(value: unknown) {
    this.setStructured("exclusion-category", value);
  }

  get initialValue(): string[] {
    return [...(this.getStructured("initial-value") as string[])];
  }
  set initialValue(value: unknown) {
    this.setStructured("initial-value", value);
  }

  /** The categories as the pane shows them. */
  protected choices(): readonly Choice[] {
    return (this.getStructured("categories") as readonly string[]).map((text) => ({ text }));
  }

  protected override structuredChanged(name: string): void {
    if (name === "initial-value" && !this.#isTouched) this.chosen = new Set(this.initialValue);
  }

  /** The texts chosen, each once, in the order of the categories. Setting it also takes back the exclusion. */
  get value(): string[] {
    const seen = new Set<string>();
    for (const text of this.#authored()) if (this.chosen.has(text)) seen.add(text);
    return [...seen];
  }
  set value(value: readonly string[] | null) {
    this.#isTouched = true;
    this.isExcluded = false;
    this.chosen = new Set(value ?? []);
  }

  #authored(): string[] {
    return (this.getStructured("categories") as readonly unknown[]).map((entry) => this.textOf(entry));
  }

  protected textOf(category: unknown): string {
    return String(category);
  }

  /** Whether the worker has said that no category fits. */
  get excluded(): boolean {
    return this.isExcluded && this.exclusionCategory !== null;
  }
  set excluded(on: boolean) {
    this.#isTouched = true;
    this.isExcluded = on;
    if (on) this.chosen = new Set();
  }

  get _submittableValue(): object {
    const { exclusionCategory } = this;
    return {
      labels: this.excluded && this.exclusionAsLabel && exclusionCategory ? [exclusionCategory.text] : this.value,
    };
  }

  protected override widgetProblem(): Problem | null {
    const { exclusionCategory } = this;
    if (this.excluded || this.value.length) return null;
    return {
      message: exclusionCategory ? msg().chooseCategoriesOr(exclusionCategory.text) : msg().chooseCategories,
    };
  }

  override resetControl(): void {
    this.#isTouched = false;
    this.isExcluded = false;
    this.chosen = new Set(this.initialValue);
    this.showProblem(null);
  }

  override getDraft(): unknown {
    return this.#isTouched ? { value: this.value, excluded: this.isExcluded } : undefined;
  }

  override restoreDraft(draft: unknown): void {
    const { value, excluded } = (draft ?? {}) as { value?: unknown; excluded?: unknown };
    if (!Array.isArray(value)) return;
    this.value = value.filter((text): text is string => typeof text === "string");
    if (excluded === true) this.excluded = true;
  }

  // ---- choosing ------------------------------------------------------------------------------------------------

  protected toggle(text: string): void {
    if (this.disabled || this.excluded) return;
    const chosen = new Set(this.chosen);
    if (!chosen.delete(text)) chosen.add(text);
    this.value = [...chosen];
    this.changed();
  }

  #toggleExclusion(): void {
    if (this.disabled || !this.exclusionCategory) return;
    this.excluded = !this.isExcluded;
    this.changed();
  }

  protected override keyGroups(): KeyGroup[] {
    const choices = this.choices();
    const { exclusionCategory } = this;
    const names = choices.map(({ text }) => text);
    return [
      {
        title: msg().categories,
        keys: [
          ...labelKeys(names, digitKey, (i) => this.toggle(names[i]!)),
          ...(exclusionCategory
            ? [{ keys: ["N"], text: exclusionCategory.text, run: () => this.#toggleExclusion() }]
            : []),
          { keys: ["."], text: msg().keyRepeatCategory, run: () => void this.#repeat() },
        ],
      },
    ];
  }

  /** Chooses what this worker chose last in this job. It is only chosen: sending stays the worker's. */
  async #repeat(): Promise<void> {
    const texts = this.textsOf(await this.previousValue());
    const known = texts.filter((text) => this.#authored().includes(text));
    if (!known.length || this.disabled) return this.showNote(msg().noPrevious);
    this.value = known;
    this.changed();
  }

  /** The texts chosen in an answer of this element; none when it cannot be read. */
  protected textsOf(answer: unknown): string[] {
    const { labels } = (answer ?? {}) as { labels?: unknown };
    return Array.isArray(labels) ? labels.filter((text): text is string => typeof text === "string") : [];
  }

  #onArrow(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = [...this.renderRoot.querySelectorAll<HTMLButtonElement>(".choices .choice")];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  }

  override focusControl(): void {
    this.renderRoot.querySelector<HTMLElement>(".choice:not(:disabled)")?.focus({ preventScroll: true });
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  /** Below the list of categories. */
  protected renderBelowChoices(): unknown {
    return nothing;
  }

  protected override renderSide(): TemplateResult {
    const choices = this.choices();
    const wanted = this.filter.trim().toLowerCase();
    const shown = choices
      .map((choice, i) => ({ ...choice, i }))
      .filter(({ text }) => text.toLowerCase().includes(wanted));
    const { excluded, exclusionCategory } = this;
    const n = this.value.length;
    return html`<aside class="side annotation-area" role=${this.isMainContent ? nothing : "group"} aria-labelledby="categories">
      <div class="category-picker-wrapper">
        <div class="side-head"><h2 id="categories">${msg().categories}</h2>
          ${
            n
              ? html`<span class="count" role="status">${msg().chosenCount(n)}<button class="linkish" type="button"
              id="clear" @click=${this.#clear}>${msg().clearChoices}</button></span>`
              : nothing
          }</div>
        ${this.renderProblem()}
        ${
          choices.length >= FILTER_FROM
            ? html`<div class="filter"><input class="field" type="search" data-no-enter placeholder=${msg().filterChoices}
              aria-label=${msg().filterChoices} .value=${live(this.filter)} @input=${this.#onFilter} @keydown=${this.#onFilterKey} /></div>`
            : nothing
        }
        <div class="choices" role="group" aria-labelledby="categories" @keydown=${this.#onArrow}>
          ${shown.map(
            (choice, at) =>
              html`${
                choice.group !== undefined && choice.group !== shown[at - 1]?.group
                  ? html`<h3 class="group-name">${choice.group}</h3>`
                  : nothing
              }${this.#renderChoice(choice, choice.i)}`,
          )}
          ${shown.length ? nothing : html`<span class="none-found">${msg().nothingFound}</span>`}
        </div>
        ${
          exclusionCategory
            ? html`<div class="exclusion"><button class="choice" type="button" id="exclusion" role="checkbox"
              aria-checked=${excluded ? "true" : "false"} ?disabled=${this.disabled} @click=${() => this.#toggleExclusion()}>
              <span class="dot">${icon("check")}</span><span class="text">${exclusionCategory.text}</span><kbd>N</kbd></button></div>`
            : nothing
        }
        ${this.renderBelowChoices()}
      </div>
    </aside>`;
  }

  #renderChoice({ text }: Choice, i: number): TemplateResult {
    return html`<button class="choice" type="button" role="checkbox" aria-checked=${this.chosen.has(text) ? "true" : "false"}
      ?disabled=${this.disabled || this.excluded} @click=${() => this.toggle(text)}>
      <span class="dot">${icon("check")}</span><span class="text">${text}</span>
      ${i < 10 ? html`<kbd>${(i + 1) % 10}</kbd>` : nothing}
    </button>`;
  }

  readonly #clear = (): void => {
    this.value = [];
    this.changed();
    this.focusControl();
  };

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
      this.renderRoot.querySelector<HTMLElement>(".choices .choice")?.click();
      this.filter = "";
    }
  };
}
