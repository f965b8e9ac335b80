"""One labeled object as the gallery shows it: its picture or text, and the label drawn or written on it."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson

from labelwright.blobs import Blobs
from labelwright.console.label_parts import COLOURS, Part, Piece, is_box, is_number, parts_of, pieces_of
from labelwright.console.queries import JobRow, LabeledObject
from labelwright.errors import LabelwrightError

__all__ = ["Box", "Card", "boxes_of", "card"]


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
    mask_url: str
    parts: list[Part]
    pieces: list[Piece]


def card(job: JobRow, item: LabeledObject, blobs: Blobs, *, base_url: str, now: float) -> Card:
    """Put together one card; a picture that cannot be read leaves it without one."""
    attribute = job.label_attribute_name
    about = item.content.get(f"{attribute}-metadata")
    metadata: dict[str, Any] = about if isinstance(about, dict) else {}
    label = item.content.get(attribute)
    line = _line(job, item, blobs)
    source = str(line.get("source") or "")
    reference = str(line.get("source-ref") or "")

    def link(uri: str) -> str:
        return blobs.presign_get(uri, base_url=base_url, expires_s=3600, now=now)

    is_picture = not reference.lower().endswith((".mp4", ".ogg", ".webm"))
    image_url = link(reference) if reference.startswith("s3://") and is_picture else ""
    is_mask = isinstance(label, str) and label.startswith("s3://") and "internal-color-map" in metadata
    boxes, width, height = boxes_of(label, metadata)
    confidence = metadata.get("confidence")
    return Card(
        object_no=item.object_no,
        image_url=image_url,
        text=source[:400],
        label=str(metadata.get("class-name") or ("" if boxes or is_mask or label is None else _short(label))),
        confidence=f"{confidence:.2f}" if is_number(confidence) else "",
        failure=str(metadata.get("failure-reason") or ""),
        boxes=boxes,
        width=width,
        height=height,
        mask_url=link(str(label)) if is_mask and image_url else "",
        parts=parts_of(label, metadata),
        pieces=pieces_of(source[:400], label),
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


def boxes_of(label: Any, metadata: dict[str, Any]) -> tuple[list[Box], int, int]:
    """Boxes in per cent, and the picture's size; none of labels that only look alike (custom ones may)."""
    if not isinstance(label, dict) or not isinstance(label.get("annotations"), list):
        return [], 0, 0
    sizes = label.get("image_size")
    size = sizes[0] if isinstance(sizes, list) and sizes and isinstance(sizes[0], dict) else {}
    width, height = size.get("width"), size.get("height")
    if not (is_number(width) and is_number(height) and width > 0 and height > 0):
        return [], 0, 0
    names, scores = metadata.get("class-map"), metadata.get("objects")
    names, scores = names if isinstance(names, dict) else {}, scores if isinstance(scores, list) else []
    boxes = []
    for i, box in enumerate(label["annotations"]):
        if not isinstance(box, dict) or not is_box(box):
            continue
        score = scores[i].get("confidence") if i < len(scores) and isinstance(scores[i], dict) else None
        class_id = box["class_id"]
        boxes.append(
            Box(
                left=100.0 * box["left"] / width,
                top=100.0 * box["top"] / height,
                width=100.0 * box["width"] / width,
                height=100.0 * box["height"] / height,
                colour=COLOURS[class_id % len(COLOURS)],
                name=str(names.get(str(class_id), class_id)),
                confidence=float(score) if is_number(score) else 0.0,
            )
        )
    return boxes, int(width), int(height)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 200 else text[:199] + "…"
