/** Unfinished work per task, kept in this browser until the task's time is over. */

const PREFIX = "labelwright.draft.";
const PREFERENCES = "labelwright.preferences";
const MAX_PREFERENCES = 2000;

interface Kept {
  draft: unknown;
  until: number;
}

export class Drafts {
  /** @param storage `localStorage`, or anything like it */
  constructor(
    private readonly storage: Storage,
    private readonly now: () => number,
  ) {}

  /** Keep what was entered; when the browser's store is full it says false. */
  keep(taskId: string, draft: unknown, until: number): boolean {
    try {
      this.storage.setItem(PREFIX + taskId, JSON.stringify({ draft, until } satisfies Kept));
      return true;
    } catch {
      return false;
    }
  }

  find(taskId: string): unknown {
    return this.#read(PREFIX + taskId)?.draft ?? null;
  }

  forget(taskId: string): void {
    this.storage.removeItem(PREFIX + taskId);
  }

  /** What the worker chose about the tools (a pane closed, guides on), as JSON; empty when nothing yet. */
  get preferences(): string {
    return this.storage.getItem(PREFERENCES) ?? "";
  }

  /** `light` or `dark` if the worker has chosen. */
  get colorScheme(): unknown {
    try {
      return (JSON.parse(this.preferences || "{}") as { colorScheme?: unknown }).colorScheme;
    } catch {
      return undefined;
    }
  }

  set preferences(text: string) {
    if (text.length <= MAX_PREFERENCES) this.storage.setItem(PREFERENCES, text);
  }

  /** Remove whatever has run out. */
  sweep(): void {
    const names = Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i) ?? "");
    for (const name of names) if (name.startsWith(PREFIX)) this.#read(name);
  }

  #read(name: string): Kept | null {
    const text = this.storage.getItem(name);
    if (text === null) return null;
    try {
      const kept = JSON.parse(text) as Kept;
      if (typeof kept.until === "number" && kept.until > this.now()) return kept;
    } catch {
      // Not ours or cut off: of no use to anybody.
    }
    this.storage.removeItem(name);
    return null;
  }
}
