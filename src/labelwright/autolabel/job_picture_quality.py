"""The quality to expect of a picture's label, learned from pictures that the model was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.autolabel.job_expected import ClassTables, ExpectedClasses, best_classes

__all__ = ["SPREAD", "PictureQuality", "QualityLine", "spread_of"]

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]

_FOLDS = 5
_PENALTY = 30.0  # pictures that weigh as much as the belief in the first sign
_LEVEL_WEIGHT = 5.0  # random pictures that weigh as much as what all of them say about the level
_LEAST = 6  # held-out pictures from which a line is learned

SPREAD = 0.2
"""Standard deviation of the quality of pictures around what is expected, before any was seen."""
_SPREAD_WEIGHT = 3.0  # observations that it counts as


def spread_of(errors: ArrayLike) -> float:
    """Standard deviation of errors (n,) of what was expected, as far as so many tell."""
    values = np.asarray(errors, np.float64)
    squares = float((values**2).sum())
    return float(np.sqrt((_SPREAD_WEIGHT * SPREAD**2 + squares) / (_SPREAD_WEIGHT + len(values))))


class PictureQuality:
    """Which of a picture's classes to keep, and the quality to expect then.

    Parameters
    ----------
    expected : ExpectedClasses
    line : QualityLine
    may_drop : bool
        Whether classes are left out at all.

    Attributes
    ----------
    spread : float
        Standard deviation of the quality around what is expected, of held-out pictures; known after `fit`.
    """

    LEAST = _LEAST
    """Held-out pictures that `fit` needs."""

    def __init__(self, expected: ExpectedClasses, line: QualityLine, *, may_drop: bool) -> None:
        self._expected, self._line, self._may_drop = expected, line, may_drop
        self.spread = SPREAD

    @classmethod
    def fit(
        cls,
        tables: ClassTables,
        signs: ArrayLike,
        qualities: _Floats,
        quality_with: Callable[[int, _Bools], float],
        is_random: _Bools | None = None,
    ) -> tuple[PictureQuality, _Floats]:
        """Learn from held-out pictures.

        Parameters
        ----------
        tables : ClassTables
            Of n pictures.
        signs : array-like of shape (n, k)
            Whatever else tells good pictures from bad ones.
        qualities : ndarray of shape (n,)
            Of the pictures with all that the model found.
        quality_with : callable
            ``quality_with(i, is_kept)``: that of one picture with some of its classes only.
        is_random : ndarray of shape (n,), bool, optional
            Pictures that were drawn at random. The others tell good from bad as well, but are the hard ones:
            how good pictures are on the whole is taken from the random ones.

        Returns
        -------
        found : PictureQuality
        qualities : ndarray of shape (n,)
            Of each picture, with what was learned from the other ones.
        """
        n = len(qualities)
        outcomes = []
        for may_drop in (False, True):
            values, found = np.empty(n), qualities.copy()
            for inside, outside in _folds(n):
                expected = ExpectedClasses.fit(tables.of(inside))
                part = tables.of(outside)
                kept, values[outside] = best_classes(
                    *expected(part.features), part.is_kept, may_drop=may_drop
                )
                for i, keeps in zip(outside.tolist(), kept, strict=True):
                    if may_drop and (tables.is_kept[i] & ~keeps).any():
                        found[i] = quality_with(i, keeps)
            outcomes.append((values, found))
        may_drop = bool(outcomes[1][1].mean() > outcomes[0][1].mean())
        values, found = outcomes[int(may_drop)]
        all_signs = np.concatenate([values[:, None], np.asarray(signs, np.float64)], axis=1)
        line = QualityLine(all_signs, found)
        if is_random is not None and is_random.any():
            errors = (found - line(all_signs))[is_random]
            line.offset += float(errors.sum()) / (len(errors) + _LEVEL_WEIGHT)
        made = cls(ExpectedClasses.fit(tables), line, may_drop=may_drop)
        # Errors on the pictures that the line itself was fitted on are a little too small.
        growth = np.sqrt(n / max(1, n - all_signs.shape[1] - 1))
        made.spread = spread_of(growth * (found - line(all_signs)))
        return made, found

    def __call__(
        self, features: _Floats, is_possible: _Bools, signs: ArrayLike
    ) -> tuple[_Bools | None, float]:
        """The classes of one picture to keep, None for all; and the quality to expect, in [0, 1].

        Parameters
        ----------
        features : ndarray of shape (n_classes, n_features)
        is_possible : ndarray of shape (n_classes,), bool
        signs : array-like of shape (k,)
        """
        possible = is_possible[None]
        keeps, value = best_classes(*self._expected(features[None]), possible, may_drop=self._may_drop)
        confidence = float(self._line(np.concatenate([value, np.asarray(signs, np.float64)])[None])[0])
        return (keeps[0] if self._may_drop and (possible & ~keeps).any() else None), confidence

    def as_dict(self) -> dict[str, Any]:
        """Numbers by name, for storage."""
        return {
            "expected": self._expected.as_dict(),
            "line": self._line.as_dict(),
            "may_drop": self._may_drop,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PictureQuality:
        """What `as_dict` gave."""
        return cls(
            ExpectedClasses.from_dict(content["expected"]),
            QualityLine.from_dict(content["line"]),
            may_drop=bool(content["may_drop"]),
        )


def _folds(n: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positions to learn from and positions to try it on, five times; each is tried once."""
    fold = np.arange(n) % _FOLDS
    for i in range(min(_FOLDS, n)):
        yield np.flatnonzero(fold != i), np.flatnonzero(fold == i)


class QualityLine:
    """Quality of a picture by a straight line from a few signs of it, fitted on held-out pictures.

    Parameters
    ----------
    signs : array-like of shape (n, k)
        The first is an estimate of the quality itself.
    qualities : array-like of shape (n,)
        For fewer than six pictures the first sign is taken as it is.

    Notes
    -----
    Ridge regression on standardised signs, towards the first sign itself and not towards nothing.
    """

    def __init__(self, signs: ArrayLike, qualities: ArrayLike) -> None:
        x, y = np.asarray(signs, np.float64), np.asarray(qualities, np.float64)
        n = len(y)
        k = x.shape[1] if x.ndim == 2 else 1
        self.mean, self.scale = np.zeros(k), np.ones(k)
        self.weights, self.offset = np.eye(k)[0], 0.0
        if n < _LEAST:
            return
        self.mean = x.mean(axis=0)
        spread = x.std(axis=0)
        self.scale = np.where(spread > 1e-9, 1 / np.maximum(spread, 1e-9), 0.0)
        z = (x - self.mean) * self.scale
        first = np.eye(k)[0] * spread[0]  # the weights with which the first sign stays as it is
        rest = y - y.mean() - z @ first
        self.weights = first + np.linalg.solve(z.T @ z + _PENALTY * np.eye(k), z.T @ rest)
        self.offset = float(y.mean())

    def __call__(self, signs: ArrayLike) -> _Floats:
        """Expected qualities (n,) in [0, 1]; NaN where a sign is."""
        z = (np.asarray(signs, np.float64) - self.mean) * self.scale
        return np.asarray((self.offset + z @ self.weights).clip(0.0, 1.0))

    def as_dict(self) -> dict[str, Any]:
        """Numbers by name, for storage."""
        return {
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "weights": self.weights.tolist(),
            "offset": self.offset,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> QualityLine:
        """What `as_dict` gave."""
        made = cls(np.empty((0, len(content["weights"]))), [])
        made.mean, made.scale, made.weights = (
            np.asarray(content[name], np.float64) for name in ("mean", "scale", "weights")
        )
        made.offset = float(content["offset"])
        return made
