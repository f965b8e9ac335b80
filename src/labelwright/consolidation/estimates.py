"""What every class algorithm gives back: classes with probabilities, and how good each worker is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ClassEstimate", "WorkerQuality"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WorkerQuality:
    """How often each worker is right, and how sure that is.

    Attributes
    ----------
    workers : sequence
        Names, in the order of the rows below.
    n_answers : ndarray of shape (n_workers,), int64
    accuracy : ndarray of shape (n_workers,), float64
        Mean of the estimated probability that an answer of the worker is right, 0-1.
    lower, upper : ndarray of shape (n_workers,), float64
        Credible interval of ``accuracy`` with the probability ``level``.
    level : float
    confusion : ndarray of shape (n_workers, n_classes, n_classes), float64, or None
        ``confusion[j, c, l]`` is the probability that worker ``j`` answers ``l`` when ``c`` is true. None
        where the algorithm has no such matrix, or where it would be very large.
    """

    workers: Sequence[Any]
    n_answers: npt.NDArray[np.int64]
    accuracy: Floats
    lower: Floats
    upper: Floats
    level: float = 0.95
    confusion: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ClassEstimate:
    """One class per task. Unpacks as ``labels, confidences, posteriors, worker_quality``.

    Attributes
    ----------
    labels : ndarray of shape (n_tasks,), int64
        Class index; ties go to the lowest one.
    confidences : ndarray of shape (n_tasks,), float64
        Probability of the label; for ``compatible`` on the scale of the original, 0.05-0.95 with two
        decimals. 0 everywhere when one worker was asked per object.
    posteriors : ndarray of shape (n_tasks, n_classes), float64
        Rows sum to 1.
    worker_quality : WorkerQuality
    """

    labels: npt.NDArray[np.int64]
    confidences: Floats
    posteriors: Floats
    worker_quality: WorkerQuality

    def __iter__(self) -> Any:
        """Iterate over the four parts."""
        return iter((self.labels, self.confidences, self.posteriors, self.worker_quality))
