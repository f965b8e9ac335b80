/** The bundle that templates load as crowd-html-elements.js: defines everything before the parser goes on. */

import { taskContext, tellParent } from "./page/context.js";
import { hearPortalKeys } from "./page/key-map.js";
import { stylePage } from "./page/page-style.js";
import { announceWhenReady, ready } from "./page/ready.js";
import { registerAll } from "./register.js";

const MARK = "labelwrightElements";
const ACTIVITY_EVERY_MS = 5000;

declare global {
  interface Window {
    [MARK]?: true;
  }
}

/** Tells the portal now and then that the worker is at work; that is how working time is counted. */
function reportActivity(): void {
  let last = 0;
  const note = (): void => {
    const now = Date.now();
    if (now - last < ACTIVITY_EVERY_MS) return;
    last = now;
    tellParent("labelwright.activity");
  };
  for (const type of ["pointerdown", "pointermove", "keydown", "wheel", "input"]) {
    window.addEventListener(type, note, { passive: true, capture: true });
  }
}

/** Keys that nothing here wants but the portal may (Alt and a letter), once all others have had their turn. */
function forwardShortcuts(): void {
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || !event.altKey || event.ctrlKey || event.metaKey || event.key.length !== 1) return;
    tellParent("labelwright.shortcut", { key: `Alt+${event.code.replace(/^Key|^Digit/, "")}` });
  });
}

if (!window[MARK]) {
  window[MARK] = true;
  stylePage();
  registerAll();
  announceWhenReady();
  reportActivity();
  forwardShortcuts();
  hearPortalKeys();
  void ready().then(() => {
    if (taskContext()) tellParent("labelwright.ready");
  });
}
