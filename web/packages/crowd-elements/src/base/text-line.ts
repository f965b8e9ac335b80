/** One line of a text with its marks as DOM: plain text, and stretches with a bar per span and tags where spans begin. */

import type { Range_, Segment, Span } from "@labelwright/annotation-core";
import { textColorOn } from "@labelwright/annotation-core";

import type { TextMark } from "./text-view.js";

export interface MarkedSpan {
  readonly span: Span;
  readonly mark: TextMark;
  /** Overlapping spans have different layers; 0 is next to the text. */
  readonly layer: number;
}

const BAR_PX = 4;
/** A guess at the width of one character, to keep a tag from covering the next one. */
const CHARACTER_EM = 0.54;

export function buildLine(
  element: HTMLElement,
  text: string,
  segments: readonly Segment[],
  marks: readonly MarkedSpan[],
  line: Range_,
): { node: Text; start: number }[] {
  const byId = new Map(marks.map((entry) => [entry.span.id, entry]));
  const texts: { node: Text; start: number }[] = [];
  const nodes: Node[] = [];
  const tagStarts = [...new Set(marks.map(({ span }) => span.start))].sort((a, b) => a - b);
  for (const { start, end, spans } of segments) {
    const node = document.createTextNode(text.slice(start, end));
    texts.push({ node, start });
    if (!spans.length) {
      nodes.push(node);
      continue;
    }
    const over = spans.map(({ id }) => byId.get(id)!);
    const stretch = document.createElement("span");
    stretch.className = "mark";
    stretch.dataset["start"] = String(start);
    paint(stretch.style, over);
    const beginning = over.filter(({ span, mark }) => span.start === start && mark.tag !== "");
    if (beginning.length) {
      const next = tagStarts.find((other) => other > start) ?? line.end + 20;
      stretch.append(tags(beginning, next - start));
    }
    stretch.append(node);
    nodes.push(stretch);
  }
  element.replaceChildren(...nodes);
  return texts;
}

/** A tint in the colour of the topmost span, and one bar per span under the text. */
function paint(style: CSSStyleDeclaration, over: readonly MarkedSpan[]): void {
  const depth = Math.max(...over.map(({ layer }) => layer)) + 1;
  const top = over.find(({ mark }) => mark.isSelected) ?? over[0]!;
  const bars = over.map(({ mark, layer }) => {
    const fromBottom = (depth - 1 - layer) * BAR_PX;
    return `linear-gradient(${mark.color}, ${mark.color}) 0 calc(100% - ${fromBottom}px) / 100% ${BAR_PX - 1}px no-repeat`;
  });
  const tint = `color-mix(in srgb, ${top.mark.color} ${top.mark.isSelected ? 46 : 20}%, transparent)`;
  style.background = [...bars, `linear-gradient(${tint}, ${tint})`].join(", ");
  style.paddingBottom = `${depth * BAR_PX}px`;
}

function tags(over: readonly MarkedSpan[], room: number): HTMLElement {
  const row = document.createElement("span");
  row.className = "tags";
  // What they say is in the list of entities too; and a screen reader should read the text undisturbed.
  row.setAttribute("aria-hidden", "true");
  row.dir = "auto";
  row.style.maxWidth = `${Math.max(1.2, room * CHARACTER_EM)}em`;
  for (const { span, mark } of over) {
    const tag = document.createElement("span");
    tag.className = mark.isSelected ? "tag selected" : "tag";
    tag.dataset["id"] = String(span.id);
    tag.title = mark.title;
    tag.style.background = mark.color;
    tag.style.color = textColorOn(mark.color);
    const name = document.createElement("span");
    name.className = "tag-name";
    name.textContent = mark.tag;
    tag.append(name);
    if (mark.canRemove) {
      const cross = document.createElement("span");
      cross.className = "cross";
      cross.textContent = "×";
      tag.append(cross);
    }
    row.append(tag);
  }
  return row;
}
