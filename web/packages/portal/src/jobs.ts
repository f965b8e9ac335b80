/** The list of jobs that have work for this worker. It refreshes by itself. */

import { type Api, ApiError } from "./api.js";
import { durationText } from "./clock.js";
import { h, icon, ICONS } from "./dom.js";
import { msg } from "./messages.js";
import type { Job } from "./types.js";

const REFRESH_MS = 8000;

/** A task type in words; unknown ones are taken apart at their capitals. */
export function taskTypeText(type: string): string {
  return msg().taskTypes[type] ?? type.replace(/([a-z0-9])([A-Z])/g, "$1 $2");
}

export class JobsPage {
  readonly element: HTMLElement;
  readonly #list = h("ul", { class: "jobs" });
  readonly #trouble = h("p", { class: "problem", role: "status" });
  #timer = 0;
  #turn = 0;
  #shown = "";

  constructor(
    private readonly api: Api,
    private readonly start: (job: Job) => void,
  ) {
    this.element = h(
      "main",
      { class: "page" },
      h("h1", {}, msg().yourTasks),
      this.#trouble,
      h("div", { class: "jobs-area" }, h("p", { class: "muted", role: "status" }, msg().lookingForWork)),
    );
    document.addEventListener("visibilitychange", this.#onVisible);
    void this.#refresh();
  }

  dispose(): void {
    window.clearTimeout(this.#timer);
    this.#timer = -1;
    document.removeEventListener("visibilitychange", this.#onVisible);
  }

  readonly #onVisible = (): void => {
    if (document.visibilityState === "visible") void this.#refresh();
  };

  async #refresh(): Promise<void> {
    window.clearTimeout(this.#timer);
    const turn = ++this.#turn;
    try {
      const jobs = await this.api.jobs();
      if (turn !== this.#turn) return; // a later look has begun; its answer counts
      this.#trouble.textContent = "";
      this.#show(jobs);
    } catch (error) {
      if (this.#timer === -1 || turn !== this.#turn) return;
      this.#trouble.textContent =
        error instanceof ApiError && error.status === 0
          ? msg().tryingAgain
          : error instanceof Error
            ? error.message
            : String(error);
    }
    if (this.#timer === -1) return;
    this.#timer = window.setTimeout(() => {
      if (document.visibilityState === "visible") void this.#refresh();
    }, REFRESH_MS);
  }

  #show(jobs: Job[]): void {
    const state = JSON.stringify(jobs);
    if (state === this.#shown) return;
    this.#shown = state;
    const area = this.element.querySelector(".jobs-area")!;
    if (jobs.length === 0) {
      area.replaceChildren(emptyState());
      return;
    }
    const focused = document.activeElement?.getAttribute("data-job");
    this.#list.replaceChildren(...jobs.map((job) => this.#card(job)));
    area.replaceChildren(this.#list);
    if (focused) this.#list.querySelector<HTMLElement>(`[data-job="${CSS.escape(focused)}"]`)?.focus();
  }

  #card(job: Job): HTMLElement {
    const n = job.available_tasks;
    const words = msg();
    const count = n === 0 ? words.noOtherTasks : words.tasksOpen(n, job.held_until !== null);
    const fact = (term: string, ...value: (Node | string)[]): HTMLElement =>
      h("div", {}, h("dt", {}, term), h("dd", {}, ...value));
    const heading = `job-${job.name}`;
    return h(
      "li",
      { class: "card job", "aria-labelledby": heading },
      h(
        "div",
        { class: "job-text" },
        h("h2", { id: heading }, job.title),
        h("p", {}, job.description),
        h(
          "dl",
          { class: "facts" },
          fact(words.kind, taskTypeText(job.task_type)),
          fact(words.requester, job.account_id),
          fact(words.timeLimit, durationText(job.time_limit_s)),
          fact(words.since, new Date(job.created_at * 1000).toLocaleDateString(undefined, { dateStyle: "medium" })),
          job.reference_code ? fact(words.reference, job.reference_code) : h("span"),
        ),
        h("ul", { class: "keywords", "aria-label": words.keywords }, ...job.keywords.map((word) => h("li", {}, word))),
      ),
      h(
        "div",
        { class: "job-start" },
        h("p", { class: "count" }, count),
        job.held_until === null ? null : h("p", { class: "muted" }, words.waitsUntil(timeText(job.held_until))),
        h(
          "button",
          {
            class: "button primary",
            type: "button",
            "data-job": job.name,
            "aria-describedby": heading,
            on: { click: () => this.start(job) },
          },
          job.held_until === null ? words.startWorking : words.resume,
        ),
      ),
    );
  }
}

/** The time of day, with the date when that is not today. */
function timeText(epochS: number): string {
  const at = new Date(epochS * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(undefined, isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

function emptyState(): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    icon(...ICONS.tray),
    h("h2", {}, msg().nothingToLabel),
    h("p", { class: "muted" }, msg().appearByThemselves),
  );
}
