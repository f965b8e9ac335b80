"""Small lines of manifests for these tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Box = tuple[int, float, float, float, float]


def boxes_line(
    ref: str,
    boxes: Sequence[Box],
    names: dict[int, str],
    *,
    attribute: str = "parts",
    size: tuple[int, int] = (100, 80),
    confidences: Sequence[float] | None = None,
    human: str = "yes",
    date: str = "2024-05-01T10:00:00.000000",
    **others: Any,
) -> dict[str, Any]:
    confidences = [0.9] * len(boxes) if confidences is None else confidences
    return {
        "source-ref": ref,
        **others,
        attribute: {
            "image_size": [{"width": size[0], "height": size[1], "depth": 3}],
            "annotations": [
                {"class_id": c, "left": x, "top": y, "width": w, "height": h} for c, x, y, w, h in boxes
            ],
        },
        f"{attribute}-metadata": {
            "objects": [{"confidence": c} for c in confidences],
            "class-map": {str(c): names[c] for c in sorted({box[0] for box in boxes})},
            "type": "groundtruth/object-detection",
            "human-annotated": human,
            "creation-date": date,
            "job-name": "labeling-job/parts",
        },
    }


def class_line(
    ref: str,
    index: int,
    name: str,
    *,
    attribute: str = "kind",
    confidence: float = 0.9,
    human: str = "yes",
    date: str = "2024-05-01T10:00:00.000000",
    kind: str = "groundtruth/image-classification",
    **others: Any,
) -> dict[str, Any]:
    return {
        "source-ref": ref,
        **others,
        attribute: index,
        f"{attribute}-metadata": {
            "confidence": confidence,
            "job-name": "labeling-job/kind",
            "class-name": name,
            "human-annotated": human,
            "creation-date": date,
            "type": kind,
        },
    }


def lines_of(*lines: dict[str, Any]) -> list[bytes]:
    """A manifest as one chunk."""
    return [b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)]
