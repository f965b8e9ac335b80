"""What finds boxes in pictures, whichever network it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.job_data import Objects
from labelwright.errors import InvalidRequest

__all__ = ["LEAST_SCORE", "BoxFinder", "Found", "found_boxes", "labeled_boxes", "no_model"]

LEAST_SCORE: Final = 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """Boxes of a picture.

    Attributes
    ----------
    boxes : list of [class_id, left, top, width, height, score]
        In pixels of the picture, best first.
    width, height : int
        Of the picture.
    """

    boxes: list[list[float]]
    width: int
    height: int

    def above(self, cut: float) -> list[list[float]]:
        """The boxes with this score or a better one."""
        return [box for box in self.boxes if box[5] >= cut]


class BoxFinder(Protocol):
    """A network that finds boxes."""

    def load(self, folder: Path) -> bool:
        """Begin from what `save` wrote; False where it does not fit this job, or there is nothing."""

    def save(self, folder: Path) -> None:
        """Write the network."""

    def train(self, objects: Objects, kept: NDArray[np.int64]) -> int:
        """Learn from the objects at these positions; how many could be read."""

    def candidates(self, objects: Objects, chosen: NDArray[np.int64]) -> list[Any]:
        """What `boxes` takes, of each chosen object; None for a picture that cannot be read."""

    def boxes(self, candidates: Any, overlap: float) -> Found | None:
        """Boxes without those that overlap a better one of their class by more; None stays None."""


def found_boxes(
    rows: Iterable[tuple[tuple[float, float, float, float], int, float]], width: int, height: int
) -> Found:
    """Boxes in whole pixels.

    Parameters
    ----------
    rows : iterable of ((left, top, right, bottom), class_id, score)
        In pixels, best first.
    """
    kept: list[list[float]] = []
    for (left, top, right, bottom), class_id, score in rows:
        left, right = round(max(0.0, left)), round(min(float(width), right))
        top, bottom = round(max(0.0, top)), round(min(float(height), bottom))
        if right > left and bottom > top:
            kept.append([class_id, left, top, right - left, bottom - top, round(score, 4)])
    return Found(kept, width, height)


def labeled_boxes(label: Mapping[str, Any]) -> list[list[float]]:
    """The boxes of a label as (class_id, left, top, width, height)."""
    return [
        [
            int(box["class_id"]),
            float(box["left"]),
            float(box["top"]),
            float(box["width"]),
            float(box["height"]),
        ]
        for box in label["annotations"]
    ]


def no_model() -> InvalidRequest:
    """There is nothing to predict with."""
    return InvalidRequest(
        "There is no model for these features yet; when the operator's weights have changed, an earlier "
        "model cannot be used.",
        field="model",
    )
