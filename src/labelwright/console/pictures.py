"""One labeled object as the gallery shows it: its picture or text, and the label drawn or written on it."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson

from labelwright.blobs import Blobs
from labelwright.console.queries import JobRow, LabeledObject
from labelwright.errors import LabelwrightError

__all__ = ["Box", "Card", "card"]

# The palette of the worker's page, so that a class has the same colour everywhere.
_COLOURS = (
    "#2ca02c", "#1f77b4", "#ff7f0e", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A box in per cent of the picture, so that it needs no script to be drawn at any size."""

    left: float
    top: float
    width: float
    height: float
    colour: str
    name: str
    confidence: float


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    """What the gallery shows of one object."""

    object_no: int
    image_url: str
    text: str
    label: str
    confidence: str
    failure: str
    boxes: list[Box]
    width: int
    height: int


def card(job: JobRow, item: LabeledObject, blobs: Blobs, *, base_url: str, now: float) -> Card:
    """Put together one card; a picture that cannot be read leaves it without one."""
    attribute = job.label_attribute_name
    metadata = item.content.get(f"{attribute}-metadata") or {}
    label = item.content.get(attribute)
    line = _line(job, item, blobs)
    source = str(line.get("source") or "")
    reference = str(line.get("source-ref") or "")
    image_url = ""
    if reference.startswith("s3://"):
        image_url = blobs.presign_get(reference, base_url=base_url, expires_s=3600, now=now)
    boxes, width, height = _boxes(label, metadata)
    confidence = metadata.get("confidence")
    return Card(
        object_no=item.object_no,
        image_url=image_url,
        text=source[:400],
        label=str(metadata.get("class-name") or ("" if boxes or label is None else _short(label))),
        confidence="" if confidence is None else f"{confidence:.2f}",
        failure=str(metadata.get("failure-reason") or ""),
        boxes=boxes,
        width=width,
        height=height,
    )


def _line(job: JobRow, item: LabeledObject, blobs: Blobs) -> dict[str, Any]:
    if not job.manifest_uri:
        return {}
    try:
        raw = blobs.read_range(job.manifest_uri, item.position, item.length)
        value = orjson.loads(raw)
    except (LabelwrightError, orjson.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _boxes(label: Any, metadata: dict[str, Any]) -> tuple[list[Box], int, int]:
    if not isinstance(label, dict) or not isinstance(label.get("annotations"), list):
        return [], 0, 0
    size = (label.get("image_size") or [{}])[0]
    width, height = int(size.get("width") or 0), int(size.get("height") or 0)
    if width <= 0 or height <= 0:
        return [], 0, 0
    names = metadata.get("class-map") or {}
    scores = metadata.get("objects") or []
    boxes = []
    for i, box in enumerate(label["annotations"]):
        class_id = int(box["class_id"])
        boxes.append(
            Box(
                left=100.0 * box["left"] / width,
                top=100.0 * box["top"] / height,
                width=100.0 * box["width"] / width,
                height=100.0 * box["height"] / height,
                colour=_COLOURS[class_id % len(_COLOURS)],
                name=str(names.get(str(class_id), class_id)),
                confidence=float(scores[i]["confidence"]) if i < len(scores) else 0.0,
            )
        )
    return boxes, width, height


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 200 else text[:199] + "…"
