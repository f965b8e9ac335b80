/** Short messages at the foot of the page, and sentences for screen readers alone. */

import { h } from "./dom.js";
import { msg } from "./messages.js";

export interface NoticeAction {
  label: string;
  run: () => void;
}

export class Notices {
  readonly element: HTMLElement;
  readonly #polite: HTMLElement;

  constructor() {
    this.#polite = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
    this.element = h("div", { class: "notices", role: "region", "aria-label": msg().messages });
    document.body.append(this.#polite, this.element);
  }

  /** Read out without showing. */
  announce(text: string): void {
    this.#polite.textContent = "";
    // A change of the same text would not be read again.
    window.setTimeout(() => (this.#polite.textContent = text), 50);
  }

  /** Show for a while; with actions it stays until one is chosen or `dismiss` is called. */
  show(text: string, kind: "info" | "problem" = "info", actions: NoticeAction[] = []): () => void {
    const notice = h("div", { class: `notice ${kind}`, role: kind === "problem" ? "alert" : "status" });
    const dismiss = (): void => notice.remove();
    notice.append(h("span", {}, text));
    for (const action of actions) {
      const run = (): void => {
        dismiss();
        action.run();
      };
      notice.append(h("button", { type: "button", class: "button small", on: { click: run } }, action.label));
    }
    this.element.append(notice);
    if (actions.length === 0) window.setTimeout(dismiss, kind === "problem" ? 9000 : 5000);
    return dismiss;
  }
}
