/** Words, characters and lines of a text, all as UTF-16 offsets. */

export interface Range_ {
  readonly start: number;
  /** The first offset after it. */
  readonly end: number;
}

/** How far around an offset is looked at: no word that matters is longer, and long texts stay quick. */
const REACH = 256;

interface Segmenter {
  segment(text: string): Iterable<{ segment: string; index: number; isWordLike?: boolean }>;
}

/** Browsers before 2024 lack Intl.Segmenter; there, letters and digits in a row are a word. */
function byPattern(pattern: RegExp): Segmenter {
  return {
    segment: (text) =>
      [...text.matchAll(pattern)].map(({ 0: segment, index }) => ({
        segment,
        index,
        isWordLike: /[\p{L}\p{N}]/u.test(segment),
      })),
  };
}

const knows = "Segmenter" in Intl;
const words: Segmenter = knows
  ? new Intl.Segmenter(undefined, { granularity: "word" })
  : byPattern(/[\p{L}\p{N}\p{M}'’_]+|\s+|./gsu);
const characters: Segmenter = knows
  ? new Intl.Segmenter(undefined, { granularity: "grapheme" })
  : byPattern(/\r\n|.\p{M}*/gsu);

/**
 * The lines of a text, without what ends them (LF, CR LF or CR). There is always at least one. Lines longer than
 * `limit` are cut into pieces that follow each other without a gap, at white space if there is some.
 */
export function linesOf(text: string, limit = Infinity): Range_[] {
  const lines: Range_[] = [];
  const add = (start: number, end: number): void => {
    for (let from = start; ;) {
      const to = end - from > limit ? cutBefore(text, from, from + limit) : end;
      lines.push({ start: from, end: to });
      if (to === end) return;
      from = to;
    }
  };
  let start = 0;
  for (const match of text.matchAll(/\r\n|\r|\n/g)) {
    add(start, match.index);
    start = match.index + match[0].length;
  }
  add(start, text.length);
  return lines;
}

/** The last good place for a cut in (from, to]: after white space, else between two characters. */
function cutBefore(text: string, from: number, to: number): number {
  for (let at = to; at > Math.max(from, to - REACH); at--) if (/\s/.test(text[at - 1]!)) return at;
  const at = previousCharacter(text, to + 1);
  return at > from ? at : to;
}

/** Whether a text reads from right to left: by its first letter, as browsers decide. */
export function isRightToLeft(text: string): boolean {
  const first = /\p{L}/u.exec(text)?.[0] ?? "";
  return /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u.test(
    first,
  );
}

/** Index of the line that holds an offset. */
export function lineAt(lines: readonly Range_[], offset: number): number {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle]!.start <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function* partsAround(text: string, offset: number, segmenter: Segmenter): Generator<Range_ & { isWord: boolean }> {
  let from = Math.max(0, offset - REACH);
  // A window that begins inside a word would cut it: it begins at white space, if there is some near.
  if (from > 0) {
    const space = text.slice(from, offset).search(/\s/);
    if (space >= 0) from += space;
  }
  for (const { segment, index, isWordLike } of segmenter.segment(text.slice(from, offset + REACH))) {
    yield { start: from + index, end: from + index + segment.length, isWord: isWordLike ?? false };
  }
}

/** The word at an offset; between two words, the one before; else whatever stands there. Null in an empty text. */
export function wordAt(text: string, offset: number): Range_ | null {
  let before: (Range_ & { isWord: boolean }) | null = null;
  for (const part of partsAround(text, offset, words)) {
    if (part.start <= offset && offset < part.end) {
      const pick = !part.isWord && part.start === offset && before?.isWord ? before : part;
      return { start: pick.start, end: pick.end };
    }
    before = part;
  }
  return before && { start: before.start, end: before.end };
}

/** Start of the next word after an offset, or the end of the text. */
export function nextWord(text: string, offset: number): number {
  let last = Math.min(text.length, offset + 1);
  for (const part of partsAround(text, offset, words)) {
    if (part.start > offset && part.isWord) return part.start;
    last = Math.max(last, part.end);
  }
  return Math.min(text.length, last);
}

/** Start of the word that an offset is in or after. */
export function previousWord(text: string, offset: number): number {
  let found = -1;
  let first = offset;
  for (const part of partsAround(text, offset, words)) {
    if (part.start >= offset) break;
    first = Math.min(first, part.start);
    if (part.isWord) found = part.start;
  }
  return found >= 0 ? found : Math.min(first, Math.max(0, offset - 1));
}

/** The next place a caret can stand: over a whole emoji, a letter with its accents, a line end. */
export function nextCharacter(text: string, offset: number): number {
  const [first] = characters.segment(text.slice(offset, offset + 64));
  return offset + (first?.segment.length ?? 0);
}

export function previousCharacter(text: string, offset: number): number {
  const from = Math.max(0, offset - 64);
  let start = from;
  for (const { index } of characters.segment(text.slice(from, offset))) start = from + index;
  return Math.min(offset, start);
}
