"""Answers of models that labeling jobs trained to label classes of texts or pictures.

They speak as the built-in algorithms for the same data do: texts as BlazingText, pictures as image
classification. Models of boxes and masks, and models on the features of a network of the operator's, are not
served: what they need besides their artifact (PyTorch, that network) belongs to labeling jobs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.autolabel.features import image_features, text_features
from labelwright.autolabel.learners import Learner
from labelwright.errors import InvalidRequest
from labelwright.inference.images import IMAGE_TYPES, accepted
from labelwright.inference.interface import (
    Answer,
    BadInput,
    BadModel,
    BatchPredictor,
    InferenceError,
    Predictor,
)
from labelwright.inference.text_classification import TextClassificationPredictor

__all__ = ["LabelingPictures", "LabelingTexts", "load"]

_JSON, _JSONLINES = "application/json", "application/jsonlines"


class LabelingTexts(TextClassificationPredictor):
    """Classes of texts, as ``__label__<index>`` with calibrated probabilities.

    Parameters
    ----------
    learner : Learner
    """

    def __init__(self, learner: Learner) -> None:
        self.labels = [f"__label__{i}" for i in range(learner.n_classes)]
        self._learner = learner

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Of each label, of shape (n_texts, n_labels)."""
        embedding = self._learner.embedding
        if embedding is None:  # `load` has looked
            raise AssertionError("a model of a labeling job has an embedding")
        found = self._learner.predict_proba(embedding(text_features(list(texts))))
        return np.asarray(found, np.float32)


class LabelingPictures(BatchPredictor):
    """Classes of pictures: a list of calibrated probabilities by class index.

    Parameters
    ----------
    learner : Learner
    """

    algorithm = "image-classification"
    content_types: tuple[str, ...] = IMAGE_TYPES

    def __init__(self, learner: Learner) -> None:
        self._learner = learner

    def predict_many(
        self, bodies: Sequence[bytes], content_type: str, accept: str | None
    ) -> list[Answer | InferenceError]:
        """See `labelwright.inference.Predictor.predict_many`."""
        self._read_as(content_type)
        is_line = accepted(accept, (_JSON, _JSONLINES)) == _JSONLINES
        return [self._answer(body, is_line=is_line) for body in bodies]

    def _answer(self, body: bytes, *, is_line: bool) -> Answer | InferenceError:
        embedding = self._learner.embedding
        if embedding is None:  # `load` has looked
            raise AssertionError("a model of a labeling job has an embedding")
        try:
            row = image_features([body])
        except InvalidRequest as error:
            return BadInput(str(error))
        shares = [float(share) for share in self._learner.predict_proba(embedding(row))[0]]
        if is_line:
            return (json.dumps({"prediction": shares}) + "\n").encode(), _JSONLINES
        return json.dumps(shares).encode(), _JSON


def load(model_dir: Path, description: Mapping[str, Any], *, n_threads: int = 1) -> Predictor:
    """Open a model folder; see `labelwright.inference.load_predictor`."""
    del n_threads
    task = description.get("task")
    if task not in ("text-classification", "image-classification"):
        raise BadModel(
            f"{model_dir.name} holds a labeling job's model for {task!r}; it labels in labeling jobs only. "
            "Train the built-in algorithm of that name on the job's output manifest to serve one."
        )
    try:
        learner = Learner.load(model_dir / "model.npz")
    except InvalidRequest as error:
        raise BadModel(str(error)) from error
    wanted = "tfidf" if task == "text-classification" else "nystroem"
    embedding = learner.embedding
    if description.get("needs_network") or embedding is None or embedding.kind != wanted:
        raise BadModel(
            f"{model_dir.name} holds a labeling job's model on the features of a network of the operator's, "
            "which is not in its artifact; it labels in labeling jobs only. Train a built-in algorithm on "
            "the job's output manifest to serve one."
        )
    return LabelingTexts(learner) if task == "text-classification" else LabelingPictures(learner)
