import { css, html, nothing } from "lit";
import type { PropertyValues } from "lit";
import { property, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";

import { booleanProperty, numberAttribute } from "../base/attributes.js";
import type { Contribution, CrowdControl, Problem } from "../base/control.js";
import { CrowdElement } from "../base/crowd-element.js";
import { msg } from "../base/messages.js";
import { CrowdSliderLabel, TICK_EVENT } from "../crowd-slider-label/crowd-slider-label.js";

/**
 * A number chosen by sliding. Its answer is a JSON number.
 *
 * @slot crowd-slider-label - Filled by children of that tag name: text at a `position` of the scale.
 * @slot - Whatever a self-closing tag has swallowed; shown as it is.
 * @event change - The worker has chosen a value.
 * @event input - The value moves.
 */
export class CrowdSlider extends CrowdElement implements CrowdControl {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: block;
        max-width: 640px;
        margin: 8px 0;
        font: 400 14px/1.4 var(--lw-font);
        color: var(--lw-text);
      }
      .row {
        display: flex;
        align-items: center;
        gap: 14px;
      }
      .track {
        position: relative;
        flex: 1;
        padding-block: 6px;
      }
      input[type="range"] {
        display: block;
        width: 100%;
        margin: 0;
        accent-color: var(--lw-accent);
      }
      .secondary {
        position: absolute;
        inset-inline-start: 0;
        top: calc(50% - 3px);
        height: 6px;
        border-radius: 3px;
        background: var(--crowd-slider-secondary-color, var(--lw-line-strong));
        opacity: 0.5;
        pointer-events: none;
      }
      .pin {
        position: absolute;
        bottom: calc(100% - 4px);
        translate: -50% 0;
        padding: 2px 7px;
        border-radius: 10px;
        background: var(--lw-accent);
        color: var(--lw-on-accent);
        font-size: 12px;
        pointer-events: none;
        opacity: 0;
        transition: opacity 0.12s;
      }
      input:active ~ .pin,
      input:focus-visible ~ .pin {
        opacity: 1;
      }
      .number {
        width: 84px;
      }
      .message {
        color: var(--lw-danger);
        font-size: 12.5px;
      }
      .labels {
        display: grid;
        margin-inline: 8px;
      }
      /* All in one cell, so that the row is as high as the highest; the place on the scale is set on each. */
      ::slotted(crowd-slider-label) {
        grid-area: 1 / 1;
        justify-self: start;
        position: relative;
        max-width: var(--lw-tick-room);
      }
    `,
  ];

  static override regions = ["crowd-slider-label"];

  readonly isCrowdControl = true as const;
  readonly controlKind = "input" as const;

  @property({ reflect: true }) name = "";
  @property({ converter: numberAttribute }) min: number | null = null;
  @property({ converter: numberAttribute }) max: number | null = null;
  @property({ converter: numberAttribute }) step: number | null = null;
  @property(booleanProperty) pin = false;
  @property(booleanProperty) editable = false;
  @property(booleanProperty) required = false;
  @property(booleanProperty) disabled = false;
  @property({ attribute: "secondary-progress", converter: numberAttribute }) secondaryProgress: number | null = null;

  @state() private message = "";

  #value: number | null = null;
  #isTouched = false;

  constructor() {
    super();
    this.addEventListener(TICK_EVENT, () => this.#placeLabels());
  }

  get #low(): number {
    return this.min ?? 0;
  }

  get #high(): number {
    return Math.max(this.#low, this.max ?? 100);
  }

  get #step(): number {
    return this.step !== null && this.step > 0 ? this.step : 1;
  }

  /** A number, always inside the scale; `min` until something is set. */
  @property({ converter: numberAttribute })
  get value(): number {
    return this.#value === null ? this.#low : this.#snap(this.#value);
  }
  set value(value: number | string | null) {
    const number = value === null || value === "" ? null : Number(value);
    this.#value = number === null || !Number.isFinite(number) ? null : number;
  }

  /** The nearest step, rounded to the step's decimals so that 0.1 + 0.2 is 0.3. */
  #snap(value: number): number {
    const inside = Math.min(this.#high, Math.max(this.#low, value));
    const decimals = Math.max(decimalsOf(this.#step), decimalsOf(this.#low));
    return Number((this.#low + Math.round((inside - this.#low) / this.#step) * this.#step).toFixed(decimals));
  }

  get answerKey(): string {
    return this.name;
  }

  get _submittableValue(): number {
    return this.value;
  }

  contribution(): Contribution {
    return { kind: "value", value: this.value };
  }

  problem(): Problem | null {
    const isSet = this.#isTouched || this.#value !== null;
    return this.required && !isSet ? { message: msg().requiredSlider } : null;
  }

  showProblem(problem: Problem | null): void {
    this.message = problem?.message ?? "";
  }

  focusControl(): void {
    this.renderRoot.querySelector<HTMLElement>("input")?.focus();
  }

  resetControl(): void {
    this.value = this.getAttribute("value");
    this.#isTouched = false;
    this.showProblem(null);
  }

  getDraft(): unknown {
    return this.#isTouched ? this.value : undefined;
  }

  restoreDraft(draft: unknown): void {
    if (typeof draft !== "number") return;
    this.value = draft;
    this.#isTouched = true;
  }

  #onInput(event: Event): void {
    // The inner event would cross the shadow boundary before the value is set; ours comes after.
    event.stopPropagation();
    this.value = (event.target as HTMLInputElement).value;
    this.#isTouched = true;
    this.message = "";
    this.emit("input");
  }

  #share(value: number): number {
    return this.#high === this.#low
      ? 0
      : (Math.min(this.#high, Math.max(this.#low, value)) - this.#low) / (this.#high - this.#low);
  }

  override render(): unknown {
    const share = this.#share(this.value);
    const label = this.getAttribute("aria-label") || this.getAttribute("label") || this.name;
    return html`<div class="row">
        <div class="track">
          ${
            this.secondaryProgress === null
              ? nothing
              : html`<div class="secondary" style="width: ${this.#share(this.secondaryProgress) * 100}%"></div>`
          }
          <input type="range" min=${this.#low} max=${this.#high} step=${this.#step} .value=${live(String(this.value))}
            aria-label=${label} ?disabled=${this.disabled} @input=${this.#onInput} @change=${() => this.emit("change")} />
          ${this.pin ? html`<span class="pin" style="left: calc(8px + ${share} * (100% - 16px))">${this.value}</span>` : nothing}
        </div>
        ${
          this.editable
            ? html`<input class="field number" type="number" min=${this.#low} max=${this.#high} step=${this.#step}
              aria-label=${label} .value=${live(String(this.value))} ?disabled=${this.disabled}
              @input=${(event: Event) => event.stopPropagation()}
              @change=${(event: Event) => {
                this.#onInput(event);
                this.emit("change");
              }} />`
            : nothing
        }
      </div>
      <div class="labels" @click=${this.#onLabelClick}><slot name="crowd-slider-label" @slotchange=${this.#placeLabels}></slot></div>
      <slot></slot>
      ${this.message ? html`<span class="message" role="alert">${this.message}</span>` : nothing}`;
  }

  get #labels(): CrowdSliderLabel[] {
    return [...this.children].filter((child): child is CrowdSliderLabel => child instanceof CrowdSliderLabel);
  }

  readonly #placeLabels = (): void => {
    const labels = this.#labels;
    for (const label of labels) {
      const share = this.#share(label.position ?? this.#low);
      // Those at the ends stay inside; their tick is at the end all the same.
      const at = share < 0.02 ? 0 : share > 0.98 ? 100 : 50;
      label.style.left = `${share * 100}%`;
      label.style.translate = `-${at}% 0`;
      label.style.setProperty("--lw-tick-at", `${at}%`);
      label.style.textAlign = at === 0 ? "left" : at === 100 ? "right" : "center";
      // Those at the ends have half as much room, because all of it is on one side.
      const gaps = Math.max(1, labels.length - 1) * (at === 50 ? 1 : 2);
      label.style.setProperty("--lw-tick-room", `calc(100% / ${gaps} - 6px)`);
    }
  };

  readonly #onLabelClick = (event: Event): void => {
    const label = this.#labels.find((candidate) => event.composedPath().includes(candidate));
    if (!label || label.position === null || this.disabled) return;
    this.value = label.position;
    this.#isTouched = true;
    this.message = "";
    this.emit("input");
    this.emit("change");
  };

  protected override updated(changed: PropertyValues): void {
    if (changed.has("min") || changed.has("max")) this.#placeLabels();
  }
}

function decimalsOf(value: number): number {
  const text = String(value);
  const exponent = /e-(\d+)$/.exec(text);
  if (exponent) return Math.min(20, Number(exponent[1]));
  return text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
}
