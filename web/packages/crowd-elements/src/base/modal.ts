/** A modal dialog on the native element: focus stays inside, Esc and a click beside it close it. */

import { html } from "lit";
import type { TemplateResult } from "lit";

import { icon } from "./icons.js";
import { msg } from "./messages.js";

export interface ModalOptions {
  readonly id: string;
  readonly title: string;
  /** Class of the box; the instructions' one is a documented hook. */
  readonly boxClass?: string;
  readonly onClose?: () => void;
}

/** The dialog, closed; always in the tree so that scripts can style it before it is opened. */
export function modal(options: ModalOptions, body: unknown): TemplateResult {
  const closeOnBackdrop = (event: MouseEvent): void => {
    if (event.target === event.currentTarget) (event.currentTarget as HTMLDialogElement).close();
  };
  const onClose = (event: Event): void => {
    // The event comes late: the dialog may have been opened again by then.
    if (!(event.target as HTMLDialogElement).open) options.onClose?.();
  };
  return html`<dialog class="modal" id=${options.id} aria-labelledby=${`${options.id}-title`}
    @click=${closeOnBackdrop} @close=${onClose} @keydown=${stopKeys}>
    <div class=${options.boxClass ?? "dialog-box"}>
      <div class="modal-head">
        <h2 id=${`${options.id}-title`}>${options.title}</h2>
        <button class="btn icon" type="button" aria-label=${msg().close} @click=${closeAround}>${icon("close")}</button>
      </div>
      <div class="modal-body" tabindex="-1" autofocus>${body}</div>
    </div>
  </dialog>`;
}

export function openModal(root: ParentNode, id: string): void {
  const dialog = root.querySelector<HTMLDialogElement>(`#${id}`);
  if (dialog && !dialog.open) dialog.showModal();
}

export function closeAround(event: Event): void {
  (event.currentTarget as Element).closest("dialog")?.close();
}

/** Keys pressed in an open dialog must not draw on the image behind it. */
function stopKeys(event: KeyboardEvent): void {
  event.stopPropagation();
}
