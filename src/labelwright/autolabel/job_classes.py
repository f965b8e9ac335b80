"""Classes of texts and images: frozen features and a linear model, trained in milliseconds.

Features of images are computed once per object and kept from one iteration to the next in a file that is
mapped into memory; texts are so quick that they are read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.blocks import Blocks
from labelwright.autolabel.embeddings import Embedding, fit_embedding
from labelwright.autolabel.features import text_features
from labelwright.autolabel.features.encoder import TextEncoder, load_text_encoder
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_row_cache import PictureRows, TextRows
from labelwright.autolabel.job_trainers import Hints, Predictions
from labelwright.autolabel.learners import HeldOut, Learner
from labelwright.autolabel.queries import choose_queries
from labelwright.errors import InvalidRequest
from labelwright.work import report_progress

__all__ = ["ClassTrainer"]

_MODEL = "model.npz"
_CHUNK = 2000
_POOL_MAX = {"text": 50_000, "image": 5_000}  # objects that the embedding is learned from


class ClassTrainer:
    """`Trainer` of text and image classification.

    Parameters
    ----------
    content : Mapping
        The program's input.
    folder : Path
        The program's folder.
    """

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        self._content = content
        self._folder = folder
        self._attribute = content["label_attribute_name"]
        self._n_classes = len(content["labels"])
        self._is_text = content["algorithm"] == "text-classification"
        self._seed = int(content["seed"])
        self._learner: Learner | None = None
        self._start: Learner | None = None
        self.n_seen = 0
        self._embedding: Embedding | None = None
        self._pictures: PictureRows | None = None
        self._encoder: TextEncoder | None = None
        self._vectors: TextRows | None = None
        if self._is_text and content.get("text_encoder"):
            n_threads = int(content.get("n_threads") or 1)
            self._encoder = load_text_encoder(Path(content["text_encoder"]), n_threads)
            self._vectors = TextRows(content, folder, self._encoder)

    @property
    def has_model(self) -> bool:
        """Whether there is something to predict with."""
        return self._learner is not None

    def load(self, folder: Path, *, is_own: bool) -> None:
        """Begin from an earlier model: its embedding is kept. One from elsewhere is improved on as well.

        One that was made for another text encoder, or for none, is left aside.
        """
        learner = Learner.load(folder / _MODEL)
        if self._is_text and learner.embedding is not None:
            key = "" if self._encoder is None else self._encoder.key
            if learner.embedding.source != key:
                print("INFO The earlier model was made with another text encoder and is left aside.")
                return
        self._learner = learner
        if self._embedding is None:
            self._embedding = self._learner.embedding
        if not is_own:
            self._start = self._learner
            self.n_seen = self._learner.n_seen_

    def save(self, folder: Path) -> None:
        """Write the model."""
        self._need().save(folder / _MODEL)

    def prepare(self, objects: Objects) -> None:
        """Learn the embedding from objects of the job, labeled or not, when no model brought one."""
        if self._embedding is None:
            chance = np.random.default_rng([self._seed, 11])
            most = _POOL_MAX["text" if self._is_text else "image"]
            chosen = np.sort(chance.permutation(len(objects))[:most])
            raw, is_usable = self._raw_features(objects, chosen)
            source = "" if self._encoder is None else self._encoder.key
            self._embedding = fit_embedding(raw[np.flatnonzero(is_usable)], seed=self._seed, source=source)

    def fit(self, objects: Objects, hints: Hints) -> dict[str, float]:
        """Learn from labeled objects."""
        y = np.array([_class_of(value) for value in objects.labels(self._attribute)], np.int64)
        is_known = (y >= 0) & (y < self._n_classes)
        if self._embedding is None:
            self.prepare(objects)
        x, is_usable = self._features(objects, np.arange(len(objects)))
        kept = np.flatnonzero(is_known & is_usable)
        if len(kept) == 0:
            raise InvalidRequest(
                "None of the labeled objects can be learned from: they have no label of the job, or cannot "
                "be read.",
                field="training",
            )
        learner = Learner(self._n_classes, embedding=self._embedding)
        is_random = hints.is_random[kept]
        if not is_random.any():  # nothing else to calibrate on
            is_random = np.ones(len(kept), np.bool_)
        self._learner = learner.fit(
            x[kept],
            y[kept],
            start=self._start,
            is_random=is_random,
            held_out=_held_out(objects, y, kept, hints),
        )
        right = self._learner.loo_.labels == y[kept][self._learner.left_out_]
        return {
            "n_training": float(len(kept)),
            "n_classes_seen": float(len(np.unique(y[kept]))),
            "training-accuracy": float(right.mean()),
        }

    def predict(self, objects: Objects) -> Predictions:
        """Classes and calibrated confidences, chunk by chunk."""
        learner = self._need()
        confidences = np.full(len(objects), np.nan)
        certainties = np.full(len(objects), np.nan)
        labels = np.full(len(objects), -1, np.int64)
        for start in range(0, len(objects), _CHUNK):
            chosen = np.arange(start, min(start + _CHUNK, len(objects)))
            x, is_usable = self._features(objects, chosen)
            kept = np.flatnonzero(is_usable)
            if len(kept):
                found = learner.predict(x[kept])
                confidences[chosen[kept]] = found.confidences
                certainties[chosen[kept]] = found.margins
                labels[chosen[kept]] = found.labels
            if start:
                report_progress(self._folder, "predicting", done=start, of=len(objects))
        return Predictions(objects.ids, confidences, _ClassLabels(labels), certainties)

    def qualities(self, objects: Objects, labels: Sequence[Any]) -> NDArray[np.float64]:
        """1 where the class is that of the people, else 0."""
        truth = [_class_of(value) for value in objects.labels(self._attribute)]
        return np.array([float(a == b) for a, b in zip(truth, labels, strict=True)], np.float64)

    def queries(self, objects: Objects, predictions: Predictions, n: int, *, seed: int) -> NDArray[np.int64]:
        """The least sure ones, then a few at random."""
        usable = np.flatnonzero(~np.isnan(predictions.certainties))
        chosen = choose_queries(predictions.certainties[usable], None, n, seed=seed)
        return np.asarray(usable[chosen], np.int64)

    def _need(self) -> Learner:
        if self._learner is None:
            raise InvalidRequest("There is no model yet.", field="model")
        return self._learner

    def _features(self, objects: Objects, chosen: NDArray[np.int64]) -> tuple[Any, NDArray[np.bool_]]:
        """Embedded features of some objects, and which of them can be used."""
        raw, is_usable = self._raw_features(objects, chosen)
        if self._embedding is None:
            raise AssertionError("the embedding is learned first")
        return self._embedding(raw), is_usable

    def _raw_features(self, objects: Objects, chosen: NDArray[np.int64]) -> tuple[Any, NDArray[np.bool_]]:
        if self._is_text:
            texts = [str(line.get("source") or "") for line in objects.lines(chosen.tolist())]
            counts, is_usable = text_features(texts), np.ones(len(texts), np.bool_)
            if self._vectors is None:
                return counts, is_usable
            return Blocks(counts, self._vectors.rows(objects, chosen)[0]), is_usable
        if self._pictures is None:
            self._pictures = PictureRows(self._content, self._folder)
        return self._pictures.rows(objects, chosen)


def _held_out(
    objects: Objects, y: NDArray[np.int64], kept: NDArray[np.int64], hints: Hints
) -> HeldOut | None:
    """What the last models said of objects that people have labeled since."""
    margins, right = [], []
    for i in kept.tolist():
        said = hints.said.get(int(objects.ids[i]))
        if said is not None:
            margins.append(said.certainty)
            right.append(bool(said.label == y[i]))
    return HeldOut(np.array(margins, np.float64), np.array(right, np.bool_)) if margins else None


class _ClassLabels(Sequence[int]):
    """Classes as JSON values."""

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self._labels = labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, i: Any) -> Any:
        return int(self._labels[i])


def _class_of(value: Any) -> int:
    """A class index as manifests hold it; old ones hold text. -1 for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
