"""How good predicted boxes and masks are against those of people, and what to expect of a confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ExpectedQuality", "box_quality", "mask_overlaps", "mask_quality"]

Box = Sequence[float]
"""Class index, left, top, width, height; predicted ones have a score behind that."""


def box_quality(predicted: Sequence[Box], truth: Sequence[Box]) -> float:
    """Mean intersection over union of all boxes of an image, per class, then over its classes.

    Parameters
    ----------
    predicted : sequence of (class, left, top, width, height, score)
    truth : sequence of (class, left, top, width, height)

    Returns
    -------
    float
        In [0, 1]. By falling score, each predicted box takes the box of its class that overlaps it most and
        is not taken yet. Boxes without a partner, on either side, count 0. 1 where there are none at all.

    Examples
    --------
    >>> box_quality([(0, 0, 0, 10, 10, 0.9), (1, 0, 0, 5, 5, 0.8)], [(0, 0, 0, 10, 10)])
    0.5
    """
    classes = sorted({int(box[0]) for box in (*predicted, *truth)})
    if not classes:
        return 1.0
    means = []
    for class_id in classes:
        found = sorted((box for box in predicted if int(box[0]) == class_id), key=lambda box: -box[5])
        free = [box for box in truth if int(box[0]) == class_id]
        values = []
        for box in found:
            overlaps = [_iou(box, other) for other in free]
            best = int(np.argmax(overlaps)) if overlaps else -1
            if best >= 0 and overlaps[best] > 0:
                values.append(overlaps[best])
                del free[best]
            else:
                values.append(0.0)
        values += [0.0] * len(free)
        means.append(sum(values) / len(values))
    return float(sum(means) / len(means))


def _iou(a: Box, b: Box) -> float:
    width = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    height = min(a[2] + a[4], b[2] + b[4]) - max(a[2], b[2])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return float(common / (a[3] * a[4] + b[3] * b[4] - common))


def mask_quality(predicted: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Mean intersection over union of the classes in either mask but background (0); 1 where there are none.

    Parameters
    ----------
    predicted, truth : ndarray of shape (height, width), uint8
        Class indices; the shapes must be equal.
    """
    n = int(max(predicted.max(initial=0), truth.max(initial=0))) + 1
    overlaps, is_predicted, is_there = mask_overlaps(predicted, truth, n)
    counts = is_predicted | is_there
    return float(overlaps[counts].mean()) if counts.any() else 1.0


def mask_overlaps(
    predicted: NDArray[np.uint8], truth: NDArray[np.uint8], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Intersection over union of each class but the background, and which mask has it, each (n_classes - 1,).

    Parameters
    ----------
    predicted, truth : ndarray of equal shape, uint8
        Class indices below `n_classes`.
    n_classes : int
        The background is one of them.
    """
    pairs = predicted.ravel().astype(np.int64) * n_classes + truth.ravel()
    counts = np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)
    common = np.diag(counts)[1:]
    of_predicted, of_truth = counts.sum(axis=1)[1:], counts.sum(axis=0)[1:]
    overlaps = common / np.maximum(of_predicted + of_truth - common, 1)
    return overlaps, of_predicted > 0, of_truth > 0


class ExpectedQuality:
    """From a model's own confidence to the quality one may expect: increasing, fitted on held-out objects.

    Parameters
    ----------
    confidences, qualities : array-like of shape (n,)
        Of objects that the model was not trained on. None or one leave the confidence as it is.

    Notes
    -----
    Least squares under the condition that the map increases (pool adjacent violators; Ayer et al., 1955,
    doi:10.1214/aoms/1177728423), joined by straight lines, with a twentieth of the confidence itself mixed in
    so that no two objects become equal.
    """

    _OWN_SHARE = 0.05

    def __init__(self, confidences: ArrayLike, qualities: ArrayLike) -> None:
        x, y = np.asarray(confidences, np.float64), np.asarray(qualities, np.float64)
        order = np.argsort(x, kind="stable")
        blocks: list[tuple[float, float, int]] = []  # mean confidence, mean quality, objects
        for a, b in zip(x[order], y[order], strict=True):
            blocks.append((float(a), float(b), 1))
            while len(blocks) > 1 and blocks[-2][1] >= blocks[-1][1]:
                a1, b1, n1 = blocks.pop()
                a0, b0, n0 = blocks.pop()
                n = n0 + n1
                blocks.append(((a0 * n0 + a1 * n1) / n, (b0 * n0 + b1 * n1) / n, n))
        self.x = np.array([block[0] for block in blocks])
        self.y = np.array([block[1] for block in blocks])

    def __call__(self, confidences: ArrayLike) -> NDArray[np.float64]:
        """Expected qualities (n,) in [0, 1]; NaN stays NaN."""
        c = np.asarray(confidences, np.float64)
        if len(self.x) < 2:
            return c
        fitted = np.interp(np.nan_to_num(c), self.x, self.y)
        return np.where(np.isnan(c), np.nan, (1 - self._OWN_SHARE) * fitted + self._OWN_SHARE * c)
