/** The labeling portal's page: who is signed in, and which of its few views is shown. */

import "./styles.css";

import { Api, ApiError } from "./api.js";
import { h, icon, ICONS } from "./dom.js";
import { Drafts } from "./drafts.js";
import { JobsPage } from "./jobs.js";
import { LastAnswers } from "./last-answers.js";
import { chooseLanguage, msg } from "./messages.js";
import { Notices } from "./notices.js";
import { SignIn } from "./sign-in.js";
import type { Worker } from "./types.js";
import { WorkPage, applyScheme } from "./work.js";
import { WorkbenchPage } from "./workbench.js";

const WORK = "/portal/work/";
const ELEMENTS = "/portal/elements";

class App {
  readonly #api = new Api();
  readonly #notices = new Notices();
  readonly #drafts = new Drafts(localStorage, () => this.#api.now());
  readonly #root = h("div", { class: "app" });
  #worker: Worker | null = null;
  #view: { dispose(): void } | null = null;
  #signingIn: Promise<boolean> | null = null;

  async run(): Promise<void> {
    document.body.prepend(this.#root);
    applyScheme(this.#drafts.colorScheme);
    this.#api.onSessionLost = () => this.#signInAgain();
    window.addEventListener("popstate", () => this.#route());
    try {
      this.#worker = await this.#api.whoAmI();
    } catch (error) {
      this.#showTrouble(error);
      return;
    }
    this.#drafts.sweep();
    this.#route();
  }

  #go(path: string): void {
    if (location.pathname !== path) history.pushState(null, "", path);
    this.#route();
  }

  #route(): void {
    this.#view?.dispose();
    this.#view = null;
    if (!this.#worker) {
      this.#showSignIn();
      return;
    }
    if (location.pathname.startsWith(WORK)) {
      const job = decodeURIComponent(location.pathname.slice(WORK.length));
      const worker = { username: this.#worker.username, signOut: () => void this.#signOut() };
      const answers = new LastAnswers(sessionStorage, this.#worker.id);
      const page = new WorkPage(job, this.#api, this.#drafts, this.#notices, answers, worker, () =>
        this.#go("/portal"),
      );
      document.title = msg().titleOf(msg().work);
      this.#view = page;
      this.#root.replaceChildren(page.element);
      return;
    }
    if (location.pathname === ELEMENTS || location.pathname.startsWith(`${ELEMENTS}/`)) {
      const page = new WorkbenchPage(this.#api, decodeURIComponent(location.pathname.slice(ELEMENTS.length + 1)));
      document.title = msg().titleOf(msg().templates);
      this.#view = page;
      this.#root.replaceChildren(this.#header(), page.element);
      return;
    }
    const page = new JobsPage(this.#api, (job) => this.#go(WORK + encodeURIComponent(job.name)));
    document.title = msg().titleOf(msg().tasks);
    this.#view = page;
    this.#root.replaceChildren(this.#header(), page.element);
  }

  #header(): HTMLElement {
    return h(
      "header",
      { class: "top" },
      h("div", { class: "brand" }, icon(...ICONS.logo), msg().brand),
      h(
        "nav",
        { class: "places", "aria-label": msg().pages },
        this.#link("/portal", msg().tasks),
        this.#link(ELEMENTS, msg().templates),
      ),
      h("div", { class: "who" }, h("span", { class: "username" }, this.#worker?.username ?? "")),
      h(
        "button",
        { type: "button", class: "button quiet", on: { click: () => void this.#signOut() } },
        icon(...ICONS.signOut),
        msg().signOut,
      ),
    );
  }

  #link(path: string, text: string): HTMLElement {
    const isHere = path === ELEMENTS ? location.pathname.startsWith(path) : !location.pathname.startsWith(ELEMENTS);
    const go = (event: Event): void => {
      event.preventDefault();
      this.#go(path);
    };
    return h("a", { href: path, "aria-current": isHere ? "page" : undefined, on: { click: go } }, text);
  }

  #showSignIn(): void {
    document.title = msg().titleOf(msg().signIn);
    const form = new SignIn(this.#api, (worker) => {
      this.#worker = worker;
      this.#route();
    });
    this.#root.replaceChildren(h("main", { class: "center" }, form.element));
    form.focus();
  }

  /** The session ended in the middle of something: ask in front of it, and let it go on afterwards. */
  #signInAgain(): Promise<boolean> {
    if (!this.#worker) return Promise.resolve(false);
    this.#signingIn ??= new Promise<boolean>((resolve) => {
      const before = this.#worker;
      const dialog = h("dialog", { class: "dialog bare", "aria-label": msg().signInAgain });
      const form = new SignIn(
        this.#api,
        (worker) => {
          dialog.close();
          dialog.remove();
          this.#worker = worker;
          this.#signingIn = null;
          resolve(worker.id === before?.id);
          // Somebody else's tasks are none of this worker's business.
          if (worker.id !== before?.id) location.assign("/portal");
        },
        msg().sessionEnded,
        before?.username ?? "",
      );
      dialog.append(form.element);
      dialog.addEventListener("cancel", (event) => event.preventDefault());
      document.body.append(dialog);
      dialog.showModal();
      form.focus();
    });
    return this.#signingIn;
  }

  async #signOut(): Promise<void> {
    this.#view?.dispose();
    this.#view = null;
    try {
      await this.#api.signOut();
    } catch (error) {
      if (error instanceof ApiError) this.#notices.show(error.message, "problem");
      this.#route();
      return;
    }
    LastAnswers.forgetAll(sessionStorage);
    this.#worker = null;
    history.pushState(null, "", "/portal");
    this.#route();
  }

  #showTrouble(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#root.replaceChildren(
      h(
        "main",
        { class: "center" },
        h(
          "section",
          { class: "card sign-in", role: "alert" },
          h("h1", {}, msg().unreachable),
          h("p", { class: "muted" }, message),
          h(
            "button",
            { type: "button", class: "button primary", on: { click: () => location.reload() } },
            msg().tryAgain,
          ),
        ),
      ),
    );
  }
}

document.documentElement.lang = chooseLanguage(navigator.languages);
void new App().run();
