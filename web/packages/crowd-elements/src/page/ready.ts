/** `all-crowd-elements-ready`: once, after everything that was in the parsed document has drawn its first frame. */

import { LitElement } from "lit";

export const READY_EVENT = "all-crowd-elements-ready";

let isReady = false;
let settle: () => void;
const whenReady = new Promise<void>((resolve) => {
  settle = resolve;
});

export function ready(): Promise<void> {
  return whenReady;
}

export function pageIsReady(): boolean {
  return isReady;
}

/** Elements of ours below a root, those in shadow trees included. */
function* litElements(root: ParentNode): Generator<LitElement> {
  for (const element of root.querySelectorAll("*")) {
    if (!(element instanceof LitElement)) continue;
    yield element;
    if (element.shadowRoot) yield* litElements(element.shadowRoot);
  }
}

/** Resolves with the next frame; a frame that is not shown draws none, so a short wait also will do. */
function nextFrame(): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, 60);
    requestAnimationFrame(() => setTimeout(done));
  });
}

async function announce(): Promise<void> {
  // Twice: a first update may create elements in shadow trees.
  for (let round = 0; round < 2; round++) {
    await Promise.allSettled([...litElements(document)].map((element) => element.updateComplete));
  }
  await nextFrame();
  isReady = true;
  document.dispatchEvent(new Event(READY_EVENT));
  settle();
}

export function announceWhenReady(): void {
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", () => void announce(), { once: true });
  } else queueMicrotask(() => void announce());
}
