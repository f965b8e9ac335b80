"""What to expect of a picture whose label has several classes, and which of its classes to leave out.

The quality of boxes and masks is a mean over the classes that the machine or people see in a picture
(`labelwright.autolabel.job_quality`). So a class that is seen by mistake costs as much as a whole class that
is missed, however small it is, and how sure a model is of the average pixel or box says little about the
mean. What says more is learned from pictures that were held out: for each class of a picture the overlap to
expect where the machine keeps it, and the chance that people see it where it does not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassTables", "ExpectedClasses", "best_classes"]

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]

_PENALTY = 2.0  # observations that a coefficient of one spread weighs up
_CLASS_PENALTY = 0.5  # the same for the offset of a class; classes do differ
_STEPS, _STEP_LEAST = 25, 1e-6


@dataclasses.dataclass(frozen=True, slots=True)
class ClassTables:
    """The classes of n pictures in the eyes of a model, and of people where they are known.

    Attributes
    ----------
    features : ndarray of shape (n, n_classes, n_features)
        Whatever tells good from bad; the background is no class here.
    is_kept : ndarray of shape (n, n_classes), bool
        The machine's label has the class.
    overlaps : ndarray of shape (n, n_classes)
        The class's part of the quality, in [0, 1]; 0 where only one side has it.
    is_there : ndarray of shape (n, n_classes), bool
        People's label has the class.
    """

    features: _Floats
    is_kept: _Bools
    overlaps: _Floats
    is_there: _Bools

    def of(self, chosen: NDArray[np.int64]) -> ClassTables:
        """Those of some pictures."""
        return ClassTables(
            self.features[chosen], self.is_kept[chosen], self.overlaps[chosen], self.is_there[chosen]
        )


class ExpectedClasses:
    """Expected overlap of each kept class, and the chance that a class is there that is not kept.

    Notes
    -----
    Two logistic regressions on the features and an offset for each class, with squared penalties, so that
    a class of which little was seen is taken for an average one. The first fits overlaps, which lie between 0
    and 1 (Papke and Wooldridge, 1996, "Econometric methods for fractional response variables").
    """

    def __init__(self, overlap: _Logit | None = None, presence: _Logit | None = None) -> None:
        self._overlap = overlap
        self._presence = presence

    @classmethod
    def fit(cls, tables: ClassTables) -> ExpectedClasses:
        """Learn from pictures that the model was not trained on."""
        picture, class_id = np.nonzero(tables.is_kept)
        overlap = _Logit.fit(
            tables.features[picture, class_id],
            class_id,
            tables.overlaps[picture, class_id],
            tables.is_kept.shape[1],
        )
        n, n_classes, n_features = tables.features.shape
        presence = _Logit.fit(
            tables.features.reshape(n * n_classes, n_features),
            np.tile(np.arange(n_classes), n),
            tables.is_there.reshape(-1).astype(np.float64),
            n_classes,
        )
        return cls(overlap, presence)

    def __call__(self, features: _Floats) -> tuple[_Floats, _Floats]:
        """Expected overlaps if kept, and chances of being there, both (n, n_classes)."""
        if self._overlap is None or self._presence is None:
            raise AssertionError("nothing was learned yet")
        n, n_classes, n_features = features.shape
        rows = features.reshape(n * n_classes, n_features)
        class_ids = np.tile(np.arange(n_classes), n)
        shape = (n, n_classes)
        return self._overlap(rows, class_ids).reshape(shape), self._presence(rows, class_ids).reshape(shape)

    def as_dict(self) -> dict[str, Any]:
        """Numbers by name, for storage."""
        parts = {"overlap": self._overlap, "presence": self._presence}
        return {name: part.as_dict() for name, part in parts.items() if part is not None}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ExpectedClasses:
        """What `as_dict` gave."""
        return cls(_Logit.from_dict(content["overlap"]), _Logit.from_dict(content["presence"]))


def best_classes(
    overlaps: _Floats, chances: _Floats, is_possible: _Bools, *, may_drop: bool = True
) -> tuple[_Bools, _Floats]:
    """The classes to keep so that the expected mean over classes is greatest, and that mean.

    Parameters
    ----------
    overlaps, chances : ndarray of shape (n, n_classes)
        See `ExpectedClasses`.
    is_possible : ndarray of shape (n, n_classes), bool
        Classes that the model found; others cannot be kept.
    may_drop : bool
        Otherwise all that is possible is kept.

    Returns
    -------
    is_kept : ndarray of shape (n, n_classes), bool
    expected : ndarray of shape (n,)
        In [0, 1].

    Notes
    -----
    With K the kept classes, the mean is about ``sum_K overlap / (|K| + sum_not_K chance)``, whose greatest
    value has the classes with ``overlap / (1 - chance) >= value``: those with the greatest such ratio, up to
    some number of them (Dinkelbach, 1967, "On nonlinear fractional programming"). A picture without any
    class is right if nothing is there.
    """
    n, n_classes = overlaps.shape
    ratio = np.where(is_possible, overlaps / np.maximum(1 - chances, 1e-9), -1.0)
    order = np.argsort(-ratio, axis=1, kind="stable")
    in_order = np.take_along_axis(is_possible, order, axis=1)
    gained = np.cumsum(np.take_along_axis(np.where(is_possible, overlaps, 0.0), order, axis=1), axis=1)
    missed = chances.sum(axis=1, keepdims=True) - np.cumsum(
        np.take_along_axis(chances, order, axis=1), axis=1
    )
    counts = np.arange(1, n_classes + 1)
    value = np.where(in_order, gained / np.maximum(counts + np.maximum(missed, 0.0), 1e-9), -1.0)
    nothing = np.prod(1 - chances, axis=1)
    n_possible = is_possible.sum(axis=1)
    best = value.argmax(axis=1) if may_drop else np.maximum(n_possible - 1, 0)
    top = value[np.arange(n), best]
    is_empty = (n_possible == 0) | (may_drop & (nothing > top))
    is_kept = np.zeros((n, n_classes), np.bool_)
    np.put_along_axis(is_kept, order, np.arange(n_classes)[None] <= best[:, None], axis=1)
    is_kept &= is_possible & ~is_empty[:, None]
    return is_kept, np.clip(np.where(is_empty, nothing, top), 0.0, 1.0)


class _Logit:
    """Logistic regression on standardised features and an offset for each class."""

    def __init__(self, mean: _Floats, scale: _Floats, weights: _Floats) -> None:
        self._mean, self._scale, self._weights = mean, scale, weights

    @classmethod
    def fit(cls, features: _Floats, class_ids: NDArray[np.int64], y: _Floats, n_classes: int) -> _Logit:
        """Newton's method on the penalised likelihood; `y` in [0, 1]."""
        n = len(y)
        mean = features.mean(axis=0) if n else np.zeros(features.shape[1])
        scale = 1 / np.maximum(features.std(axis=0), 1e-6) if n else np.ones(features.shape[1])
        found = cls(mean, scale, np.zeros(1 + features.shape[1] + n_classes))
        x = found._rows(features, class_ids)
        penalty = np.full(x.shape[1], _PENALTY)
        penalty[1 + features.shape[1] :] = _CLASS_PENALTY
        # The common offset is hardly held back, only so far that one class of facts gives no infinite odds.
        penalty[0] = 0.1
        for _ in range(_STEPS):
            p = _sigmoid(x @ found._weights)
            gradient = x.T @ (y - p) - penalty * found._weights
            hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
            step = np.linalg.solve(hessian, gradient)
            found._weights = found._weights + step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
            if np.abs(step).max() < _STEP_LEAST:
                break
        return found

    def __call__(self, features: _Floats, class_ids: NDArray[np.int64]) -> _Floats:
        return _sigmoid(self._rows(features, class_ids) @ self._weights)

    def _rows(self, features: _Floats, class_ids: NDArray[np.int64]) -> _Floats:
        n_features = len(self._mean)
        n_classes = len(self._weights) - 1 - n_features
        # Beyond what was seen a straight line is no guide.
        z = ((features - self._mean) * self._scale).clip(-3, 3)
        return np.concatenate([np.ones((len(z), 1)), z, np.eye(n_classes)[class_ids]], axis=1)

    def as_dict(self) -> dict[str, list[float]]:
        return {
            "mean": self._mean.tolist(),
            "scale": self._scale.tolist(),
            "weights": self._weights.tolist(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> _Logit:
        return cls(*(np.asarray(content[name], np.float64) for name in ("mean", "scale", "weights")))


def _sigmoid(x: _Floats) -> _Floats:
    return np.asarray(1 / (1 + np.exp(-x.clip(-30, 30))))
