/** "Nothing to label": the box, and two questions: may what is marked be deleted for it, and is there really nothing? */

import { css, html } from "lit";
import type { TemplateResult } from "lit";

import { msg } from "./messages.js";
import { closeAround, modal, openModal } from "./modal.js";

export interface NothingHost {
  root(): ParentNode;
  /** How much is marked. */
  count(): number;
  /** Delete all of it, as one step that can be undone. */
  clear(): void;
  title(count: number): string;
  question(count: number): string;
  /** Asked when an answer without any mark is about to be sent. */
  emptyTitle(): string;
  emptyQuestion(): string;
  changed(): void;
}

export class NothingToLabel {
  isOn = false;
  #answer: ((isSure: boolean) => void) | null = null;

  constructor(private readonly host: NothingHost) {}

  async set(on: boolean): Promise<void> {
    if (on && this.host.count()) {
      if (!(await this.#ask("confirm-nothing"))) return;
      this.host.clear();
    }
    this.isOn = on;
    this.host.changed();
  }

  /** Whether the worker says that there is nothing to mark; then the box is ticked. */
  async confirmEmpty(): Promise<boolean> {
    if (!(await this.#ask("confirm-empty"))) return false;
    await this.set(true);
    return this.isOn;
  }

  #ask(dialog: string): Promise<boolean> {
    this.#answer?.(false);
    return new Promise((resolve) => {
      this.#answer = resolve;
      openModal(this.host.root(), dialog);
    });
  }

  /** The box, for where the form does not show one. */
  renderBox(): TemplateResult {
    const tick = async (event: Event): Promise<void> => {
      event.stopPropagation();
      const box = event.target as HTMLInputElement;
      await this.set(box.checked);
      box.checked = this.isOn;
    };
    return html`<label class="nothing"><input type="checkbox" .checked=${this.isOn} @change=${tick} />
      ${msg().nothingToLabel}</label>`;
  }

  renderDialog(): TemplateResult {
    const count = this.host.count();
    const settle = (isSure: boolean): void => {
      this.#answer?.(isSure);
      this.#answer = null;
    };
    const answer = (isSure: boolean) => (event: Event) => {
      settle(isSure);
      closeAround(event);
    };
    const onClose = (): void => settle(false);
    return html`${modal(
      { id: "confirm-nothing", title: this.host.title(count), onClose },
      html`${this.host.question(count)}
        <div class="actions">
          <button class="btn bordered" type="button" @click=${answer(false)}>${msg().keep}</button>
          <button class="btn primary" type="button" id="confirm-delete" @click=${answer(true)}>${msg().deleteThem}</button>
        </div>`,
    )}
    ${modal(
      { id: "confirm-empty", title: this.host.emptyTitle(), onClose },
      html`${this.host.emptyQuestion()}
        <div class="actions">
          <button class="btn bordered" type="button" @click=${answer(false)}>${msg().goOnMarking}</button>
          <button class="btn primary" type="button" id="send-nothing" @click=${answer(true)}>${msg().sendNothing}</button>
        </div>`,
    )}`;
  }
}

export const nothingStyles = css`
  .nothing {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    padding-inline: 8px;
    white-space: nowrap;
  }
  .side > .problem {
    margin-top: 12px;
  }
  .actions {
    display: flex;
    justify-content: flex-end;
    gap: 8px;
    margin-top: 18px;
  }
`;
