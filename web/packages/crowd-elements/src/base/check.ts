/** What checkbox, radio button and toggle share: a host that is itself the control, with its content as the label. */

import { css } from "lit";
import type { PropertyValues } from "lit";
import { property } from "lit/decorators.js";

import { booleanProperty } from "./attributes.js";
import type { Contribution, CrowdControl, Problem } from "./control.js";
import { CrowdElement } from "./crowd-element.js";

const INTERACTIVE = "a[href],button,input,select,textarea,audio,video,[tabindex],[contenteditable]";

export abstract class CheckControl extends CrowdElement implements CrowdControl {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: inline-flex;
        align-items: center;
        gap: 10px;
        min-height: 32px;
        margin-inline-end: 16px;
        border-radius: var(--lw-radius-small);
        color: var(--lw-text);
        font: 400 15px/1.4 var(--lw-font);
        cursor: pointer;
        vertical-align: middle;
      }
      :host(:focus-visible) {
        outline: 2px solid var(--lw-accent);
        outline-offset: 3px;
      }
      :host([disabled]) {
        opacity: 0.5;
        cursor: default;
      }
      .mark {
        flex: none;
        display: grid;
        place-items: center;
        width: 20px;
        height: 20px;
        border: 2px solid var(--lw-line-strong);
        border-radius: 5px;
        background: var(--lw-bg);
        color: transparent;
        transition: background-color 0.12s;
      }
      :host(:hover:not([disabled])) .mark {
        border-color: var(--lw-accent);
      }
      :host([checked]) .mark {
        border-color: var(--lw-accent);
        background: var(--lw-accent);
        color: var(--lw-on-accent);
      }
      :host([invalid]) .mark {
        border-color: var(--lw-danger);
      }
      .mark svg.icon {
        width: 16px;
        height: 16px;
        stroke-width: 3;
      }
    `,
  ];

  readonly isCrowdControl = true as const;
  readonly controlKind = "input" as const;

  @property({ reflect: true }) name = "";
  @property() value = "on";
  @property(booleanProperty) checked = false;
  @property(booleanProperty) disabled = false;
  @property(booleanProperty) required = false;
  @property(booleanProperty) invalid = false;

  protected abstract readonly controlRole: string;
  #isTouched = false;

  constructor() {
    super();
    this.addEventListener("click", (event) => {
      if (event.defaultPrevented || this.disabled) return;
      // A link or field inside the label works for itself.
      const inner = event
        .composedPath()
        .find((node) => node instanceof Element && (node === this || node.matches(INTERACTIVE)));
      if (inner === this) this.press();
    });
    this.addEventListener("keydown", (event) => {
      if (
        event.target !== this ||
        this.disabled ||
        (event.key !== " " && !(event.key === "Enter" && this.pressedByEnter))
      )
        return;
      event.preventDefault();
      this.click();
    });
  }

  protected readonly pressedByEnter: boolean = false;

  override connectedCallback(): void {
    super.connectedCallback();
    if (!this.hasAttribute("role")) this.role = this.controlRole;
    if (!this.hasAttribute("tabindex")) this.tabIndex = this.disabled ? -1 : 0;
  }

  protected override updated(changed: PropertyValues): void {
    this.ariaChecked = String(this.checked);
    this.ariaDisabled = this.disabled ? "true" : null;
    if (changed.has("disabled") && changed.get("disabled") !== undefined) this.tabIndex = this.disabled ? -1 : 0;
  }

  get answerKey(): string {
    return this.name;
  }

  get _submittableValue(): Record<string, boolean> {
    return { [this.value]: this.checked };
  }

  /** The worker has pressed the control. */
  protected press(): void {
    this.setByWorker(!this.checked);
  }

  setByWorker(checked: boolean): void {
    if (checked === this.checked) return;
    this.checked = checked;
    this.#isTouched = true;
    if (this.invalid) this.showProblem(this.problem());
    this.emit("input");
    this.emit("change");
  }

  contribution(): Contribution {
    return { kind: "boolean", value: { [this.value]: this.checked } };
  }

  problem(): Problem | null {
    return this.required && !this.checked ? { message: this.requiredMessage() } : null;
  }

  protected abstract requiredMessage(): string;

  showProblem(problem: Problem | null): void {
    this.invalid = problem !== null;
    this.ariaInvalid = this.invalid ? "true" : null;
  }

  focusControl(): void {
    this.focus();
  }

  #initial: boolean | null = null;

  protected override firstUpdated(_changed: PropertyValues): void {
    this.#initial = this.checked;
  }

  resetControl(): void {
    this.checked = this.#initial ?? false;
    this.#isTouched = false;
    this.showProblem(null);
  }

  getDraft(): unknown {
    return this.#isTouched || this.checked !== this.#initial ? this.checked : undefined;
  }

  restoreDraft(draft: unknown): void {
    if (typeof draft === "boolean") this.checked = draft;
  }
}
