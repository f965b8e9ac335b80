import { css, html } from "lit";

import { CrowdElement } from "../base/crowd-element.js";
import { CrowdRadioButton } from "../crowd-radio-button/crowd-radio-button.js";

/**
 * Lets at most one of the crowd-radio-buttons inside be chosen. Arrow keys move between them.
 *
 * @slot - The buttons, directly or deeper inside other content.
 */
export class CrowdRadioGroup extends CrowdElement {
  static override styles = [
    ...(CrowdElement.styles as []),
    css`
      :host {
        display: block;
      }
    `,
  ];

  constructor() {
    super();
    this.addEventListener("labelwright-radio", (event) => {
      if (!(event as CustomEvent<{ checked: boolean }>).detail.checked) return this.#rove();
      this.#choose(event.target as CrowdRadioButton);
    });
    this.addEventListener("change", (event) => {
      const button = event.target;
      if (button instanceof CrowdRadioButton && button.checked) this.#choose(button);
    });
    this.addEventListener("keydown", (event) => this.#onKey(event));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (!this.hasAttribute("role")) this.role = "radiogroup";
  }

  /** The buttons of this group, those of a group inside it left out. */
  get buttons(): CrowdRadioButton[] {
    return [...this.querySelectorAll("crowd-radio-button")].filter(
      (button): button is CrowdRadioButton =>
        button instanceof CrowdRadioButton && button.closest("crowd-radio-group") === this,
    );
  }

  /** The chosen button, or null. */
  get selected(): CrowdRadioButton | null {
    return this.buttons.find((button) => button.checked) ?? null;
  }

  #choose(chosen: CrowdRadioButton): void {
    for (const button of this.buttons) if (button !== chosen) button.checked = false;
    this.#rove();
  }

  /** Only one button is in the tab order: the chosen one, or the first. */
  #rove(): void {
    const usable = this.buttons.filter((button) => !button.disabled);
    const stop = usable.find((button) => button.checked) ?? usable[0];
    for (const button of this.buttons) button.tabIndex = button === stop ? 0 : -1;
  }

  #onKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const usable = this.buttons.filter((button) => !button.disabled);
    const at = usable.indexOf(event.target as CrowdRadioButton);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    const next = usable[(at + step + usable.length) % usable.length]!;
    next.setByWorker(true);
    next.focus();
  }

  override render(): unknown {
    return html`<slot @slotchange=${() => this.#rove()}></slot>`;
  }
}
