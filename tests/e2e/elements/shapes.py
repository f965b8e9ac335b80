"""The tools for points and paths as a worker drives them, and what is told of each in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .vector import VectorTool

Vertex = tuple[float, float]


@dataclass(frozen=True)
class Kind:
    tag: str
    list_key: str
    #: The tool's button.
    button: str
    #: How one is called in sentences.
    noun: str
    #: Vertices of one that is easy to draw.
    places: tuple[Vertex, ...]
    #: Keys that finish drawing after the last click.
    finish: tuple[str, ...] = ()

    def entry(self, label: str, places: tuple[Vertex, ...] | None = None) -> dict[str, Any]:
        """A shape as it stands in an answer."""
        vertices = [{"x": x, "y": y} for x, y in (self.places if places is None else places)]
        return (
            {"label": label, **vertices[0]}
            if self.list_key == "keypoints"
            else {"label": label, "vertices": vertices}
        )

    def form(
        self,
        *,
        labels: str = "['Car', 'House']",
        src: str = "/scene.jpg",
        attributes: str = "",
        content: str = "",
    ) -> str:
        return (
            f'<crowd-form><{self.tag} name="a" src="{src}" labels="{labels}" header="Draw" {attributes}>'
            f"{content}</{self.tag}></crowd-form>"
        )


KEYPOINT = Kind("crowd-keypoint", "keypoints", "keypoint", "point", ((300, 300),))
LINE = Kind("crowd-line", "lines", "line", "line", ((300, 200), (700, 400)))
POLYLINE = Kind(
    "crowd-polyline", "polylines", "polyline", "polyline", ((300, 200), (500, 400), (700, 200)), ("Enter",)
)
POLYGON = Kind(
    "crowd-polygon", "polygons", "polygon", "polygon", ((300, 200), (700, 200), (500, 500)), ("Enter",)
)
KINDS = (KEYPOINT, LINE, POLYLINE, POLYGON)


class ShapeTool(VectorTool):
    """The tool of one kind on an open page."""

    def __init__(self, page: Any, kind: Kind) -> None:
        super().__init__(page, kind.tag)
        self.kind = kind

    @property
    def entries(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.value[self.kind.list_key]
        return entries

    @property
    def shapes(self) -> list[tuple[str, list[Vertex]]]:
        """Label and vertices of each shape."""
        return [
            (entry["label"], [(at["x"], at["y"]) for at in entry.get("vertices", [entry])])
            for entry in self.entries
        ]

    @property
    def labels(self) -> list[str]:
        return [label for label, _ in self.shapes]

    def draw(self, *places: Vertex) -> None:
        """Clicks from point to point; without any, those of the kind."""
        for place in places or self.kind.places:
            self.click(*place)
        if self.kind.finish:
            self.press(*self.kind.finish)

    def shifted(self, dx: float, dy: float) -> tuple[Vertex, ...]:
        return tuple((x + dx, y + dy) for x, y in self.kind.places)

    def text(self, selector: str) -> str:
        return str(self.page.evaluate(f"{self.inside}.querySelector({selector!r})?.textContent.trim() ?? ''"))


def near(actual: list[Vertex], expected: tuple[Vertex, ...] | list[Vertex], *, by: float = 2) -> bool:
    """Whether vertices agree within some image pixels (a screen pixel is coarser)."""
    return len(actual) == len(expected) and all(
        abs(a[0] - b[0]) <= by and abs(a[1] - b[1]) <= by for a, b in zip(actual, expected, strict=True)
    )
