"""Results read back, one at a time, whichever algorithm they come from; and what is in them in all."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from labelwright.errors import InvalidRequest

__all__ = ["Box", "Kind", "Result", "Summary", "read_results", "summarise"]

Kind = Literal["boxes", "classes", "mask", "text"]


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """One object: class, score, and its edges as shares of the picture, from 0 to 1."""

    class_id: int
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What the model says of one input.

    Attributes
    ----------
    kind : {"boxes", "classes", "mask", "text"}
    name : str
        Of the picture; the text itself.
    boxes : tuple of Box
        By falling score.
    shares : tuple of (str or int, float)
        Classes with probability, or with their share of the picture's pixels; the largest first.
    mask : str or None
        Path of the mask, relative to the results.
    error : str or None
        Why there is nothing.
    """

    kind: Kind
    name: str
    boxes: tuple[Box, ...] = ()
    shares: tuple[tuple[str | int, float], ...] = ()
    mask: str | None = None
    error: str | None = None

    def above(self, threshold: float) -> list[tuple[str | int, float]]:
        """Class and score of everything of at least this score; of masks every class."""
        if self.kind == "boxes":
            return [(box.class_id, box.score) for box in self.boxes if box.score >= threshold]
        if self.kind == "mask":
            return list(self.shares)
        return [(name, share) for name, share in self.shares if share >= threshold]


@dataclasses.dataclass(slots=True)
class Summary:
    """What is in a file of results.

    Attributes
    ----------
    kind : {"boxes", "classes", "mask", "text"} or None
        None when there are no results.
    n_inputs, n_failed, n_empty : int
        Failed: could not be read. Empty: nothing at or above the threshold.
    counts : Counter
        Of each class (index or label) at or above the threshold; of masks, the pictures it is in.
    """

    kind: Kind | None = None
    n_inputs: int = 0
    n_failed: int = 0
    n_empty: int = 0
    counts: Counter[str | int] = dataclasses.field(default_factory=Counter)


def read_results(path: Path, *, n_shares: int = 5) -> Iterator[Result]:
    """Read a file of results line by line.

    Parameters
    ----------
    path : Path
        JSON lines as `predict_inputs` makes them; those with rows are the documented form of the original.
    n_shares : int
        How many of the likeliest classes to keep of each.

    Raises
    ------
    InvalidRequest
        A line is none; the message names it.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield _result(json.loads(line), n_shares)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                raise InvalidRequest(
                    f"Line {number} of {path.name} is no result ({type(error).__name__}: {error}); each line "
                    'must look like {"image": "a.jpg", "prediction": [[0, 0.9, 0.1, 0.1, 0.5, 0.5]]}.'
                ) from error


def summarise(results: Iterator[Result], threshold: float) -> Summary:
    """Count what is at or above a threshold."""
    found = Summary()
    for each in results:
        found.kind = found.kind or (None if each.error else each.kind)
        found.n_inputs += 1
        if each.error is not None:
            found.n_failed += 1
            continue
        above = each.above(threshold)
        found.n_empty += not above
        if each.kind == "classes" or each.kind == "text":
            above = above[:1]
        found.counts.update(name for name, _ in above)
    return found


def _result(content: dict[str, Any], n_shares: int) -> Result:
    if "source" in content:
        pairs = zip(content["label"], map(float, content["prob"]), strict=True)
        return Result("text", str(content["source"]), shares=tuple(pairs)[:n_shares])
    name = str(content["image"])
    if "mask" in content:
        shares = tuple((int(i_class), float(share)) for i_class, share in content["classes"])
        return Result("mask", name, shares=shares, mask=str(content["mask"]))
    rows: Sequence[Any] = content["prediction"]
    if content.get("error") is not None:
        return Result("boxes", name, error=str(content["error"]))
    if rows and not isinstance(rows[0], list):
        best = sorted(range(len(rows)), key=lambda i: -rows[i])[:n_shares]
        return Result("classes", name, shares=tuple((i, float(rows[i])) for i in best))
    boxes = (Box(int(row[0]), *map(float, row[1:6])) for row in rows if row[0] >= 0)
    return Result("boxes", name, boxes=tuple(sorted(boxes, key=lambda box: -box.score)))
