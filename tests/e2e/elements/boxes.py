"""Driving a crowd-bounding-box as a worker does: in image coordinates, with the mouse and the keyboard."""

from __future__ import annotations

from typing import Any

BOX_FORM = """<crowd-form><crowd-bounding-box name="boundingBox" src="{src}" labels="{labels}"
header="Draw a box" {attributes}>{content}</crowd-bounding-box></crowd-form>"""

INSIDE = "document.querySelector('crowd-bounding-box').shadowRoot"


def box_form(
    *, src: str = "/scene.jpg", labels: str = "['Car', 'House']", attributes: str = "", content: str = ""
) -> str:
    return BOX_FORM.format(src=src, labels=labels, attributes=attributes, content=content)


class BoxTool:
    """The tool on an open page, its image loaded."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.wait_for_function(
            "document.querySelector('crowd-bounding-box').value.inputImageProperties.width > 0"
        )

    def settle(self) -> None:
        """Waits for the next frame, when pointer moves have been taken in."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    @property
    def rect(self) -> dict[str, float]:
        self.settle()
        rect: dict[str, float] = self.page.evaluate(
            f"(() => {{ const r = {INSIDE}.querySelector('canvas.upper-canvas').getBoundingClientRect();"
            "return {x: r.x, y: r.y, width: r.width, height: r.height}; })()"
        )
        return rect

    @property
    def value(self) -> dict[str, Any]:
        value: dict[str, Any] = self.page.evaluate("document.querySelector('crowd-bounding-box').value")
        return value

    @property
    def boxes(self) -> list[tuple[str, int, int, int, int]]:
        return [
            (b["label"], b["left"], b["top"], b["width"], b["height"]) for b in self.value["boundingBoxes"]
        ]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Page coordinates of an image point."""
        rect = self.rect
        scale = rect["width"] / self.value["inputImageProperties"]["width"]
        return rect["x"] + x * scale, rect["y"] + y * scale

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))
        self.settle()

    def drag(
        self, x0: float, y0: float, x1: float, y1: float, *, button: str = "left", steps: int = 4
    ) -> None:
        start, end = self.at(x0, y0), self.at(x1, y1)
        self.page.mouse.move(*start)
        self.settle()
        self.page.mouse.down(button=button)
        self.page.mouse.move(*end, steps=steps)
        self.page.mouse.up(button=button)
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def button(self, name: str) -> None:
        """Presses a tool bar button by its id."""
        self.page.evaluate(f"{INSIDE}.querySelector('button#{name}').click()")
        self.settle()

    def count(self, selector: str) -> int:
        return int(self.page.evaluate(f"{INSIDE}.querySelectorAll({selector!r}).length"))


def near(actual: tuple[Any, ...], expected: tuple[Any, ...], *, by: int = 2) -> bool:
    """Whether two boxes have one label and agree within some image pixels (a screen pixel is coarser)."""
    return actual[0] == expected[0] and all(
        abs(a - b) <= by for a, b in zip(actual[1:], expected[1:], strict=True)
    )
