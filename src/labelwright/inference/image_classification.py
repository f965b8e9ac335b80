"""Answers of an image classifier.

The graph gives ``probabilities`` of shape (n, n_classes), float32: a softmax over classes, or independent
sigmoids where an image has several labels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.inference.images import Picture, PicturePredictor

__all__ = ["ImageClassifier", "load"]


class ImageClassifier(PicturePredictor):
    """Predictor of the algorithm ``image-classification``.

    Pictures are scaled to the image shape of the training, sides apart, and not cropped.
    """

    algorithm = "image-classification"

    def answers(
        self, outputs: Sequence[npt.NDArray[Any]], pictures: Sequence[Picture], accept: str
    ) -> list[bytes]:
        """See `PicturePredictor.answers`: a bare list, or as a line an object that holds it."""
        rows = outputs[0].astype(np.float64).tolist()
        if accept == "application/jsonlines":
            return [(json.dumps({"prediction": row}) + "\n").encode() for row in rows]
        return [json.dumps(row).encode() for row in rows]


def load(model_dir: Path, description: Mapping[str, Any], *, n_threads: int = 1) -> ImageClassifier:
    """The classifier in a model folder."""
    return ImageClassifier(model_dir, description, n_threads=n_threads)
