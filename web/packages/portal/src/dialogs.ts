/** Modal questions, on the browser's own dialog element: it keeps the focus in and gives it back. */

import { h } from "./dom.js";
import { msg } from "./messages.js";

export interface Choice<T> {
  label: string;
  value: T;
  kind?: "primary" | "danger";
}

let nextId = 0;

/** Ask, and wait for the choice; Escape gives `onEscape`, or does nothing when that is undefined. */
export function ask<T>(title: string, body: (Node | string)[], choices: Choice<T>[], onEscape?: T): Promise<T> {
  return new Promise((resolve) => {
    const id = `dialog-${nextId++}`;
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": id });
    const finish = (value: T): void => {
      dialog.close();
      dialog.remove();
      resolve(value);
    };
    // Enter by habit must not throw work away, so a dangerous choice does not get the focus.
    const focused = choices.at(-1)?.kind === "danger" ? 0 : choices.length - 1;
    const buttons = choices.map((choice, i) =>
      h(
        "button",
        {
          type: "button",
          class: `button ${choice.kind ?? ""}`,
          autofocus: i === focused,
          on: { click: () => finish(choice.value) },
        },
        choice.label,
      ),
    );
    dialog.append(
      h("h2", { id }, title),
      ...body.map((part) => (typeof part === "string" ? h("p", {}, part) : part)),
      h("div", { class: "dialog-buttons" }, ...buttons),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (onEscape !== undefined) finish(onEscape);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Ask whether to go on. */
export function confirmed(title: string, text: string, label: string, kind: "primary" | "danger"): Promise<boolean> {
  return ask(
    title,
    [text],
    [
      { label: msg().cancel, value: false },
      { label, value: true, kind },
    ],
    false,
  );
}
