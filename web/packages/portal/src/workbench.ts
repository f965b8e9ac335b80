/**
 * The template workbench: every element and task type live, with its template and data beside it to change.
 *
 * Nothing is stored and nothing is sent: a submission shows the answer that a labeling job would get, in its place.
 */

import { type Api, ApiError } from "./api.js";
import { h, icon, ICONS } from "./dom.js";
import { msg } from "./messages.js";
import { TaskFrame } from "./task-frame.js";
import type { Preview, Sample, Task } from "./types.js";

const ADDRESS = "/portal/elements/";

export class WorkbenchPage {
  readonly element: HTMLElement;
  readonly #list = h("nav", { class: "samples", "aria-label": msg().examples });
  readonly #title = h("h1", {}, msg().templates);
  readonly #stage = h("div", { class: "stage" });
  readonly #template = textArea(msg().template, "template-text", 18);
  readonly #data = textArea(msg().templateData, "data-text", 10);
  readonly #problems = h("div", { class: "problems", role: "status" });
  #samples: Sample[] = [];
  #frame: TaskFrame | null = null;
  #turn = 0;

  constructor(
    private readonly api: Api,
    name: string,
  ) {
    const render = h("button", { type: "submit", class: "button primary" }, icon(...ICONS.eye), msg().render);
    const form = h(
      "form",
      {
        class: "editor",
        on: { submit: (event) => this.#onRender(event), keydown: (event) => this.#onKey(event as KeyboardEvent) },
      },
      ...field(this.#template, msg().template),
      ...field(this.#data, msg().templateData),
      h("div", { class: "editor-bar" }, render, h("span", { class: "muted" }, msg().renderKey)),
      this.#problems,
    );
    this.element = h(
      "main",
      { class: "workbench" },
      this.#list,
      h(
        "section",
        { class: "live", "aria-label": msg().livePage },
        h("div", { class: "live-head" }, this.#title, h("p", { class: "banner" }, msg().isPreview)),
        this.#stage,
      ),
      form,
    );
    void this.#load(name);
  }

  dispose(): void {
    this.#turn = -1;
    this.#frame?.dispose();
  }

  async #load(name: string): Promise<void> {
    try {
      this.#samples = await this.api.samples();
    } catch (error) {
      this.#showProblems([error instanceof Error ? error.message : String(error)]);
      return;
    }
    if (this.#turn === -1) return;
    for (const [group, heading] of Object.entries(msg().sampleGroups)) {
      const found = this.#samples.filter((sample) => sample.group === group);
      this.#list.append(h("h2", {}, heading), h("ul", {}, ...found.map((sample) => this.#entry(sample))));
    }
    const first = this.#samples.find((sample) => sample.name === name) ?? this.#samples[0];
    if (first) this.#open(first);
  }

  #entry(sample: Sample): HTMLElement {
    const open = (event: Event): void => {
      event.preventDefault();
      history.replaceState(null, "", ADDRESS + sample.name);
      this.#open(sample);
    };
    return h(
      "li",
      {},
      h("a", { href: ADDRESS + sample.name, "data-sample": sample.name, on: { click: open } }, sample.name),
    );
  }

  #open(sample: Sample): void {
    for (const link of this.#list.querySelectorAll("a")) {
      if (link.dataset["sample"] === sample.name) {
        link.setAttribute("aria-current", "page");
        link.scrollIntoView({ block: "nearest" });
      } else link.removeAttribute("aria-current");
    }
    this.#title.textContent = sample.name;
    document.title = msg().titleOf(sample.name);
    this.#template.value = sample.template;
    this.#data.value = JSON.stringify(sample.input, null, 2);
    void this.#render();
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#onRender(event);
  }

  #onRender(event: Event): void {
    event.preventDefault();
    void this.#render();
  }

  async #render(): Promise<void> {
    let input: unknown;
    try {
      input = JSON.parse(this.#data.value || "{}");
    } catch (error) {
      this.#showProblems([msg().notJson((error as Error).message)]);
      this.#data.focus();
      return;
    }
    const turn = ++this.#turn;
    let made: Preview;
    try {
      made = await this.api.preview(this.#template.value, input);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#showProblems([error instanceof ApiError ? error.message : String(error)]);
      return;
    }
    if (turn !== this.#turn) return; // another one was asked for meanwhile
    this.#showProblems(
      made.errors.map((problem) => (problem.line ? msg().onLine(problem.line, problem.message) : problem.message)),
      [...made.undefined.map((name) => msg().notInData(name)), ...made.warnings],
    );
    this.#frame?.dispose();
    this.#frame = null;
    if (made.document_url === null) {
      this.#stage.replaceChildren(h("p", { class: "muted" }, msg().nothingRendered));
      return;
    }
    const frame = new TaskFrame(taskOf(made.document_url, this.#title.textContent ?? ""), {
      ready: () => {},
      activity: () => {},
      draft: () => {},
      preferences: () => {},
      shortcut: () => {},
      submit: () => {}, // in a preview the form shows the answer itself
    });
    this.#frame = frame;
    this.#stage.replaceChildren(frame.element);
    // Shown, but not focused: whoever edits a template goes on typing.
    frame.element.classList.remove("is-waiting");
    frame.element.inert = false;
    frame.element.removeAttribute("aria-hidden");
    frame.post({ type: "labelwright.show" });
  }

  #showProblems(errors: string[], warnings: string[] = []): void {
    const list = (heading: string, kind: string, texts: string[]): HTMLElement | null =>
      texts.length === 0
        ? null
        : h("section", { class: kind }, h("h2", {}, heading), h("ul", {}, ...texts.map((text) => h("li", {}, text))));
    this.#problems.replaceChildren(
      ...[list(msg().problems, "errors", errors), list(msg().warnings, "warnings", warnings)].filter(
        (part) => part !== null,
      ),
    );
  }
}

function textArea(label: string, id: string, rows: number): HTMLTextAreaElement {
  return h("textarea", {
    id,
    rows,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-label": label,
  });
}

function field(area: HTMLTextAreaElement, label: string): HTMLElement[] {
  return [h("label", { for: area.id }, label), area];
}

function taskOf(url: string, title: string): Task {
  return {
    id: "preview",
    job: "",
    object_id: "0",
    state: "working",
    html_url: url,
    title,
    description: "",
    task_type: "",
    accepted_at: null,
    expires_at: Number.POSITIVE_INFINITY,
    time_limit_s: 0,
  };
}
