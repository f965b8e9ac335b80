/**
 * One task's document in a sandboxed frame.
 *
 * The frame has an opaque origin: it cannot see this page, its cookie or its storage. It talks by messages;
 * a message counts only when it comes from the frame's own window and repeats the nonce that was put into its
 * address.
 */

import { msg } from "./messages.js";
import type { Answer, Task } from "./types.js";

const SANDBOX = "allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-downloads";

/** Class of a frame that is done with and about to go. */
export const RETIRED = "done-frame";

export interface FrameListener {
  ready(frame: TaskFrame): void;
  submit(frame: TaskFrame, answer: Answer): void;
  activity(frame: TaskFrame): void;
  draft(frame: TaskFrame, draft: unknown): void;
  preferences(preferences: unknown): void;
  shortcut(frame: TaskFrame, key: string): void;
  /** Focus mode was switched on or off in the document. */
  look?(frame: TaskFrame, isFocused: boolean): void;
  /** The document wants the answer that this worker sent before in this job. */
  previous?(frame: TaskFrame): void;
  /** The document wants the outline of an object. */
  segment?(frame: TaskFrame, question: OutlineQuestion): void;
}

export interface OutlineQuestion {
  readonly id: number;
  readonly image: string;
  readonly points: unknown;
  readonly box: unknown;
  readonly label: string;
}

export class TaskFrame {
  readonly element: HTMLIFrameElement;
  readonly #nonce = randomNonce();
  readonly #listener: FrameListener;
  /** The document wants everything around it out of sight; it may say so while it still waits to be shown. */
  isFocused = false;
  #isReady = false;
  #queue: object[] = [];
  #fallback = 0;

  constructor(
    public task: Task,
    listener: FrameListener,
    preferences = "",
  ) {
    this.#listener = listener;
    const frame = document.createElement("iframe");
    // Order matters: the sandbox must be there before anything loads.
    frame.setAttribute("sandbox", SANDBOX);
    frame.setAttribute("allow", "fullscreen; clipboard-write");
    frame.title = msg().frameTitle(task.title);
    frame.className = "task-frame";
    const query = new URLSearchParams({ nonce: this.#nonce });
    if (preferences) query.set("preferences", preferences);
    frame.src = `${task.html_url}?${query.toString()}`;
    frame.addEventListener("load", () => {
      // A template without our elements never says that it is ready.
      this.#fallback = window.setTimeout(() => this.#ready(), 1500);
    });
    this.element = frame;
    this.hide();
    window.addEventListener("message", this.#onMessage);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Out of sight, but laid out at full size, so that it is complete when it is shown. */
  hide(): void {
    this.element.classList.add("is-waiting");
    this.element.inert = true;
    this.element.setAttribute("aria-hidden", "true");
  }

  show(): void {
    this.element.classList.remove("is-waiting");
    this.element.inert = false;
    this.element.removeAttribute("aria-hidden");
    this.post({ type: "labelwright.show" });
    this.element.focus();
  }

  /** Send to the document; what comes before it is ready waits. */
  post(message: object): void {
    if (!this.#isReady) this.#queue.push(message);
    // The receiver's origin is opaque, which no target origin can name.
    else this.element.contentWindow?.postMessage({ taskId: this.task.id, nonce: this.#nonce, ...message }, "*");
  }

  /** Under the one that takes its place, and heard no more. Taking it away can wait until that one is drawn. */
  retire(): void {
    window.removeEventListener("message", this.#onMessage);
    this.element.className = RETIRED;
  }

  dispose(): void {
    window.removeEventListener("message", this.#onMessage);
    window.clearTimeout(this.#fallback);
    this.element.remove();
  }

  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    window.clearTimeout(this.#fallback);
    const queue = this.#queue;
    this.#queue = [];
    this.#listener.ready(this);
    for (const message of queue) this.post(message);
  }

  readonly #onMessage = (event: MessageEvent): void => {
    if (event.source === null || event.source !== this.element.contentWindow) return;
    const data: unknown = event.data;
    if (typeof data !== "object" || data === null) return;
    const message = data as Record<string, unknown>;
    if (message["nonce"] !== this.#nonce || message["taskId"] !== this.task.id) return;
    switch (message["type"]) {
      case "labelwright.ready":
        this.#ready();
        break;
      case "labelwright.activity":
        this.#listener.activity(this);
        break;
      case "labelwright.draft":
        this.#listener.draft(this, message["draft"]);
        break;
      case "labelwright.shortcut":
        if (typeof message["key"] === "string") this.#listener.shortcut(this, message["key"]);
        break;
      case "labelwright.preferences":
        this.#listener.preferences(message["preferences"]);
        break;
      case "labelwright.look":
        this.#listener.look?.(this, message["focus"] === true);
        break;
      case "labelwright.previous":
        this.#listener.previous?.(this);
        break;
      case "labelwright.segment":
        if (isQuestion(message)) this.#listener.segment?.(this, message);
        break;
      case "labelwright.submit":
        if (isAnswer(message["answer"])) this.#listener.submit(this, message["answer"]);
        break;
    }
  };
}

function isQuestion(message: object): message is OutlineQuestion {
  const { id, image, label } = message as Record<string, unknown>;
  return typeof id === "number" && typeof image === "string" && typeof label === "string";
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function randomNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
