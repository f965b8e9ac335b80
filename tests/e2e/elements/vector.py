"""Driving an image tool as a worker does: in image coordinates, with the mouse and the keyboard."""

from __future__ import annotations

from typing import Any


class VectorTool:
    """The tool of one element on an open page, its image loaded."""

    def __init__(self, page: Any, tag: str) -> None:
        self.page = page
        self.element = f"document.querySelector('{tag}')"
        self.inside = f"{self.element}.shadowRoot"
        page.wait_for_function(f"{self.element}.value.inputImageProperties.width > 0")

    def settle(self) -> None:
        """Waits for the next frame, when pointer moves have been taken in."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    @property
    def rect(self) -> dict[str, float]:
        self.settle()
        rect: dict[str, float] = self.page.evaluate(
            f"(() => {{ const r = {self.inside}.querySelector('canvas.upper-canvas').getBoundingClientRect();"
            "return {x: r.x, y: r.y, width: r.width, height: r.height}; })()"
        )
        return rect

    @property
    def value(self) -> dict[str, Any]:
        value: dict[str, Any] = self.page.evaluate(f"{self.element}.value")
        return value

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
        self.page.evaluate(f"{self.inside}.querySelector('button#{name}').click()")
        self.settle()

    def count(self, selector: str) -> int:
        return int(self.page.evaluate(f"{self.inside}.querySelectorAll({selector!r}).length"))
