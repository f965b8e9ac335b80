/**
 * The answer that a worker sent last, for each job: the next task may start from it ("copy from the image before").
 * Kept for this browser tab alone, and only as long as the worker stays signed in.
 */

import type { Answer } from "./types.js";

const PREFIX = "labelwright.last.";

export class LastAnswers {
  readonly #inMemory = new Map<string, Answer>();

  /** @param storage `sessionStorage`, or anything like it: what it cannot take is kept in memory. */
  constructor(
    private readonly storage: Storage,
    private readonly workerId: string,
  ) {}

  #key(job: string): string {
    return `${PREFIX}${this.workerId}.${job}`;
  }

  keep(job: string, answer: Answer): void {
    this.#inMemory.set(job, answer);
    try {
      this.storage.setItem(this.#key(job), JSON.stringify(answer));
    } catch {
      // A mask may be too large for the browser's store. An older answer there would be a wrong one.
      this.storage.removeItem(this.#key(job));
    }
  }

  find(job: string): Answer | null {
    const kept = this.#inMemory.get(job);
    if (kept) return kept;
    try {
      return JSON.parse(this.storage.getItem(this.#key(job)) ?? "null") as Answer | null;
    } catch {
      return null;
    }
  }

  /** The worker signs out: nothing stays behind. */
  static forgetAll(storage: Storage): void {
    const names = Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? "");
    for (const name of names) if (name.startsWith(PREFIX)) storage.removeItem(name);
  }
}
