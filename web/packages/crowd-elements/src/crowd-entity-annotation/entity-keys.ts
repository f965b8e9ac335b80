/** Keys of the text tool: what each does, and which label has which. */

import { msg } from "../base/messages.js";
import { CTRL, type Shortcut } from "../base/widget.js";

/** Letters for labels after the tenth; H hides. */
const LETTERS = "ABCDEFGIJKLMNOPQRSTUVWXYZ";

/** The key of the i-th label: `1` to `9`, `0`, then letters; null when there are no more. */
export function labelKey(index: number): string | null {
  return index < 10 ? String((index + 1) % 10) : (LETTERS[index - 10] ?? null);
}

/** Which label a key means; -1: none. */
export function labelOfKey(key: string): number {
  if (/^[0-9]$/.test(key)) return (Number(key) + 9) % 10;
  const at = key.length === 1 ? LETTERS.indexOf(key.toUpperCase()) : -1;
  return at < 0 ? -1 : at + 10;
}

export function entityShortcuts(): Shortcut[] {
  const m = msg();
  return [
    { keys: ["1", "…", "9", "0", "A", "B", "…"], text: m.keyEntityLabel },
    { keys: [m.keyMouseDrag], text: m.keyMark },
    { keys: [m.keyDoubleClick], text: m.keyMarkWord },
    { keys: ["←", "→", "↑", "↓"], text: m.keyCaret },
    { keys: ["Shift", "← → ↑ ↓"], text: m.keySelect },
    { keys: [m.keySpace], text: m.keyWord },
    { keys: ["Enter"], text: m.keyEnterEntity },
    { keys: ["Tab", "Shift+Tab"], text: m.keyNextEntity },
    { keys: ["Delete"], text: m.keyDeleteEntity },
    { keys: ["Esc"], text: m.keyEscapeEntity },
    { keys: [`${CTRL}+Z`, `${CTRL}+Y`], text: m.keyUndo },
    { keys: ["H"], text: m.keyHideEntities },
  ];
}
