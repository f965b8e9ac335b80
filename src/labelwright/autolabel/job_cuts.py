"""The least score with which a box counts, one for each class.

A detector gives boxes of a rare or small class lower scores than others, so one cut for all either loses that
class or keeps too much of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.job_quality import Box, box_quality

__all__ = ["CUTS", "best_cuts"]

CUTS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Candidates."""

_ROUNDS = 2


def best_cuts(
    predicted: Sequence[Sequence[Box]], truths: Sequence[Sequence[Box]], n_classes: int
) -> tuple[list[float], NDArray[np.float64]]:
    """The cuts of highest mean quality, found class by class from the best common one.

    Parameters
    ----------
    predicted : sequence of length n of sequences of (class, left, top, width, height, score)
    truths : sequence of length n of sequences of (class, left, top, width, height)
    n_classes : int

    Returns
    -------
    cuts : list of float, of length n_classes
    qualities : ndarray of shape (n,)
        `box_quality` of each picture with these cuts.
    """
    if not predicted:
        return [0.5] * n_classes, np.empty(0)
    value, is_there = _tables(predicted, truths, n_classes)
    classes = np.arange(n_classes)

    def qualities(places: NDArray[np.int64]) -> NDArray[np.float64]:
        there = is_there[:, classes, places]  # (n, n_classes)
        n_there = there.sum(axis=1)
        total = np.where(there, value[:, classes, places], 0.0).sum(axis=1)
        return np.where(n_there > 0, total / np.maximum(n_there, 1), 1.0)

    places = max(
        (np.full(n_classes, k, np.int64) for k in range(len(CUTS))), key=lambda some: qualities(some).mean()
    )
    for class_id in [*range(n_classes)] * _ROUNDS:
        tried = [places]
        for k in range(len(CUTS)):
            other = places.copy()
            other[class_id] = k
            tried.append(other)
        places = max(tried, key=lambda some: qualities(some).mean())
    return [CUTS[k] for k in places], qualities(places)


def _tables(
    predicted: Sequence[Sequence[Box]], truths: Sequence[Sequence[Box]], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Quality of each picture, class and cut by itself, and whether that class is there at all."""
    shape = (len(predicted), n_classes, len(CUTS))
    value, is_there = np.zeros(shape), np.zeros(shape, np.bool_)
    for i, (boxes, truth) in enumerate(zip(predicted, truths, strict=True)):
        for class_id in {int(box[0]) for box in (*boxes, *truth)} & set(range(n_classes)):
            own = [box for box in truth if int(box[0]) == class_id]
            found = [box for box in boxes if int(box[0]) == class_id]
            for k, cut in enumerate(CUTS):
                kept = [box for box in found if box[5] >= cut]
                is_there[i, class_id, k] = bool(kept or own)
                if kept and own:
                    value[i, class_id, k] = box_quality(kept, own)
    return value, is_there
