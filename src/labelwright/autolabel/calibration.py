"""From regression scores to probabilities one can believe, fitted on predictions of rows not trained on."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Calibration", "fit_margin", "fit_sharpness", "margins"]

_N_ENOUGH = 500
_SHARPNESS = np.geomspace(0.3, 60.0, 25)


@dataclasses.dataclass(frozen=True, slots=True)
class Calibration:
    """Two maps from scores (n, k).

    Attributes
    ----------
    sharpness : float
        Class probabilities are ``softmax(sharpness * scores)``.
    slope, offset, floor : float
        The probability that the best class is right is ``(1 - floor) / (1 + exp(-(slope * margin +
        offset)))`` with margin = best score - second best (J. Platt, "Probabilistic outputs for support
        vector machines", 1999). The floor is the share of errors that no margin excludes, such as those
        of the people.
    """

    sharpness: float
    slope: float
    offset: float
    floor: float

    def as_dict(self) -> dict[str, float]:
        """The numbers by name, for storage."""
        return dataclasses.asdict(self)

    def probabilities(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Class probabilities (n, k); rows sum to one."""
        return _softmax(self.sharpness * np.asarray(scores, np.float64))

    def confidences(self, margin: ArrayLike) -> NDArray[np.float64]:
        """Probability (n,) that the best class is right, from its :func:`margins` (n,)."""
        return (1 - self.floor) * _logistic(self.slope * np.asarray(margin, np.float64) + self.offset)


def margins(scores: ArrayLike) -> NDArray[np.float64]:
    """Best minus second best (n,); with a single class, its score."""
    values = np.asarray(scores, np.float64)
    if values.shape[1] == 1:
        return values[:, 0]
    top = np.partition(values, values.shape[1] - 2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])


def fit_sharpness(scores: ArrayLike, labels: ArrayLike) -> float:
    """Sharpness of the softmax with the least log loss on held-out scores (n, k) and labels (n,), from a
    grid; some hundred of them tell it.
    """
    step = max(1, len(np.asarray(labels)) // _N_ENOUGH)
    values, truth = np.asarray(scores, np.float64)[::step], np.asarray(labels, np.int64)[::step]
    rows = np.arange(len(truth))

    def loss(sharpness: float) -> float:
        likelihood = _softmax(sharpness * values)[rows, truth]
        return -float(np.log(np.maximum(likelihood, 1e-300)).mean())

    return min((float(value) for value in _SHARPNESS), key=loss)


def fit_margin(margin: ArrayLike, right: ArrayLike) -> tuple[float, float, float]:
    """Slope (not negative), offset and floor of the probability that the best class is right.

    Parameters
    ----------
    margin : array-like of shape (n,)
        Of held-out predictions.
    right : array-like of shape (n,), bool

    Returns
    -------
    tuple of float
        Slope and offset by maximum likelihood, with half an observation of doubt spread over the right
        and over the wrong ones, which keeps the slope finite when all are right. The floor is what the
        surer half errs more than that says.
    """
    m, hit = np.asarray(margin, np.float64), np.asarray(right, np.bool_)
    n_right = int(hit.sum())
    goal = np.where(hit, (n_right + 0.5) / (n_right + 1), 0.5 / (len(hit) - n_right + 1))
    design = np.stack([m, np.ones_like(m)], axis=1)
    weights = np.zeros(2)
    for _ in range(50):
        p = _logistic(design @ weights)
        gradient = design.T @ (p - goal) + np.array([1e-3, 0.0]) * weights
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag([1e-3, 1e-6])
        step = np.linalg.solve(curvature, gradient)
        weights = weights - np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    if weights[0] < 0:  # the margin misleads: the share of right ones is all there is to say
        share = (n_right + 1) / (len(hit) + 2)
        return 0.0, float(np.log(share / (1 - share))), 0.0
    is_sure = m >= np.median(m)
    surplus = float((~hit[is_sure]).sum() - (1 - _logistic(design[is_sure] @ weights)).sum())
    floor = max(0.0, surplus) / (
        int(is_sure.sum()) + 10
    )  # ten: a few surprises among a few objects prove little
    return float(weights[0]), float(weights[1]), floor


def _logistic(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -500, 500))))


def _softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
