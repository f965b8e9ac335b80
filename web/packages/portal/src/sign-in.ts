/** Signing in, and choosing a password at the first time. One form, used as a page and as an overlay. */

import { type Api, ApiError } from "./api.js";
import { durationText } from "./clock.js";
import { h, icon, ICONS } from "./dom.js";
import { msg } from "./messages.js";
import type { PasswordRules, Worker } from "./types.js";

const SYMBOL = /[\^$*.[\]{}()?\-"!@#%&/\\,><':;|_~`+= ]/;

/** The rules of a pool that a text has still to meet, as sentences with whether each is met. */
export function checkedRules(rules: PasswordRules, text: string): { text: string; isMet: boolean }[] {
  const words = msg();
  const all: [boolean, string, boolean][] = [
    [true, words.ruleLength(rules.min_length), text.length >= rules.min_length],
    [rules.uppercase, words.ruleUpper, /[A-Z]/.test(text)],
    [rules.lowercase, words.ruleLower, /[a-z]/.test(text)],
    [rules.numbers, words.ruleDigit, /[0-9]/.test(text)],
    [rules.symbols, words.ruleSymbol, SYMBOL.test(text)],
  ];
  return all.filter(([isAsked]) => isAsked).map(([, sentence, isMet]) => ({ text: sentence, isMet }));
}

export class SignIn {
  readonly element: HTMLElement;
  #username = "";
  #waitTimer = 0;

  /**
   * @param done called with whoever signed in
   * @param note a sentence above the form, such as why it is shown again
   */
  constructor(
    private readonly api: Api,
    private readonly done: (worker: Worker) => void,
    private readonly note = "",
    username = "",
  ) {
    this.#username = username;
    this.element = h("section", { class: "card sign-in" });
    this.#askPassword();
  }

  focus(): void {
    const fields = [...this.element.querySelectorAll("input")];
    (fields.find((field) => field.value === "") ?? fields[0])?.focus();
  }

  #askPassword(): void {
    const problem = problemBox();
    const username = h("input", {
      id: "username",
      name: "username",
      autocomplete: "username",
      required: true,
      spellcheck: "false",
      autocapitalize: "none",
      maxlength: 128,
    });
    username.value = this.#username;
    const password = passwordField("password", msg().password, "current-password");
    const button = h("button", { class: "button primary wide", type: "submit" }, msg().signIn);
    const form = h(
      "form",
      { novalidate: true, "aria-labelledby": "sign-in-title" },
      h("label", { for: "username" }, msg().userName),
      username,
      ...password.parts,
      problem,
      button,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const missing = [username, password.input].find((field) => field.value === "");
      if (missing) {
        problem.textContent = missing === username ? msg().enterUserName : msg().enterPassword;
        missing.focus();
        return;
      }
      this.#username = username.value.trim();
      void this.#send(button, problem, async () => {
        try {
          this.done(await this.api.signIn(this.#username, password.input.value));
        } catch (error) {
          if (error instanceof ApiError && error.code === "NewPasswordRequired") {
            this.#askNewPassword(password.input.value, error.rules ?? DEFAULT_RULES);
          } else {
            password.input.select();
            throw error;
          }
        }
      });
    });
    this.element.replaceChildren(
      h("div", { class: "brand" }, icon(...ICONS.logo), msg().brand),
      h("h1", { id: "sign-in-title" }, msg().signInToLabel),
      this.note ? h("p", { class: "muted" }, this.note) : "",
      form,
    );
  }

  #askNewPassword(oldPassword: string, rules: PasswordRules): void {
    const problem = problemBox();
    const again = h("input", {
      id: "new-password-again",
      type: "password",
      autocomplete: "new-password",
      required: true,
      maxlength: 256,
    });
    const fresh = passwordField("new-password", msg().newPassword, "new-password", again);
    fresh.input.setAttribute("aria-describedby", "password-rules");
    const list = h("ul", { id: "password-rules", class: "rules" });
    const showRules = (): void =>
      list.replaceChildren(
        ...checkedRules(rules, fresh.input.value).map((rule) =>
          h(
            "li",
            { class: rule.isMet ? "is-met" : "" },
            icon(...ICONS.check),
            rule.text,
            h("span", { class: "visually-hidden" }, rule.isMet ? msg().ruleMet : msg().ruleNotMet),
          ),
        ),
      );
    showRules();
    fresh.input.addEventListener("input", showRules);
    const button = h("button", { class: "button primary wide", type: "submit" }, msg().setPassword);
    const username = h("input", { type: "text", autocomplete: "username", hidden: true, "aria-hidden": "true" });
    username.value = this.#username;
    const form = h(
      "form",
      { novalidate: true, "aria-labelledby": "new-password-title" },
      username,
      ...fresh.parts,
      list,
      h("label", { for: "new-password-again" }, msg().repeatPassword),
      again,
      problem,
      button,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (checkedRules(rules, fresh.input.value).some((rule) => !rule.isMet)) {
        problem.textContent = msg().rulesNotMet;
        fresh.input.focus();
      } else if (again.value !== fresh.input.value) {
        problem.textContent = msg().passwordsDiffer;
        again.select();
      } else {
        void this.#send(button, problem, async () => {
          this.done(await this.api.changePassword(this.#username, oldPassword, fresh.input.value));
        });
      }
    });
    this.element.replaceChildren(
      h("div", { class: "brand" }, icon(...ICONS.logo), msg().brand),
      h("h1", { id: "new-password-title" }, msg().choosePassword),
      h("p", { class: "muted" }, msg().whyNewPassword),
      form,
    );
    fresh.input.focus();
  }

  async #send(button: HTMLButtonElement, problem: HTMLElement, run: () => Promise<void>): Promise<void> {
    if (button.disabled) return;
    window.clearInterval(this.#waitTimer);
    button.disabled = true;
    button.classList.add("is-busy");
    problem.textContent = "";
    try {
      await run();
    } catch (error) {
      if (error instanceof ApiError && error.retryAfterS) {
        button.classList.remove("is-busy");
        this.#wait(button, problem, error.retryAfterS);
        return;
      }
      problem.textContent = error instanceof Error ? error.message : String(error);
    }
    button.classList.remove("is-busy");
    button.disabled = false;
  }

  #wait(button: HTMLButtonElement, problem: HTMLElement, seconds: number): void {
    const until = Date.now() + seconds * 1000;
    problem.textContent = msg().tooManyAttempts(durationText(seconds));
    this.#waitTimer = window.setInterval(() => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left > 0) return;
      window.clearInterval(this.#waitTimer);
      problem.textContent = msg().tryAgainNow;
      button.disabled = false;
    }, 250);
  }
}

const DEFAULT_RULES: PasswordRules = { min_length: 8, uppercase: true, lowercase: true, numbers: true, symbols: true };

function problemBox(): HTMLElement {
  return h("p", { class: "problem", role: "alert" });
}

/** A password with a button that shows it, together with its repetition if there is one. */
function passwordField(
  id: string,
  label: string,
  autocomplete: string,
  repetition?: HTMLInputElement,
): { input: HTMLInputElement; parts: Node[] } {
  const input = h("input", { id, type: "password", name: id, autocomplete, required: true, maxlength: 256 });
  const toggle = h(
    "button",
    {
      type: "button",
      class: "show-password",
      "aria-label": msg().showTyped,
      "aria-pressed": "false",
      on: {
        click: () => {
          const isShown = input.type === "text";
          for (const field of [input, repetition]) if (field) field.type = isShown ? "password" : "text";
          toggle.setAttribute("aria-pressed", String(!isShown));
        },
      },
    },
    icon(...ICONS.eye),
  );
  return { input, parts: [h("label", { for: id }, label), h("div", { class: "password-row" }, input, toggle)] };
}
