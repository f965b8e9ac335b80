/** The keys that move the caret of a text, as lines of the list. */

import type { KeyBinding } from "./keys.js";
import { msg } from "./messages.js";
import { ARROW_KEYS } from "./stage-tools.js";

/** Each chord by itself, with Shift (which selects), with Ctrl and Alt (by words), and with both. */
function withAll(keys: readonly string[]): string[] {
  return keys.flatMap((key) => ["", "Ctrl+", "Alt+", "Ctrl+Alt+"].map((modifiers) => modifiers + key));
}

/** `move` gets the key; false when the text has not got the focus. */
export function caretKeys(move: (event: KeyboardEvent) => boolean | void): KeyBinding[] {
  const m = msg();
  const run = (event: KeyboardEvent): boolean | void => move(event);
  return [
    { keys: withAll(ARROW_KEYS), shown: ["←", "→", "↑", "↓"], text: m.keyCaret, run },
    { keys: ["Shift+ArrowLeft"], shown: ["Shift", "← → ↑ ↓"], text: m.keySelect, run },
    { keys: withAll(["Home", "End"]), shown: ["Home", "End"], text: m.keyLineEnds, run },
    { keys: ["PageUp", "PageDown"], text: m.keyPages, run },
  ];
}
