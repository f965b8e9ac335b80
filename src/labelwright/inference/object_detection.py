"""Answers of an object detector.

The graph gives ``detections`` of shape (n, k, 6), float32: class, score, left, top, right, bottom from 0 to
1, sorted by falling score; rows of class -1 are none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.inference.images import Picture, PicturePredictor

__all__ = ["ObjectDetector", "load"]

_ANNOTATION = "application/json;annotation=1"


class ObjectDetector(PicturePredictor):
    """Predictor of the algorithm ``object-detection``."""

    algorithm = "object-detection"
    answer_types = ("application/json", _ANNOTATION, "application/jsonlines")

    def answers(
        self, outputs: Sequence[npt.NDArray[Any]], pictures: Sequence[Picture], accept: str
    ) -> list[bytes]:
        """See `PicturePredictor.answers`."""
        found = []
        for rows, picture in zip(outputs[0], pictures, strict=True):
            kept = rows[rows[:, 0] >= 0].astype(np.float64)
            if accept == _ANNOTATION:
                body = json.dumps(_annotation(kept, picture))
            else:
                body = json.dumps({"prediction": kept.tolist()})
            found.append(f"{body}\n".encode() if accept == "application/jsonlines" else body.encode())
        return found


def load(model_dir: Path, description: Mapping[str, Any], *, n_threads: int = 1) -> ObjectDetector:
    """The detector in a model folder."""
    return ObjectDetector(model_dir, description, n_threads=n_threads)


def _annotation(rows: npt.NDArray[np.float64], picture: Picture) -> dict[str, Any]:
    """The form of a bounding-box label: whole pixels within the picture."""
    sides = np.array([picture.width, picture.height] * 2)
    corners = np.clip(np.rint(rows[:, 2:] * sides), 0, sides).astype(int)  # (n, 4)
    return {
        "image_size": [{"width": picture.width, "height": picture.height, "depth": 3}],
        "annotations": [
            {
                "class_id": int(row[0]),
                "score": row[1],
                "left": left,
                "top": top,
                "width": right - left,
                "height": bottom - top,
            }
            for row, (left, top, right, bottom) in zip(rows.tolist(), corners.tolist(), strict=True)
        ],
    }
