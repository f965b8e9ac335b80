"""Driving the segmentation elements as a worker does, and reading their pictures pixel by pixel."""

from __future__ import annotations

import base64
import io
import json
from typing import Any, Literal

from PIL import Image

Kind = Literal["semantic", "instance"]
Rgb = tuple[int, int, int]
WHITE: Rgb = (255, 255, 255)
GREEN: Rgb = (0x2C, 0xA0, 0x2C)
BLUE: Rgb = (0x1F, 0x77, 0xB4)
ORANGE: Rgb = (0xFF, 0x7F, 0x0E)


def mask_form(
    kind: Kind = "semantic",
    *,
    src: str = "/small.png",
    labels: str = "['Road', 'Tree']",
    initial: Any = ...,
    attributes: str = "",
    content: str = "",
) -> str:
    if initial is not ...:
        text = json.dumps(initial).replace("&", "&amp;").replace('"', "&quot;")
        attributes += f' initial-value="{text}"'
    return (
        f'<crowd-form><crowd-{kind}-segmentation name="mask" src="{src}" labels="{labels}" header="Paint it"'
        f" {attributes}>{content}</crowd-{kind}-segmentation></crowd-form>"
    )


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def picture_of(answer: dict[str, Any]) -> Image.Image:
    """The answer's picture as stored in the file, without any conversion."""
    image = Image.open(io.BytesIO(base64.b64decode(answer["labeledImage"]["pngImageData"], validate=True)))
    image.load()
    return image


def pixels_of(answer: dict[str, Any]) -> Image.Image:
    return picture_of(answer).convert("RGB")


def painted(size: tuple[int, int], *boxes: tuple[Rgb, tuple[int, int, int, int]]) -> Image.Image:
    """A white picture with filled boxes (left, top, right, bottom; the last two not included)."""
    image = Image.new("RGB", size, WHITE)
    for color, box in boxes:
        image.paste(color, box)
    return image


def differing(a: Image.Image, b: Image.Image) -> int:
    """How many pixels two pictures of one size do not share."""
    assert a.size == b.size
    first, second = a.convert("RGB").tobytes(), b.convert("RGB").tobytes()
    return sum(first[i : i + 3] != second[i : i + 3] for i in range(0, len(first), 3))


class MaskDesk:
    """One of the two elements on an open page, its image loaded."""

    def __init__(self, page: Any, kind: Kind = "semantic", *, is_usable: bool = True) -> None:
        self.page = page
        self.element = f"document.querySelector('crowd-{kind}-segmentation')"
        self.inside = f"{self.element}.shadowRoot"
        page.wait_for_function(f"{self.element}.value.inputImageProperties.width > 0")
        if is_usable:
            page.wait_for_function(f"!{self.inside}.querySelector('.stage-panel')")
            self.settle()

    def settle(self) -> None:
        """Waits until what was done in the last frame is shown."""
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

    @property
    def pixels(self) -> Image.Image:
        return pixels_of(self.value)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Page coordinates of an image point."""
        rect = self.rect
        scale = rect["width"] / self.value["inputImageProperties"]["width"]
        return rect["x"] + x * scale, rect["y"] + y * scale

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))
        self.settle()

    def drag(self, *points: tuple[float, float], steps: int = 4) -> None:
        places = [self.at(*point) for point in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=steps)
            self.settle()
        self.page.mouse.up()
        self.settle()

    def box(self, left: int, top: int, right: int, bottom: int) -> None:
        """Fills a box; the tool rounds to the nearest pixel border."""
        self.press("b")
        self.drag((left, top), (right, bottom))

    def brush(self, size: int) -> None:
        self.press("r")
        self.page.evaluate(f"{self.element}.editor.brushSize = {size}")
        self.settle()

    def count(self, selector: str) -> int:
        n: int = self.page.evaluate(f"{self.inside}.querySelectorAll({json.dumps(selector)}).length")
        return n

    def text(self, selector: str) -> str:
        return str(
            self.page.evaluate(f"{self.inside}.querySelector({json.dumps(selector)}).textContent.trim()")
        )
