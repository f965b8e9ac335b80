/** A text that is given itself, or by the address where it lies. */

import { html, nothing } from "lit";

import { msg } from "./messages.js";

export class TextSource {
  #given = "";
  #text: string | null = null;
  #hasFailed = false;
  #loading: AbortController | null = null;

  constructor(private readonly changed: () => void) {}

  set(given: string): void {
    if (given === this.#given) return;
    this.#given = given;
    this.#loading?.abort();
    this.#hasFailed = false;
    this.#text = isAddress(given) ? null : given;
    if (this.#text === null) void this.#load(given);
  }

  async #load(address: string): Promise<void> {
    const abort = new AbortController();
    this.#loading = abort;
    try {
      const response = await fetch(address, { signal: abort.signal, credentials: "omit" });
      if (!response.ok) throw new Error(`status ${response.status}`);
      this.#text = await response.text();
    } catch (error) {
      if (abort.signal.aborted) return;
      console.error("The text could not be loaded", error);
      this.#hasFailed = true;
    }
    this.changed();
  }

  render(): unknown {
    if (this.#hasFailed) {
      return html`<span class="text-problem" role="alert">${msg().textFailed}</span>
        <a href=${this.#given} target="_blank" rel="noopener noreferrer">${msg().openText}</a>`;
    }
    return this.#text ?? (this.#given ? html`<span role="status">${msg().textLoading}</span>` : nothing);
  }
}

/** One address and nothing else. */
export function isAddress(text: string): boolean {
  return /^\s*https?:\/\/\S+\s*$/i.test(text);
}
