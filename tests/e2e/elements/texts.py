"""Driving a text to mark: where a word is on the screen, dragging over it, reading the answer."""

from __future__ import annotations

import html
import json
from typing import Any

LABELS = [
    {"label": "PER", "fullDisplayName": "Person"},
    {"label": "LOC", "fullDisplayName": "Location", "shortDisplayName": "Loc"},
    {"label": "DATE"},
]

FIND = """([tag, wanted, nth]) => {
    const text = document.querySelector(tag).shadowRoot.querySelector('.text');
    let all = '';
    const nodes = [];
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (node.parentElement.closest('.tags')) continue;
        nodes.push([all.length, node]);
        all += node.data;
    }
    let at = -1;
    for (let n = 0; n <= nth; n++) at = all.indexOf(wanted, at + 1);
    if (at < 0) throw new Error('not in the text: ' + wanted);
    const place = (offset) => {
        const [start, node] = nodes.findLast(([start]) => start <= offset);
        return [node, offset - start];
    };
    const rectOf = (offset) => {
        const range = document.createRange();
        range.setStart(...place(offset));
        const [node, i] = place(offset);
        range.setEnd(node, i + 1);
        return range.getBoundingClientRect();
    };
    place(at)[0].parentElement.closest('.line').scrollIntoView({block: 'nearest'});
    const first = rectOf(at), last = rectOf(at + wanted.length - 1);
    const isRtl = getComputedStyle(place(at)[0].parentElement).direction === 'rtl';
    const y = (rect) => rect.top + rect.height / 2;
    return isRtl
        ? [first.right - 1, y(first), last.left + 1, y(last)]
        : [first.left + 1, y(first), last.right - 1, y(last)];
}"""


def entity_page(text: str, *, labels: Any = LABELS, extra: str = "", content: str = "") -> str:
    return (
        f'<crowd-entity-annotation name="ner" header="Mark names" text="{html.escape(text)}"'
        f' labels="{html.escape(json.dumps(labels))}" {extra}>{content}</crowd-entity-annotation>'
    )


class TextTool:
    def __init__(self, page: Any, tag: str = "crowd-entity-annotation") -> None:
        self.page = page
        self.tag = tag

    def in_shadow(self, expression: str) -> Any:
        """Evaluate with `el` the element and `root` its shadow root, once everything is drawn."""
        return self.page.evaluate(
            f"async () => {{ const el = document.querySelector('{self.tag}'); await el.updateComplete;"
            f" await el.updateComplete; const root = el.shadowRoot; return {expression}; }}"
        )

    def place(self, words: str, nth: int = 0) -> list[float]:
        place: list[float] = self.page.evaluate(FIND, [self.tag, words, nth])
        return place

    def drag(self, words: str, nth: int = 0, *, back: bool = False) -> None:
        x0, y0, x1, y1 = self.place(words, nth)
        if back:
            x0, y0, x1, y1 = x1, y1, x0, y0
        mouse = self.page.mouse
        mouse.move(x0, y0)
        mouse.down()
        mouse.move((x0 + x1) / 2, (y0 + y1) / 2, steps=2)
        mouse.move(x1, y1, steps=2)
        mouse.up()

    def click(self, words: str, nth: int = 0, *, times: int = 1) -> None:
        x0, y0, x1, y1 = self.place(words, nth)
        x, y = ((x0 + x1) / 2, (y0 + y1) / 2) if y0 == y1 else (x0 + 3, y0)
        self.page.mouse.click(x, y, click_count=times)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def focus(self) -> None:
        self.in_shadow("root.querySelector('.text').focus()")

    def entities(self) -> list[tuple[str, int, int]]:
        value = self.page.evaluate(f"document.querySelector('{self.tag}').value.entities")
        return [(entity["label"], entity["startOffset"], entity["endOffset"]) for entity in value]

    def marked(self, text: str) -> list[tuple[str, str]]:
        """The entities as (label, passage), cut out of the text as a consumer of the answer would."""
        return [(label, text[start:end]) for label, start, end in self.entities()]

    def answer(self) -> Any:
        """Presses Submit and reads the answer shown outside the portal."""
        return self.page.evaluate(
            f"""async () => {{
                const form = document.querySelector('{self.tag}').shadowRoot.querySelector('crowd-form');
                form.submit();
                await form.updateComplete;
                const text = form.shadowRoot.querySelector('#answers-box').textContent;
                return text ? JSON.parse(text)[0] : null;
            }}"""
        )
