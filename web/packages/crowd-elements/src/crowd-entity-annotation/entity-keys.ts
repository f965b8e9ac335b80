/** Which label of the text tool has which key. */

/** Letters for labels after the tenth; H hides. */
const LETTERS = "ABCDEFGIJKLMNOPQRSTUVWXYZ";

/** The key of the i-th label: `1` to `9`, `0`, then letters; null when there are no more. */
export function labelKey(index: number): string | null {
  return index < 10 ? String((index + 1) % 10) : (LETTERS[index - 10] ?? null);
}
