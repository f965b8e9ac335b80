/** What text inputs share: value, label, messages, length and pattern rules, validation, draft. */

import { css, html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";

import { booleanProperty, numberAttribute } from "./attributes.js";
import type { Contribution, CrowdControl, Problem } from "./control.js";
import { CrowdElement } from "./crowd-element.js";
import { msg } from "./messages.js";

let focusIsTaken = false;

export abstract class TextField extends CrowdElement implements CrowdControl {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: block;
        margin: 8px 0;
        font: 400 15px/1.45 var(--lw-font);
        color: var(--lw-text);
      }
      .box {
        position: relative;
        display: block;
      }
      .control {
        display: block;
        width: 100%;
        min-height: 44px;
        padding: 10px 12px;
        border: 1px solid var(--lw-line-strong);
        border-radius: var(--lw-radius-small);
        background: var(--lw-bg);
        color: inherit;
        font: inherit;
      }
      .has-label .control {
        min-height: 54px;
        padding: 23px 12px 7px;
      }
      .control:focus {
        outline: 2px solid var(--lw-accent);
        outline-offset: -1px;
        border-color: var(--lw-accent);
      }
      .control:disabled {
        background: var(--lw-bg-soft);
        color: var(--lw-text-soft);
      }
      .control::placeholder {
        color: var(--lw-text-soft);
        opacity: 1;
      }
      .label {
        position: absolute;
        top: 15px;
        inset-inline: 13px;
        overflow: hidden;
        color: var(--lw-text-soft);
        text-overflow: ellipsis;
        white-space: nowrap;
        pointer-events: none;
        transform-origin: 0 0;
        transition: transform 0.12s;
      }
      .raised .label {
        transform: translateY(-10px) scale(0.8);
      }
      .box:not(.raised) .control:not(:focus)::placeholder {
        opacity: 0;
      }
      .box:not(.has-label) .control::placeholder {
        opacity: 1 !important;
      }
      .invalid .control {
        border-color: var(--lw-danger);
      }
      .foot {
        display: flex;
        gap: 12px;
        justify-content: space-between;
        padding: 3px 12px 0;
        font-size: 12.5px;
        color: var(--lw-text-soft);
      }
      .message {
        color: var(--lw-danger);
      }
      .star {
        color: var(--lw-danger);
      }
    `,
  ];

  static override shadowRootOptions = { ...CrowdElement.shadowRootOptions, delegatesFocus: true };

  readonly isCrowdControl = true as const;
  readonly controlKind = "input" as const;

  @property({ reflect: true }) name = "";
  @property() label = "";
  @property() placeholder = "";
  @property(booleanProperty) required = false;
  @property(booleanProperty) disabled = false;
  @property({ attribute: "min-length", converter: numberAttribute }) minLength: number | null = null;
  @property({ attribute: "max-length", converter: numberAttribute }) maxLength: number | null = null;
  @property({ attribute: "allowed-pattern" }) allowedPattern = "";
  @property({ ...booleanProperty, attribute: "auto-validate" }) autoValidate = false;
  @property({ attribute: "error-message" }) errorMessage = "";
  @property({ ...booleanProperty, attribute: "auto-focus" }) autoFocus = false;
  @property({ ...booleanProperty }) invalid = false;

  @state() protected message = "";
  @state() protected isFocused = false;

  #value = "";
  #isTouched = false;

  get answerKey(): string {
    return this.name;
  }

  /** The text. The attribute gives the first value; null clears. */
  @property()
  get value(): string {
    return this.#value;
  }
  set value(value: string | null | undefined) {
    this.#value = value === null || value === undefined ? "" : String(value);
  }

  protected abstract renderControl(): TemplateResult;

  protected get control(): HTMLInputElement | HTMLTextAreaElement | null {
    return this.renderRoot.querySelector(".control");
  }

  override render(): unknown {
    const raised = this.isFocused || this.value !== "" || this.alwaysRaised();
    return html`<label class="box ${this.label ? "has-label" : ""} ${raised ? "raised" : ""} ${this.invalid ? "invalid" : ""}">
        ${this.renderControl()}
        ${
          this.label
            ? html`<span class="label">${this.label}${this.required ? html` <span class="star">*</span>` : nothing}</span>`
            : nothing
        }
      </label>
      ${
        this.message || this.counter() !== null
          ? html`<div class="foot">
            <span class="message" id="message" role="alert">${this.message}</span>
            ${this.counter() === null ? nothing : html`<span class="counter">${this.counter()}</span>`}
          </div>`
          : nothing
      }`;
  }

  /** Native date fields and the like always show text, so their label stays above. */
  protected alwaysRaised(): boolean {
    return false;
  }

  protected counter(): string | null {
    return null;
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    if (this.autoFocus && !focusIsTaken) {
      focusIsTaken = true;
      setTimeout(() => this.focus());
    }
  }

  protected onInput = (event: Event): void => {
    const control = event.target as HTMLInputElement | HTMLTextAreaElement;
    if (this.autoValidate && this.allowedPattern && !(event as InputEvent).isComposing) this.#dropDisallowed(control);
    if (this.maxLength !== null && control.value.length > this.maxLength) {
      control.value = control.value.slice(0, this.maxLength);
    }
    this.value = control.value;
    this.#isTouched = true;
    if (this.autoValidate || this.invalid) this.validate();
  };

  protected onCommit = (): void => {
    this.emit("change");
    if (this.autoValidate || this.invalid) this.validate();
  };

  protected onFocus = (): void => {
    this.isFocused = true;
  };

  protected onBlur = (): void => {
    this.isFocused = false;
  };

  #dropDisallowed(control: HTMLInputElement | HTMLTextAreaElement): void {
    let allowed: RegExp;
    try {
      allowed = new RegExp(`^(?:${this.allowedPattern})$`, "u");
    } catch {
      return;
    }
    const kept = [...control.value].filter((char) => allowed.test(char)).join("");
    if (kept === control.value) return;
    const at = Math.max(0, (control.selectionStart ?? kept.length) - (control.value.length - kept.length));
    control.value = kept;
    control.setSelectionRange(at, at);
  }

  /** Checks the rules, shows the message, and says whether all is well. */
  validate(): boolean {
    const problem = this.disabled ? null : this.problem();
    this.showProblem(problem);
    return problem === null;
  }

  problem(): Problem | null {
    const text = this.value;
    const say = (message: string): Problem => ({ message: this.errorMessage || message });
    if (text === "") return this.required ? say(msg().required) : null;
    if (this.minLength !== null && text.length < this.minLength)
      return say(msg().tooShort(this.minLength, text.length));
    if (this.maxLength !== null && text.length > this.maxLength) return say(msg().tooLong(this.maxLength, text.length));
    const native = this.control;
    if (native && native.value === text && !native.validity.valid && !native.validity.valueMissing) {
      return say(native.validationMessage);
    }
    return null;
  }

  showProblem(problem: Problem | null): void {
    this.message = problem?.message ?? "";
    this.invalid = problem !== null;
  }

  focusControl(): void {
    this.control?.focus();
  }

  contribution(): Contribution | null {
    const text = this.value.replace(/\r\n?/g, "\n");
    return text === "" ? null : { kind: "value", value: text };
  }

  get _submittableValue(): string {
    return this.value;
  }

  resetControl(): void {
    this.value = this.getAttribute("value");
    this.#isTouched = false;
    this.showProblem(null);
  }

  getDraft(): unknown {
    return this.#isTouched || this.value !== (this.getAttribute("value") ?? "") ? this.value : undefined;
  }

  restoreDraft(draft: unknown): void {
    if (typeof draft === "string") this.value = draft;
  }
}
