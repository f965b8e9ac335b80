"""What a label consists of, whatever its type, for people who look at it: classes, boxes, spans, comments."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any, TypeGuard

__all__ = ["COLOURS", "Part", "Piece", "is_box", "is_number", "parts_of", "pieces_of"]

# The palette of the worker's page, so that a class has the same colour everywhere.
COLOURS = (
    "#2ca02c", "#1f77b4", "#ff7f0e", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)  # fmt: skip

_BACKGROUND = "BACKGROUND"
_PARTS_MAX = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One thing that a label says.

    Attributes
    ----------
    name : str
    about : str
        Its place and how sure it is.
    colour : str
        Empty for what is nowhere in particular.
    is_remark : bool
        True for what is said about the label.
    """

    name: str
    about: str
    colour: str = ""
    is_remark: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text.

    Attributes
    ----------
    text : str
    names : str
        Labels of the spans that it is part of.
    hue : int
        Number of the first one's colour in `COLOURS`; -1 without a span.
    """

    text: str
    names: str = ""
    hue: int = -1


def parts_of(value: Any, metadata: Mapping[str, Any]) -> list[Part]:
    """The parts of a label, at most 200; none for forms that are not known."""
    found = [
        *_boxes(value, metadata),
        *_spans(value, metadata),
        *_classes(metadata),
        *_mask(metadata),
        *_remarks(metadata),
    ]
    return found[:_PARTS_MAX]


def pieces_of(text: str, value: Any) -> list[Piece]:
    """A text cut at the ends of the spans of a label; the text as a whole when there are none."""
    spans = _entities(value)[:_PARTS_MAX]
    order = _label_order(value)
    places = sorted({0, len(text)} | {place for s in spans for place in s[:2] if 0 <= place <= len(text)})
    pieces = []
    for start, end in itertools.pairwise(places):
        names = list(dict.fromkeys(name for first, last, name in spans if first <= start and end <= last))
        hue = order.get(names[0], 0) % len(COLOURS) if names else -1
        pieces.append(Piece(text[start:end], ", ".join(names), hue))
    return pieces


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[Any, Any]]:
    """The entries of a list, with nothing in the place of what is no object."""
    return [_mapping(entry) for entry in value] if isinstance(value, list) else []


def _share(value: Any) -> str:
    # Of one worker nothing is known but the answer: the confidence is 0 then.
    return f"{value:.2f}" if value and is_number(value) else ""


def _confidences(value: Any, n: int) -> list[str]:
    found = [_share(entry.get("confidence")) for entry in _mappings(value)[:n]]
    return found + [""] * (n - len(found))


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a JSON value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_box(value: Mapping[Any, Any]) -> bool:
    """Whether this has a class and four numbers."""
    sides = all(is_number(value.get(side)) for side in ("left", "top", "width", "height"))
    return sides and isinstance(value.get("class_id"), int)


def _boxes(value: Any, metadata: Mapping[str, Any]) -> list[Part]:
    boxes = _mappings(_mapping(value).get("annotations"))
    names = _mapping(metadata.get("class-map"))
    shares = _confidences(metadata.get("objects"), len(boxes))
    found = []
    for box, share in zip(boxes, shares, strict=True):
        if is_box(box):
            size = f"{box['width']:.5g} x {box['height']:.5g} at {box['left']:.5g}, {box['top']:.5g}"
            index = box["class_id"]
            name = str(names.get(str(index), index))
            found.append(Part(name, ", ".join(filter(None, (size, share))), COLOURS[index % len(COLOURS)]))
    return found


def _entities(value: Any) -> list[tuple[int, int, str]]:
    found = []
    for entity in _mappings(_mapping(_mapping(value).get("annotations")).get("entities")):
        start, end = entity.get("startOffset"), entity.get("endOffset")
        if isinstance(start, int) and isinstance(end, int):
            found.append((start, end, str(entity.get("label"))))
    return found


def _label_order(value: Any) -> dict[str, int]:
    labels = _mappings(_mapping(_mapping(value).get("annotations")).get("labels"))
    return {str(entry.get("label")): i for i, entry in enumerate(labels)}


def _spans(value: Any, metadata: Mapping[str, Any]) -> list[Part]:
    order, spans = _label_order(value), _entities(value)
    shares = _confidences(metadata.get("entities"), len(spans))
    return [
        Part(
            name,
            ", ".join(filter(None, (f"{start} to {end}", share))),
            COLOURS[order.get(name, 0) % len(COLOURS)],
        )
        for (start, end, name), share in zip(spans, shares, strict=True)
    ]


def _classes(metadata: Mapping[str, Any]) -> list[Part]:
    shares = _mapping(metadata.get("confidence-map"))
    if shares:
        names = _mapping(metadata.get("class-map"))
        return [Part(str(names.get(i, i)), _share(share)) for i, share in shares.items()]
    if isinstance(metadata.get("class-name"), str):
        return [Part(metadata["class-name"], _share(metadata.get("confidence")))]
    return []


def _mask(metadata: Mapping[str, Any]) -> list[Part]:
    classes = map(_mapping, _mapping(metadata.get("internal-color-map")).values())
    return [
        Part(str(entry.get("class-name")), _share(entry.get("confidence")), str(entry.get("hex-color") or ""))
        for entry in classes
        if entry.get("class-name") != _BACKGROUND
    ]


def _remarks(metadata: Mapping[str, Any]) -> list[Part]:
    found = [
        Part("comment", str(entry.get("comment")), is_remark=True)
        for entry in _mappings(metadata.get("worker-feedback"))
    ]
    if isinstance(metadata.get("adjustment-status"), str):
        found.append(Part(metadata["adjustment-status"], "", is_remark=True))
    return found
