"""Classes of texts and images: frozen features and a linear model, trained in milliseconds.

Features of images are computed once per object and kept from one iteration to the next in a file that is
mapped into memory; texts are so quick that they are read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.embeddings import Embedding, fit_embedding
from labelwright.autolabel.features import image_features, text_features
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_reading import Reader, open_reader
from labelwright.autolabel.job_trainers import Hints, Predictions
from labelwright.autolabel.learners import HeldOut, Learner
from labelwright.autolabel.queries import choose_queries
from labelwright.errors import BlobNotFound, InvalidRequest
from labelwright.work import report_progress

__all__ = ["ClassTrainer", "FeatureCache"]

_MODEL = "model.npz"
_CHUNK = 2000
_IMAGE_CHUNK = 64
_N_READERS = 8
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
        self._raw: FeatureCache | None = None

    def load(self, folder: Path, *, is_own: bool) -> None:
        """Begin from an earlier model: its embedding is kept. One from elsewhere is improved on as well."""
        self._learner = Learner.load(folder / _MODEL)
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
            self._embedding = fit_embedding(raw[np.flatnonzero(is_usable)], seed=self._seed)

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
            return text_features(texts), np.ones(len(texts), np.bool_)
        if self._raw is None:
            self._raw = FeatureCache(self._content, self._folder)
        return self._raw.rows(objects, chosen)


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


class FeatureCache:
    """Raw features of a job's images by object number, in files that stay for the next iteration.

    Parameters
    ----------
    content : Mapping
        The program's input: ``cache``, ``n_objects``, ``weights``, ``data_dir``, ``object_store``.
    folder : Path
        For progress.

    Notes
    -----
    ``<key>.npy`` has a row for every object of the job (sparse on disk: only what was computed takes room),
    and ``<key>.state`` a byte: 0 not looked at, 1 computed, 2 unreadable. The byte is written after its row.
    """

    def __init__(self, content: Mapping[str, Any], folder: Path, reader: Reader | None = None) -> None:
        self._backbone = Path(content["weights"]) if content.get("weights") else None
        self._reader = reader or open_reader(Path(content["data_dir"]), content["object_store"])
        self._n_objects = int(content["n_objects"])
        self._root = Path(content["cache"])
        self._root.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._rows: NDArray[np.float32] | None = None
        self._state: NDArray[np.uint8] | None = None
        self._n_computed = 0

    def rows(
        self, objects: Objects, chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features (n, d) of some objects and which of them can be used; computes what is missing."""
        numbers = objects.ids[chosen]
        missing = chosen if self._state is None else chosen[self._state[numbers] == 0]
        for start in range(0, len(missing), _IMAGE_CHUNK):
            self._compute(objects, missing[start : start + _IMAGE_CHUNK])
        if self._rows is None or self._state is None:
            return np.zeros((len(chosen), 1), np.float32), np.zeros(len(chosen), np.bool_)
        return np.asarray(self._rows[numbers], np.float32), self._state[numbers] == 1

    def _compute(self, objects: Objects, part: NDArray[np.int64]) -> None:
        numbers = objects.ids[part]
        sources = [
            str(line.get("source-ref") or line.get("source") or "") for line in objects.lines(part.tolist())
        ]
        if self._rows is None:
            self._open()
            still = np.flatnonzero(self._states()[numbers] == 0)
            numbers, sources = numbers[still], [sources[i] for i in still]
        good: list[int] = []
        rows: list[NDArray[np.float32]] = []
        for i, content in enumerate(self._contents(sources)):
            row = self._row(content)
            if row is not None:
                good.append(i)
                rows.append(row)
        states = self._states()
        if rows and self._rows is not None:
            self._rows[numbers[good]] = np.stack(rows)
        states[numbers] = 2
        states[numbers[good]] = 1
        self._n_computed += len(numbers)
        report_progress(self._folder, "looked at images", done=self._n_computed)

    def _row(self, content: bytes | None) -> NDArray[np.float32] | None:
        if content is None:
            return None
        try:
            return np.asarray(image_features([content], backbone=self._backbone)[0], np.float32)
        except InvalidRequest:
            return None

    def _contents(self, sources: Sequence[str]) -> Iterator[bytes | None]:
        with ThreadPoolExecutor(_N_READERS) as pool:
            yield from pool.map(self._read, sources)

    def _read(self, source: str) -> bytes | None:
        try:
            return self._reader.read(source)
        except (BlobNotFound, InvalidRequest):
            return None

    def _states(self) -> NDArray[np.uint8]:
        if self._state is None:
            raise AssertionError("opened before")
        return self._state

    def _open(self) -> None:
        """Map the files; the width of a row is found out with a picture of our own."""
        key = "hog"
        if self._backbone is not None:
            key = "backbone-" + hashlib.sha256(self._backbone.read_bytes()).hexdigest()[:16]
        width = image_features([np.zeros((8, 8, 3), np.uint8)], backbone=self._backbone).shape[1]
        path, state = self._root / f"{key}-{width}.f32", self._root / f"{key}-{width}.state"
        for file, size in ((path, 4 * width * self._n_objects), (state, self._n_objects)):
            with file.open("ab") as handle:
                handle.truncate(size)
        self._rows = np.memmap(path, np.float32, "r+", shape=(self._n_objects, width))
        self._state = np.memmap(state, np.uint8, "r+", shape=(self._n_objects,))
