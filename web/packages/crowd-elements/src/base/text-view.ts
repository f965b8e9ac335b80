/**
 * A text whose passages can be marked. Every line is a block of its own: those out of view are not laid out, and only
 * lines whose marks have changed are built again, so a long document stays quick. Offsets are UTF-16 units of the text.
 *
 * Selecting by mouse or finger is the browser's; for the keyboard there is a caret of our own, since the text cannot
 * be edited and so has none.
 */

import {
  type Range_,
  type Span,
  isRightToLeft,
  layersOf,
  lineAt,
  linesOf,
  nextCharacter,
  nextWord,
  previousCharacter,
  previousWord,
  segmentsOf,
  spansAt,
  wordAt,
} from "@labelwright/annotation-core";

import { buildLine } from "./text-line.js";
import { selectedIn } from "./text-selection.js";

/** How a span looks. */
export interface TextMark {
  readonly color: string;
  /** Short text over the beginning of the passage; empty: none. */
  readonly tag: string;
  readonly title: string;
  readonly isSelected: boolean;
  readonly canRemove: boolean;
}

export interface TextViewHost {
  markOf(span: Span): TextMark;
  /** A passage was selected by pointer. A finger's selection may still be adjusted, so it comes with `isTouch`. */
  selected(range: Range_, isTouch: boolean): void;
  /** A click, with the spans at that place, the shortest first. */
  clicked(spans: readonly Span[]): void;
  /** The cross on a tag. */
  removed(id: number): void;
  /** The caret has come to something that a screen reader should say. */
  announce(text: string): void;
}

interface Line extends Range_ {
  readonly element: HTMLElement;
  texts: { readonly node: Text; readonly start: number }[];
  key: string;
}

/** A longer line is laid out in pieces: the browser would lay out all of it again after every change. */
const LONGEST_LINE = 5000;
const TOUCH_SETTLES_MS = 500;
/** By how much lines reach into the next one (see the styles). */
const LINE_OVERLAP_PX = 10;
/** About half of the room between two rows. */
const ROW_GAP_PX = 10;

export class TextView {
  readonly #lines: Line[] = [];
  readonly #starts = new WeakMap<Node, number>();
  readonly #caretElement = document.createElement("div");
  #text = "";
  #ranges: Range_[] = [];
  #spans: readonly Span[] = [];
  #marked = new Set<number>();
  #anchor = 0;
  #caret = 0;
  /** Where the caret wants to be when it goes up and down. */
  #goalX: number | null = null;
  #isTouch = false;
  #touchTimer: ReturnType<typeof setTimeout> | undefined;
  #pressedAt: number | null = null;

  constructor(
    readonly element: HTMLElement,
    private readonly host: TextViewHost,
  ) {
    this.#caretElement.className = "caret";
    this.#caretElement.hidden = true;
    element.addEventListener("pointerdown", (event) => this.#onDown(event));
    element.addEventListener("scroll", () => this.#placeCaret(), { passive: true });
    element.addEventListener("blur", () => this.#placeCaret());
    element.addEventListener("focus", () => this.#placeCaret());
    new ResizeObserver(() => this.#placeCaret()).observe(element);
  }

  connect(): void {
    document.addEventListener("mouseup", this.#onUp);
    document.addEventListener("selectionchange", this.#onSelectionChange);
  }

  disconnect(): void {
    document.removeEventListener("mouseup", this.#onUp);
    document.removeEventListener("selectionchange", this.#onSelectionChange);
    clearTimeout(this.#touchTimer);
  }

  // ---- content -------------------------------------------------------------------------------------------------

  setText(text: string): void {
    if (text === this.#text && this.#lines.length) return;
    this.#text = text;
    this.#ranges = linesOf(text, LONGEST_LINE);
    this.#lines.length = 0;
    this.#marked.clear();
    this.#spans = [];
    this.#anchor = this.#caret = 0;
    const all = document.createDocumentFragment();
    let before: Line | undefined;
    for (const range of this.#ranges) {
      const element = document.createElement("div");
      element.className = "line";
      // A piece of a cut line goes the way its line goes.
      if (before?.end === range.start && range.start > 0) element.dir = before.element.dir;
      else element.dir = isRightToLeft(text.slice(range.start, range.end)) ? "rtl" : "ltr";
      const line: Line = { ...range, element, texts: [], key: "" };
      this.#build(line, []);
      this.#lines.push(line);
      before = line;
      all.append(element);
    }
    this.element.replaceChildren(all, this.#caretElement);
  }

  /** Shows these spans. Lines that look the same as before are left alone. */
  setSpans(spans: readonly Span[]): void {
    this.#spans = spans;
    const layers = layersOf(spans);
    const byLine = new Map<number, Span[]>();
    for (const span of spans) {
      const last = lineAt(this.#ranges, Math.max(span.start, span.end - 1));
      for (let i = lineAt(this.#ranges, span.start); i <= last; i++) {
        const list = byLine.get(i);
        if (list) list.push(span);
        else byLine.set(i, [span]);
      }
    }
    for (const i of this.#marked) if (!byLine.has(i)) this.#update(i, [], layers);
    for (const [i, list] of byLine) this.#update(i, list, layers);
    this.#marked = new Set(byLine.keys());
    this.#placeCaret();
  }

  #update(i: number, spans: readonly Span[], layers: ReadonlyMap<number, number>): void {
    const line = this.#lines[i];
    if (!line) return;
    const marks = spans.map((span) => ({
      span,
      mark: this.host.markOf(span),
      layer: layers.get(span.id) ?? 0,
    }));
    const key = marks
      .map(
        ({ span, mark, layer }) =>
          `${span.id} ${span.start} ${span.end} ${layer} ${mark.color} ${mark.tag} ${mark.isSelected}`,
      )
      .join("|");
    if (key === line.key) return;
    line.key = key;
    this.#build(line, marks);
  }

  #build(line: Line, marks: readonly { span: Span; mark: TextMark; layer: number }[]): void {
    const segments = segmentsOf(
      line,
      marks.map(({ span }) => span),
    );
    line.texts = buildLine(line.element, this.#text, segments, marks, line);
    for (const { node, start } of line.texts) this.#starts.set(node, start);
  }

  // ---- from places to offsets and back -------------------------------------------------------------------------

  /** The offset of a place in the tree; null outside the text. */
  #offsetOf(node: Node, at: number): number | null {
    const start = this.#starts.get(node);
    if (start !== undefined) return start + at;
    if (!this.element.contains(node)) return null;
    if (node === this.element) return this.#lines[at]?.start ?? this.#text.length;
    const line = this.#lines.find(({ element }) => element === node || element.contains(node));
    if (!line) return null;
    const range = document.createRange();
    range.setStart(line.element, 0);
    range.setEnd(node, at);
    let offset = line.start;
    for (const text of line.texts)
      if (range.comparePoint(text.node, text.node.length) <= 0) offset = text.start + text.node.length;
    return offset;
  }

  /** The place of an offset in the tree. */
  #placeOf(offset: number): { node: Node; at: number } {
    const line = this.#lines[lineAt(this.#ranges, offset)]!;
    for (const { node, start } of line.texts) {
      if (offset <= start + node.length) return { node, at: Math.max(0, offset - start) };
    }
    return { node: line.element, at: 0 };
  }

  /** Where the caret stands before an offset, on the screen. */
  #rectAt(offset: number): DOMRect {
    const i = lineAt(this.#ranges, offset);
    const line = this.#lines[i]!;
    const isEnd = offset >= line.end;
    if (line.start === line.end) {
      const box = line.element.getBoundingClientRect();
      const x = this.#isRtl(i) ? box.right : box.left;
      return new DOMRect(x, box.top + LINE_OVERLAP_PX + ROW_GAP_PX, 0, box.height - 2 * (LINE_OVERLAP_PX + ROW_GAP_PX));
    }
    const from = isEnd ? previousCharacter(this.#text, line.end) : offset;
    const to = isEnd ? line.end : Math.min(line.end, nextCharacter(this.#text, offset));
    const rects = this.#rangeOf({ start: from, end: to }).getClientRects();
    const rect = rects[isEnd ? rects.length - 1 : 0] ?? line.element.getBoundingClientRect();
    const isRight = isEnd !== this.#isRtl(i);
    return new DOMRect(isRight ? rect.right : rect.left, rect.top, 0, rect.height);
  }

  #isRtl(line: number): boolean {
    return this.#lines[line]!.element.dir === "rtl";
  }

  #rangeOf({ start, end }: Range_): Range {
    const range = document.createRange();
    const from = this.#placeOf(start);
    // A passage that begins where a stretch ends begins with the next one.
    const first = this.#lines[lineAt(this.#ranges, start)]!.texts.find((text) => text.start === start);
    range.setStart(first?.node ?? from.node, first ? 0 : from.at);
    const to = this.#placeOf(end);
    range.setEnd(to.node, to.at);
    return range;
  }

  /** The first and last rectangle of a passage, on the screen; null when it has none. */
  rectsOf(range: Range_): { first: DOMRect; last: DOMRect } | null {
    const rects = this.#rangeOf(range).getClientRects();
    const [first, last] = [rects[0], rects[rects.length - 1]];
    return first && last ? { first, last } : null;
  }

  /** The offset nearest to a point of the screen. */
  offsetAt(x: number, y: number): number {
    const {
      element: { children },
    } = this;
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (children[middle]!.getBoundingClientRect().bottom - LINE_OVERLAP_PX > y) high = middle;
      else low = middle + 1;
    }
    const line = this.#lines[low]!;
    // Rows follow each other in the order of the text, whatever its direction.
    const first = (isThere: (rect: DOMRect) => boolean): number => {
      let [from, to] = [line.start, line.end];
      while (from < to) {
        const middle = (from + to) >> 1;
        if (isThere(this.#rectAt(middle))) to = middle;
        else from = middle + 1;
      }
      return from;
    };
    const row = this.#rectAt(first((rect) => rect.bottom + ROW_GAP_PX > y));
    const middle = row.top + row.height / 2;
    let best = first((rect) => rect.bottom > middle);
    const to = first((rect) => rect.top > middle);
    let distance = Infinity;
    for (let offset = best; offset <= to; offset = nextCharacter(this.#text, offset)) {
      const rect = this.#rectAt(offset);
      const away = Math.abs(rect.left - x) + (rect.top > middle || rect.bottom < middle ? 1e4 : 0);
      if (away < distance) [best, distance] = [offset, away];
      if (offset >= line.end) break;
    }
    return best;
  }

  // ---- pointers ------------------------------------------------------------------------------------------------

  #onDown(event: PointerEvent): void {
    this.#isTouch = event.pointerType === "touch";
    const target = event.target as Element;
    const tag = target.closest<HTMLElement>(".tag");
    if (tag) {
      event.preventDefault();
      const id = Number(tag.dataset["id"]);
      if (target.closest(".cross")) this.host.removed(id);
      else this.host.clicked(this.#spans.filter((span) => span.id === id));
      this.element.focus({ preventScroll: true });
    } else if (event.button === 0) {
      this.#pressedAt = event.shiftKey ? this.#anchor : this.offsetAt(event.clientX, event.clientY);
    }
  }

  readonly #onUp = (event: MouseEvent): void => {
    if (this.#pressedAt === null) return;
    const pressed = this.#pressedAt;
    this.#pressedAt = null;
    if (this.#isTouch) return this.#click(event);
    const chosen = this.#selection();
    let range = chosen;
    // The pointer was let go outside the text, and the browser has lost its end.
    if (!chosen && !event.composedPath().includes(this.element)) {
      const end = this.offsetAt(event.clientX, event.clientY);
      range = { start: Math.min(pressed, end), end: Math.max(pressed, end) };
    }
    if (!range || range.start === range.end) return this.#click(event);
    if (event.detail === 2) range = wordAt(this.#text, chosen?.start ?? pressed) ?? range;
    this.#anchor = range.start;
    this.#caret = range.end;
    this.#placeCaret();
    this.host.selected(range, false);
  };

  #click(event: MouseEvent): void {
    const offset = this.offsetAt(event.clientX, event.clientY);
    this.#anchor = this.#caret = offset;
    this.#goalX = null;
    this.#placeCaret();
    const over = (event.composedPath()[0] as Element).closest?.<HTMLElement>(".mark");
    const start = over ? Number(over.dataset["start"]) : null;
    this.host.clicked(start === null ? [] : spansAt(this.#spans, start));
  }

  /** What the browser has selected in the text. */
  #selection(): Range_ | null {
    const range = selectedIn(this.element);
    if (!range) return null;
    const start = this.#offsetOf(range.startContainer, range.startOffset);
    const end = this.#offsetOf(range.endContainer, range.endOffset);
    return start === null || end === null || end < start ? null : { start, end };
  }

  readonly #onSelectionChange = (): void => {
    if (!this.#isTouch) return;
    clearTimeout(this.#touchTimer);
    this.#touchTimer = setTimeout(() => {
      const range = this.#selection();
      if (range && range.end > range.start) this.host.selected(range, true);
    }, TOUCH_SETTLES_MS);
  };

  // ---- the keyboard's caret --------------------------------------------------------------------------------------

  get caret(): number {
    return this.#caret;
  }

  /** What the keyboard (or a pointer) has selected; empty when there is only a caret. */
  get range(): Range_ {
    return { start: Math.min(this.#anchor, this.#caret), end: Math.max(this.#anchor, this.#caret) };
  }

  select(range: Range_): void {
    this.#anchor = range.start;
    this.#caret = range.end;
    this.#goalX = null;
    this.#show();
  }

  clearSelection(): void {
    this.#anchor = this.#caret;
    if (this.#selection()) document.getSelection()?.removeAllRanges();
    this.#placeCaret();
  }

  /** A key that moves the caret. False: it does not. */
  onKey(event: KeyboardEvent): boolean {
    const byWord = event.ctrlKey || event.altKey;
    const to = event.metaKey ? null : this.#target(event.key, byWord);
    if (to === null) return false;
    const isVertical = /^(ArrowUp|ArrowDown|Page)/.test(event.key);
    if (!isVertical) this.#goalX = null;
    this.#caret = to;
    if (!event.shiftKey) this.#anchor = to;
    this.#show();
    this.#say(byWord);
    return true;
  }

  #target(key: string, byWord: boolean): number | null {
    const text = this.#text;
    const at = this.#caret;
    const i = lineAt(this.#ranges, at);
    const isRtl = (key === "ArrowLeft" || key === "ArrowRight") && this.#isRtl(i);
    switch (isRtl ? { ArrowLeft: "ArrowRight", ArrowRight: "ArrowLeft" }[key] : key) {
      case "ArrowRight":
        return byWord ? nextWord(text, at) : nextCharacter(text, at);
      case "ArrowLeft":
        return byWord ? previousWord(text, at) : previousCharacter(text, at);
      case "ArrowDown":
        return this.#vertical(1, 0);
      case "ArrowUp":
        return this.#vertical(-1, 0);
      case "PageDown":
        return this.#vertical(1, this.element.clientHeight - 80);
      case "PageUp":
        return this.#vertical(-1, this.element.clientHeight - 80);
      case "Home":
        return byWord ? 0 : this.#ranges[i]!.start;
      case "End":
        return byWord ? text.length : this.#ranges[i]!.end;
    }
    return null;
  }

  #vertical(direction: 1 | -1, distance: number): number {
    const rect = this.#rectAt(this.#caret);
    this.#goalX ??= rect.left;
    const step = distance || parseFloat(getComputedStyle(this.element).lineHeight) || rect.height * 2;
    const y = rect.top + rect.height / 2 + direction * step;
    const first = this.#lines[0]!.element.getBoundingClientRect();
    const last = this.#lines.at(-1)!.element.getBoundingClientRect();
    if (y < first.top) return 0;
    if (y > last.bottom) return this.#text.length;
    return this.offsetAt(this.#goalX, y);
  }

  #say(byWord: boolean): void {
    const { start, end } = this.range;
    if (start < end) return this.host.announce(this.#text.slice(start, end));
    const part = byWord
      ? (wordAt(this.#text, start) ?? { start, end: start })
      : { start, end: nextCharacter(this.#text, start) };
    this.host.announce(this.#text.slice(part.start, part.end));
  }

  /** Shows the selection as the browser would, and brings the caret into view. */
  #show(): void {
    const from = this.#placeOf(this.#anchor);
    const to = this.#placeOf(this.#caret);
    document.getSelection()?.setBaseAndExtent(from.node, from.at, to.node, to.at);
    this.reveal(this.#caret);
    this.#placeCaret();
  }

  reveal(offset: number): void {
    const line = this.#lines[lineAt(this.#ranges, offset)]!.element;
    const view = this.element.getBoundingClientRect();
    const isIn = (rect: DOMRect): boolean => rect.top >= view.top + 24 && rect.bottom <= view.bottom - 12;
    if (isIn(this.#rectAt(offset))) return;
    // Lines out of view have no exact place until they are laid out; after the first jump they are.
    line.scrollIntoView({ block: "nearest" });
    const rect = this.#rectAt(offset);
    if (!isIn(rect)) this.element.scrollTop += rect.top - view.top - view.height / 2;
  }

  #placeCaret(): void {
    const root = this.element.getRootNode() as ShadowRoot | Document;
    const isShown =
      root.activeElement === this.element && this.#anchor === this.#caret && this.element.matches(":focus-visible");
    this.#caretElement.hidden = !isShown;
    if (!isShown || !this.#lines.length) return;
    const rect = this.#rectAt(this.#caret);
    const view = this.element.getBoundingClientRect();
    const { style } = this.#caretElement;
    style.insetInlineStart = "auto";
    style.left = `${rect.left - view.left + this.element.scrollLeft - 1}px`;
    style.top = `${rect.top - view.top + this.element.scrollTop}px`;
    style.height = `${Math.min(rect.height, 30)}px`;
  }
}
