/** How the page looks to this worker: focus mode (instructions and everything around the work hidden), light or dark. */

import type { KeyGroup } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { onPreferences, preference, setPreference, taskContext, tellParent } from "./context.js";

/** Fired on the document when one of the two has changed. */
export const LOOK_EVENT = "labelwright-look";

export function isFocusMode(): boolean {
  return preference("focusMode", false);
}

export function toggleFocusMode(): void {
  setPreference("focusMode", !isFocusMode());
  applyLook();
}

/** The template brings colours of its own, chosen on white; then there is no choice. */
let isLightOnly = false;

export function canChooseScheme(): boolean {
  return !isLightOnly;
}

export function isDark(): boolean {
  const { labelwrightScheme } = document.documentElement.dataset;
  return labelwrightScheme ? labelwrightScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function toggleScheme(): void {
  if (isLightOnly) return;
  setPreference("colorScheme", isDark() ? "light" : "dark");
  applyLook();
}

function applyLook(): void {
  const { dataset } = document.documentElement;
  const wish = isLightOnly ? "light" : preference<unknown>("colorScheme", taskContext()?.colorScheme);
  if (wish === "light" || wish === "dark") dataset["labelwrightScheme"] = wish;
  else delete dataset["labelwrightScheme"];
  dataset["labelwrightFocus"] = String(isFocusMode());
  tellParent("labelwright.look", { focus: isFocusMode() });
  document.dispatchEvent(new Event(LOOK_EVENT));
}

/** Call once, when the document has been parsed. */
export function startLook(hasOwnStyle: boolean): void {
  isLightOnly = hasOwnStyle;
  applyLook();
  onPreferences(applyLook);
}

/** `?` is the widget's or the form's: it knows which dialog to open. */
export function lookKeys(openHelp: () => void): KeyGroup {
  const m = msg();
  return {
    title: m.keysOfPage,
    keys: [
      { keys: ["?"], text: m.keyHelp, run: openHelp },
      { keys: ["Shift+F"], text: m.keyFocusMode, run: toggleFocusMode },
      ...(isLightOnly ? [] : [{ keys: ["Shift+D"], text: m.keyScheme, run: toggleScheme }]),
    ],
  };
}
