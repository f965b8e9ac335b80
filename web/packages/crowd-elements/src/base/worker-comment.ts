/** The `worker-comment` region: a link under the categories, and the dialog behind it. */

import { css, html, nothing } from "lit";

import { icon } from "./icons.js";
import { msg } from "./messages.js";
import { closeAround, modal, openModal } from "./modal.js";

export interface CommentHost {
  root(): ParentNode;
  region(): HTMLElement | null;
  changed(): void;
}

export class WorkerComment {
  #text = "";

  constructor(private readonly host: CommentHost) {}

  get text(): string {
    return this.#text.trim();
  }
  set text(text: string) {
    this.#text = text;
  }

  /** The answer with the comment in it, if there is one. */
  addTo<T extends object>(answer: T): T & { workerComment?: string } {
    return this.text ? { ...answer, workerComment: this.text } : answer;
  }

  renderLink(): unknown {
    const region = this.host.region();
    if (!region) return nothing;
    return html`<div class="comment">
      <button class="linkish" type="button" id="comment-link" @click=${this.#open}>
        ${region.getAttribute("link-text") || msg().addComment}</button>
      ${this.text ? html`<p class="text">${this.text}</p>` : nothing}
    </div>`;
  }

  renderDialog(): unknown {
    const region = this.host.region();
    if (!region) return nothing;
    const save = (event: Event): void => {
      this.#text = this.#field()!.value;
      closeAround(event);
      this.host.changed();
    };
    return modal(
      { id: "comment-dialog", title: region.getAttribute("header") || msg().addComment },
      html`<div class="comment-form">
        <slot name="worker-comment"></slot>
        <textarea class="field" id="comment" aria-label=${msg().comment} @input=${(event: Event) => event.stopPropagation()}
          placeholder=${region.getAttribute("placeholder") ?? ""}></textarea>
        <div class="actions">
          <button class="btn bordered" type="button" @click=${closeAround}>${msg().cancel}</button>
          <button class="btn primary" type="button" id="save-comment" @click=${save}>${icon("check")}${msg().save}</button>
        </div>
      </div>`,
    );
  }

  #field(): HTMLTextAreaElement | null {
    return this.host.root().querySelector<HTMLTextAreaElement>("#comment");
  }

  readonly #open = (): void => {
    this.#field()!.value = this.#text;
    openModal(this.host.root(), "comment-dialog");
    this.#field()!.focus();
  };
}

export const commentStyles = css`
  .comment {
    padding: 0 14px 14px;
  }
  .comment .text {
    margin: 4px 0 0;
    color: var(--lw-text-soft);
    font-size: 13px;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .comment-form {
    display: grid;
    gap: 12px;
  }
  .comment-form textarea {
    min-height: 110px;
    resize: vertical;
    font-size: 14px;
  }
  .actions {
    display: flex;
    justify-content: flex-end;
    gap: 8px;
  }
`;
