"""What the program needs of a model, whatever it labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.job_data import Objects
from labelwright.errors import InvalidRequest

__all__ = ["Hints", "Predictions", "Said", "Trainer", "trainer_for"]


@dataclasses.dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of some objects.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
    confidences : ndarray of shape (n,), float64
        Expected quality in [0, 1]; NaN for an object that cannot be read, which is never labeled.
    labels : sequence of length n
        JSON values, see `labelwright.tasks.machine.machine_label`; None where the confidence is NaN.
    certainties : ndarray of shape (n,), float64
        What the confidences were made from: the order in which the model is sure.
    """

    ids: NDArray[np.int64]
    confidences: NDArray[np.float64]
    labels: Sequence[Any]
    certainties: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """What a model said of one object before people labeled it."""

    certainty: float
    label: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Hints:
    """What is known of labeled objects besides their labels.

    Attributes
    ----------
    is_random : ndarray of shape (n,), bool
        Whether an object was drawn at random, and not because a model was unsure of it.
    said : mapping of int to Said
        By object number, of the last two batches.
    """

    is_random: NDArray[np.bool_]
    said: Mapping[int, Said]


class Trainer(Protocol):
    """A model for one kind of label. Deterministic given the seed of the input.

    Attributes
    ----------
    n_seen : int
        Labels that the model from elsewhere has learned from; 0 without one.
    spread : float or None
        Standard deviation of the quality of one object around its confidence, where it is not just right or
        wrong. A trainer of classes need not have it.
    """

    n_seen: int

    def load(self, folder: Path, *, is_own: bool) -> None:
        """Begin from the files that an earlier model's `save` wrote.

        ``is_own``: it is the last model of this very job, whose labels are given again; otherwise it brings
        knowledge from elsewhere. A job that has both loads the one from elsewhere first.
        """

    def save(self, folder: Path) -> None:
        """Write the model's files; numbers and JSON, nothing executable."""

    def fit(self, objects: Objects, hints: Hints) -> dict[str, float]:
        """Learn from labeled objects; metrics for the log.

        Raises
        ------
        labelwright.errors.InvalidRequest
            When nothing can be learned from them.
        """

    def predict(self, objects: Objects) -> Predictions:
        """Label objects, streaming over them."""

    def qualities(self, objects: Objects, labels: Sequence[Any]) -> NDArray[np.float64]:
        """Quality in [0, 1] of predicted labels against those of people, (n,)."""

    def queries(self, objects: Objects, predictions: Predictions, n: int, *, seed: int) -> NDArray[np.int64]:
        """Positions of the objects that people should see next, most wanted first; at most ``n``."""


def trainer_for(content: Mapping[str, Any], folder: Path) -> Trainer:
    """The model for a job.

    Raises
    ------
    InvalidRequest
        For an algorithm without one.
    """
    algorithm = content["algorithm"]
    if algorithm in ("text-classification", "image-classification"):
        from labelwright.autolabel.job_classes import ClassTrainer

        return ClassTrainer(content, folder)
    if algorithm == "object-detection":
        from labelwright.autolabel.job_boxes import BoxTrainer

        return BoxTrainer(content, folder)
    if algorithm == "semantic-segmentation":
        from labelwright.autolabel.job_masks import MaskTrainer

        return MaskTrainer(content, folder)
    raise InvalidRequest(f"There is no trainer for {algorithm!r}.", field="algorithm", value=algorithm)
