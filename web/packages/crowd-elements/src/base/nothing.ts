/** "Nothing to label": the box, and the question before what is marked already is deleted for it. */

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
  changed(): void;
}

export class NothingToLabel {
  isOn = false;
  #answer: ((isSure: boolean) => void) | null = null;

  constructor(private readonly host: NothingHost) {}

  async set(on: boolean): Promise<void> {
    if (on && this.host.count()) {
      const isSure = await new Promise<boolean>((resolve) => {
        this.#answer = resolve;
        openModal(this.host.root(), "confirm-nothing");
      });
      if (!isSure) return;
      this.host.clear();
    }
    this.isOn = on;
    this.host.changed();
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
    return modal(
      { id: "confirm-nothing", title: this.host.title(count), onClose: () => settle(false) },
      html`${this.host.question(count)}
        <div class="actions">
          <button class="btn bordered" type="button" @click=${answer(false)}>${msg().keep}</button>
          <button class="btn primary" type="button" id="confirm-delete" @click=${answer(true)}>${msg().deleteThem}</button>
        </div>`,
    );
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
