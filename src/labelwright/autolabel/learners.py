"""Ridge classifiers on frozen features: trained in milliseconds, with exact leave-one-out predictions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.autolabel.embeddings import Embedding

__all__ = ["Learner", "Prediction"]


@dataclasses.dataclass(frozen=True, slots=True)
class Prediction:
    """Labels of a model with the calibrated probability that each is right.

    Attributes
    ----------
    labels : ndarray of shape (n,), int64
    confidences : ndarray of shape (n,), float64
        In [0, 1]; calibrated on leave-one-out predictions of the training objects.
    """

    labels: NDArray[np.int64]
    confidences: NDArray[np.float64]


class Learner:
    """Regularised least squares on one-hot labels, with probabilities and confidences calibrated by leave-one-out.

    Parameters
    ----------
    n_classes : int
        Classes; labels are 0 .. n_classes - 1. Classes without an example are never predicted.
    embedding : Embedding, optional
        Stored with the model, so that a later job embeds its objects alike.

    Attributes
    ----------
    loo_ : Prediction
        Of the training objects, each by the model trained without it.
    """

    def __init__(self, n_classes: int, *, embedding: Embedding | None = None) -> None:
        self.n_classes = n_classes
        self.embedding = embedding
        self.loo_: Prediction

    def fit(self, x: Any, y: ArrayLike, *, start: Learner | None = None) -> Learner:
        """Learn from embedded features (n, d), dense or CSR, and labels (n,); `start` is an earlier model to improve on."""
        raise NotImplementedError

    def predict(self, x: Any) -> Prediction:
        """Labels and confidences of embedded features (n, d)."""
        raise NotImplementedError

    def predict_proba(self, x: Any) -> NDArray[np.float64]:
        """Class probabilities (n, n_classes); rows sum to one."""
        raise NotImplementedError

    def save(self, path: Path) -> None:
        """Write the model with its embedding: one npz file, arrays and a JSON header, nothing executable."""
        raise NotImplementedError

    @classmethod
    def load(cls, path: Path) -> Learner:
        """Read what :meth:`save` wrote; anything else raises :class:`labelwright.errors.InvalidRequest`."""
        raise NotImplementedError
