/** The one bar above a task: what the job is, how much time is left, and the ways out of the task. */

import { clockText, durationText, urgency, type Urgency } from "./clock.js";
import { h, icon, ICONS } from "./dom.js";
import { msg } from "./messages.js";
import type { Task } from "./types.js";

export interface WorkActions {
  leave(): void;
  signOut(): void;
  skip(): void;
  decline(): void;
  release(): void;
  pause(): void;
  describe(): void;
}

export class WorkBar {
  readonly element: HTMLElement;
  readonly #title = h("h1");
  readonly #description = h("p");
  readonly #clock = h("span", { class: "clock-text" });
  readonly #timer = h("div", { class: "timer", role: "timer", "aria-live": "off" }, icon(...ICONS.clock), this.#clock);
  readonly #count = h("span", { class: "done-count" });
  readonly #buttons: HTMLButtonElement[];
  /** The keys of this bar with their words, for the list of keys in the task. */
  readonly keys: { key: string; text: string }[] = [];
  readonly #byKey = new Map<string, HTMLButtonElement>();
  #urgency: Urgency = "calm";

  constructor(
    actions: WorkActions,
    username: string,
    private readonly announce: (text: string) => void,
  ) {
    const words = msg();
    const button = (
      label: string,
      key: string,
      hint: string,
      paths: readonly string[],
      run: () => void,
    ): HTMLButtonElement => {
      const made = h(
        "button",
        {
          type: "button",
          class: "button quiet",
          title: words.withKey(hint, key),
          "aria-keyshortcuts": key,
          on: { click: run },
        },
        icon(...paths),
        label,
      );
      this.#byKey.set(key, made);
      this.keys.push({ key, text: hint });
      return made;
    };
    this.#buttons = [
      button(words.skip, "Alt+S", words.skipDoes, ICONS.skip, () => actions.skip()),
      button(words.decline, "Alt+X", words.declineDoes, ICONS.decline, () => actions.decline()),
      button(words.release, "Alt+R", words.releaseDoes, ICONS.release, () => actions.release()),
      button(words.pause, "Alt+P", words.pauseDoes, ICONS.pause, () => actions.pause()),
    ];
    const small = (label: string, paths: readonly string[], run: () => void): HTMLButtonElement =>
      h(
        "button",
        { type: "button", class: "button quiet icon-only", "aria-label": label, title: label, on: { click: run } },
        icon(...paths),
      );
    this.element = h(
      "header",
      { class: "work-bar" },
      small(words.allTasks, ICONS.back, () => actions.leave()),
      h(
        "div",
        { class: "work-title" },
        h(
          "div",
          { class: "work-title-row" },
          this.#title,
          small(words.aboutJob, ICONS.info, () => actions.describe()),
        ),
        this.#description,
      ),
      this.#count,
      this.#timer,
      h("div", { class: "work-buttons", role: "group", "aria-label": words.thisTask }, ...this.#buttons),
      small(words.signOutName(username), ICONS.signOut, () => actions.signOut()),
    );
  }

  /** Press the button that has this key, such as `Alt+S`; false when there is none. */
  press(key: string): boolean {
    const button = this.#byKey.get(key);
    button?.click();
    return button !== undefined;
  }

  show(task: Task): void {
    this.#title.textContent = task.title;
    this.#description.textContent = task.description;
    this.#description.title = task.description;
    this.#urgency = "calm";
  }

  setDone(n: number): void {
    this.#count.textContent = n === 0 ? "" : msg().nDone(n);
  }

  setBusy(isBusy: boolean): void {
    for (const button of this.#buttons) button.disabled = isBusy;
  }

  /** Show the time left; says aloud when it becomes short. */
  tick(remainingS: number, limitS: number): void {
    const text = clockText(remainingS);
    if (this.#clock.textContent !== text) this.#clock.textContent = text;
    this.#timer.setAttribute("aria-label", msg().timeLeft(durationText(remainingS)));
    const now = urgency(remainingS, limitS);
    this.#timer.className = `timer ${now}`;
    if (now !== this.#urgency && (now === "soon" || now === "now")) {
      this.announce(msg().leftForTask(durationText(Math.round(remainingS))));
    }
    this.#urgency = now;
  }
}
