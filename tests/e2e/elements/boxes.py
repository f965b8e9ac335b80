"""Driving a crowd-bounding-box as a worker does."""

from __future__ import annotations

from typing import Any

from .vector import VectorTool

BOX_FORM = """<crowd-form><crowd-bounding-box name="boundingBox" src="{src}" labels="{labels}"
header="Draw a box" {attributes}>{content}</crowd-bounding-box></crowd-form>"""

INSIDE = "document.querySelector('crowd-bounding-box').shadowRoot"


def box_form(
    *, src: str = "/scene.jpg", labels: str = "['Car', 'House']", attributes: str = "", content: str = ""
) -> str:
    return BOX_FORM.format(src=src, labels=labels, attributes=attributes, content=content)


class BoxTool(VectorTool):
    """The box tool on an open page, its image loaded."""

    def __init__(self, page: Any) -> None:
        super().__init__(page, "crowd-bounding-box")

    @property
    def boxes(self) -> list[tuple[str, int, int, int, int]]:
        return [
            (b["label"], b["left"], b["top"], b["width"], b["height"]) for b in self.value["boundingBoxes"]
        ]


def near(actual: tuple[Any, ...], expected: tuple[Any, ...], *, by: int = 2) -> bool:
    """Whether two boxes have one label and agree within some image pixels (a screen pixel is coarser)."""
    return actual[0] == expected[0] and all(
        abs(a - b) <= by for a, b in zip(actual[1:], expected[1:], strict=True)
    )
