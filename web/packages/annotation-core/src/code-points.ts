/** Offsets of answers count code points, as Python does; offsets in the browser count UTF-16 units. */

export class CodePoints {
  /** Unit offsets of the first half of every pair, ascending. Text without emoji and the like has none. */
  readonly #pairs: number[] = [];
  readonly #units: number;

  constructor(text: string) {
    this.#units = text.length;
    for (let i = 0; i < text.length - 1; i++) {
      if (!isPair(text, i)) continue;
      this.#pairs.push(i);
      i += 1;
    }
  }

  /** Length of the text in code points. */
  get length(): number {
    return this.#units - this.#pairs.length;
  }

  /** Code points before a unit offset. Inside a pair, the pair does not count yet. */
  fromUnit(unit: number): number {
    const at = Math.max(0, Math.min(unit, this.#units));
    let low = 0;
    let high = this.#pairs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pairs[middle]! + 2 <= at) low = middle + 1;
      else high = middle;
    }
    // `low` whole pairs lie before; in the middle of the next one, its first half is taken back.
    return at - low - (this.#pairs[low] === at - 1 ? 1 : 0);
  }

  /** Unit offset of a code point. */
  toUnit(point: number): number {
    const at = Math.max(0, Math.min(point, this.length));
    let low = 0;
    let high = this.#pairs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pairs[middle]! - middle < at) low = middle + 1;
      else high = middle;
    }
    return at + low;
  }
}

/** Whether the units at `i` and `i + 1` are one code point. */
export function isPair(text: string, i: number): boolean {
  const first = text.charCodeAt(i);
  const second = text.charCodeAt(i + 1);
  return first >= 0xd800 && first < 0xdc00 && second >= 0xdc00 && second < 0xe000;
}
