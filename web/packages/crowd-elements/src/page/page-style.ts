/**
 * The page's own look: no margin, a plain font, light or dark. Every rule is wrapped in :where(), so that anything
 * the author of the template writes wins. A template that brings its own style is shown light, since its colours
 * were chosen on white.
 */

import { taskContext } from "./context.js";
import { startLook } from "./look.js";

const RULES = `
:where(html) { color-scheme: light dark; }
:where(html[data-labelwright-scheme="light"]) { color-scheme: light; }
:where(html[data-labelwright-scheme="dark"]) { color-scheme: dark; }
:where(html, body) { height: 100%; }
:where(body) {
  margin: 0;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  background: light-dark(#fff, #191b20);
  color: light-dark(#1c212b, #e8eaee);
}
:where(short-instructions, full-instructions, classification-target, short-summary, detailed-instructions,
  positive-example, negative-example, worker-comment) { display: block; }
`;

export function stylePage(): void {
  const style = document.createElement("style");
  style.dataset["labelwright"] = "";
  style.textContent = RULES;
  (document.head ?? document.documentElement).prepend(style);
  const choose = (): void => chooseScheme();
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", choose, { once: true });
  else choose();
}

function chooseScheme(): void {
  const root = document.documentElement;
  root.lang ||= taskContext()?.locale ?? "en";
  startLook(hasOwnStyle());
}

/** Whether the template sets colours itself. Layout-only `style` attributes do not count. */
function hasOwnStyle(): boolean {
  if (document.querySelector("style:not([data-labelwright]), link[rel~=stylesheet]:not([href*=crowd-html-elements])")) {
    return true;
  }
  const colored = document.querySelectorAll("[style*=color], [style*=background], [bgcolor], font[color]");
  return colored.length > 0;
}
