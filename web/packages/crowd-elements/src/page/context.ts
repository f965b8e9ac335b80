/** What the page around the template tells us, and the messages to and from the page that holds our frame. */

export interface TaskContext {
  readonly taskId: string;
  readonly mode: "work" | "preview";
  readonly locale?: string;
  readonly nonce?: string;
  /** Forces light or dark; otherwise the browser's wish decides. */
  readonly colorScheme?: "light" | "dark";
  /** What the worker chose in earlier tasks (pane closed, guides on, ...), kept by the portal. */
  readonly preferences?: Readonly<Record<string, unknown>>;
}

export type ParentMessage =
  | { readonly type: "labelwright.submitted"; readonly taskId: string }
  | { readonly type: "labelwright.refused"; readonly taskId: string; readonly message: string }
  | { readonly type: "labelwright.show" }
  /** A key was pressed outside the frame that asks for the list of keys. */
  | { readonly type: "labelwright.help" }
  /** The portal's own keys, for that list. */
  | { readonly type: "labelwright.keys"; readonly keys: unknown }
  /** Choices the worker made in another task since this page was loaded. */
  | { readonly type: "labelwright.preferences"; readonly preferences: unknown }
  /** The answer that this worker sent last for this job. */
  | { readonly type: "labelwright.previous"; readonly answer: unknown }
  /** What became of a request for an object's outline. */
  | {
      readonly type: "labelwright.segmented";
      readonly id: number;
      readonly png?: unknown;
      readonly status?: unknown;
      readonly message?: unknown;
    }
  | { readonly type: "labelwright.restore"; readonly draft: unknown }
  | { readonly type: "labelwright.lock"; readonly message?: string };

const CONTEXT_ID = "labelwright-task";

let read: TaskContext | null | undefined;

/** The context block of the page, or null when the page was opened by itself. Read once, when first asked. */
export function taskContext(): TaskContext | null {
  if (read !== undefined) return read;
  const block = document.getElementById(CONTEXT_ID);
  // The parser may not have reached the block yet: then ask again later.
  if (!block && document.readyState === "loading") return null;
  read = null;
  if (block) {
    try {
      read = JSON.parse(block.textContent ?? "") as TaskContext;
    } catch {
      console.error(`#${CONTEXT_ID} does not hold JSON; the page runs in preview mode`);
    }
  }
  return read;
}

/** Whether there is a portal that takes answers. Everywhere else an answer is shown on the page instead. */
export function isInPortal(): boolean {
  return taskContext()?.mode === "work" && window.parent !== window;
}

/** Sends to the page that holds our frame. Its origin is not known here; it checks who we are, and nothing is secret. */
export function tellParent(type: string, data: Readonly<Record<string, unknown>> = {}): void {
  const context = taskContext();
  if (window.parent === window || !context) return;
  window.parent.postMessage({ type, taskId: context.taskId, nonce: context.nonce, ...data }, "*");
}

/** Calls back for each message from the page that holds our frame, and from nobody else. */
export function onParentMessage(listener: (message: ParentMessage) => void): () => void {
  const handle = (event: MessageEvent): void => {
    if (window.parent === window || event.source !== window.parent) return;
    const data: unknown = event.data;
    if (typeof data !== "object" || data === null) return;
    const { type, taskId } = data as { type?: unknown; taskId?: unknown };
    if (typeof type !== "string" || !type.startsWith("labelwright.")) return;
    if (taskId !== undefined && taskId !== taskContext()?.taskId) return;
    listener(data as ParentMessage);
  };
  window.addEventListener("message", handle);
  return () => window.removeEventListener("message", handle);
}

const chosen: Record<string, unknown> = {};

/** A choice the worker made about the page, in this task or (if the portal keeps them) an earlier one. */
export function preference<T>(name: string, fallback: T): T {
  return (chosen[name] ?? taskContext()?.preferences?.[name] ?? fallback) as T;
}

export function setPreference(name: string, value: unknown): void {
  chosen[name] = value;
  tellParent("labelwright.preferences", { preferences: { ...taskContext()?.preferences, ...chosen } });
}

/** Calls back when choices came in from another task: this page may have been loaded long before it is shown. */
export function onPreferences(listener: () => void): () => void {
  return onParentMessage((message) => {
    if (message.type !== "labelwright.preferences") return;
    if (typeof message.preferences !== "object" || message.preferences === null) return;
    Object.assign(chosen, message.preferences);
    listener();
  });
}
