"""Ridge classifiers on frozen features: trained in milliseconds, with exact leave-one-out predictions."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.autolabel.calibration import Calibration, fit_margin, fit_sharpness, margins
from labelwright.autolabel.embeddings import Embedding
from labelwright.autolabel.logistic import solve_logistic
from labelwright.autolabel.memory import Memory
from labelwright.autolabel.ridge import is_dear, solve_ridge
from labelwright.autolabel.solution import Solution
from labelwright.errors import InvalidRequest

__all__ = ["HeldOut", "Learner", "Prediction"]

_CHUNK = 20_000  # rows predicted at once
_ALL_MOST = 1000  # rows up to which every one is left out once, and not only those drawn at random
_DOUBT = 2.0  # standard deviations after which the memory of an earlier model is held to mislead


@dataclasses.dataclass(frozen=True, slots=True)
class Prediction:
    """Labels of a model with the calibrated probability that each is right.

    Attributes
    ----------
    labels : ndarray of shape (n,), int64
    confidences : ndarray of shape (n,), float64
        In [0, 1]; calibrated on predictions of labeled objects by models that had not seen them.
    margins : ndarray of shape (n,), float64
        Best score minus second best: the order in which the model is sure.
    """

    labels: NDArray[np.int64]
    confidences: NDArray[np.float64]
    margins: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class HeldOut:
    """What earlier models said of objects before people labeled them; confidences are calibrated on it.

    Attributes
    ----------
    margins : ndarray of shape (n,), float64
        ``Prediction.margins`` at the time the objects were chosen.
    right : ndarray of shape (n,), bool
        Whether the predicted label was the one people gave.
    """

    margins: NDArray[np.float64]
    right: NDArray[np.bool_]


class Learner:
    """Regularised least squares on one-hot labels, with probabilities and confidences calibrated by
    leave-one-out.

    Parameters
    ----------
    n_classes : int
        Classes; labels are 0 .. n_classes - 1. Classes without an example are hardly ever predicted.
    embedding : Embedding, optional
        Stored with the model, so that a later job embeds its objects alike.

    Attributes
    ----------
    weights_ : ndarray of shape (d + 1, n_classes), float32
        The last row is the offset.
    loss_ : str
        ``squared``, or ``logistic`` for many sparse rows.
    ridge_ : float
        Penalty; chosen by leave-one-out for squared loss.
    loo_ : Prediction
        Of training objects, each by a model trained without it: of all when they are at most 1,000, else of
        those drawn at random.
    left_out_ : ndarray of shape (n_left_out,), int64
        Their places among the training objects.
    calibration_ : Calibration
        From scores to probabilities.
    memory_ : Memory
        The labeled rows it has learned from, those of the model it started from included.
    n_seen_ : int
        Labels it has learned from, likewise.

    Notes
    -----
    ``min_W |Y - [X 1] W|^2 + ridge |W|^2`` with ``Y`` one-hot. The leave-one-out score of row i is
    ``y_i - r_i / (1 - h_ii)``, exactly (R. Rifkin and R. Lippert, "Notes on regularized least squares",
    MIT-CSAIL-TR-2007-025, section 3). Where that is dear, logistic regression
    (:mod:`labelwright.autolabel.logistic`) with four-fold scores takes over.

    A model that starts from another one learns from the rows of both, so that nothing is lost between two
    jobs on like data. The new rows decide whether they are: where a model without the earlier rows predicts
    them better, when left out, by more than two standard deviations of McNemar's test (Q. McNemar,
    Psychometrika 12, 1947, doi:10.1007/BF02295996), the earlier rows are dropped.
    """

    def __init__(self, n_classes: int, *, embedding: Embedding | None = None) -> None:
        if n_classes < 1:
            raise InvalidRequest(
                f"n_classes is {n_classes}; at least one class is needed.", field="n_classes"
            )
        self.n_classes = n_classes
        self.embedding = embedding
        self.weights_: NDArray[np.float32]
        self.ridge_: float
        self.loss_: str
        self.loo_: Prediction
        self.left_out_: NDArray[np.int64]
        self.memory_: Memory
        self.n_seen_ = 0
        self.calibration_: Calibration
        self._alone: Solution | None = None
        self._together: Solution | None = None

    def fit(
        self,
        x: Any,
        y: ArrayLike,
        *,
        start: Learner | None = None,
        is_random: ArrayLike | None = None,
        held_out: HeldOut | None = None,
        last: Learner | None = None,
    ) -> Learner:
        """Learn from embedded features and labels; what was learned before is forgotten.

        Parameters
        ----------
        x : ndarray or CSR matrix of shape (n, d), float32
            Embedded features.
        y : array-like of shape (n,), int
            Labels in [0, n_classes).
        start : Learner, optional
            An earlier model for the same classes and embedding to improve on.
        is_random : array-like of shape (n,), bool, optional
            Rows that were drawn at random. Rows chosen because a model was unsure are harder than their
            margin tells, so only random ones calibrate the confidence. Default: all.
        held_out : HeldOut, optional
            The last two batches before they were labeled; they calibrate too.
        last : Learner, optional
            The model of the round before. Where its rows are the first of these, what was computed for
            them is used again, which saves time and changes nothing else.

        Returns
        -------
        Learner
            Itself.
        """
        labels = np.asarray(y, np.int64)
        n = x.shape[0]
        if labels.shape != (n,) or n == 0 or labels.min() < 0 or labels.max() >= self.n_classes:
            raise InvalidRequest(
                f"labels must be {n} (at least one) whole numbers from 0 to {self.n_classes - 1}.",
                field="y",
                rule="one label per row",
            )
        if start is not None and (start.n_classes != self.n_classes or len(start.weights_) != x.shape[1] + 1):
            raise InvalidRequest(
                "the model to start from was trained for other classes or features.", field="start"
            )
        chosen = np.ones(n, np.bool_) if is_random is None else np.asarray(is_random, np.bool_)
        rows = own = Memory(x, labels, chosen)
        solution = self._alone = self._solve(own, n, None if last is None else last._alone)
        self._together = None
        if start is not None:
            joined = start.memory_.joined(own)
            self._together = self._solve(joined, n, None if last is None else last._together)
            if not _is_misled(_of_last(self._together, n), _of_last(solution, n), labels):
                rows, solution = joined, self._together
        self.weights_, self.ridge_, self.loss_ = solution.weights, solution.penalty, solution.loss
        self.memory_ = rows.newest()
        self.n_seen_ = n + (start.n_seen_ if start is not None and rows is not own else 0)
        scores, truth = solution.left_out, rows.y[solution.is_wanted]
        is_drawn = rows.is_random[solution.is_wanted]
        margin = margins(scores)[is_drawn]
        right = (scores.argmax(axis=1) == truth)[is_drawn]
        if held_out is not None:
            margin = np.concatenate([margin, held_out.margins])
            right = np.concatenate([right, held_out.right])
        self.calibration_ = Calibration(fit_sharpness(scores, truth), *fit_margin(margin, right))
        places, scores = _of_last(solution, n)
        self.left_out_, self.loo_ = places, self._prediction(scores)
        return self

    def _solve(self, rows: Memory, n_own: int, last: Solution | None) -> Solution:
        """Find the weights, and what rows' scores are without them."""
        targets = np.zeros((len(rows.y), self.n_classes), np.float32)
        targets[np.arange(len(rows.y)), rows.y] = 1.0
        is_wanted = rows.is_random.copy()
        if n_own <= _ALL_MOST:
            is_wanted[len(rows.y) - n_own :] = True
        solve = solve_logistic if is_dear(rows.x, self.n_classes) else solve_ridge
        return solve(rows.x, targets, is_wanted, last)

    def scores(self, x: Any) -> NDArray[np.float32]:
        """Regression values (n, n_classes) of embedded features: the label is the largest."""
        return _scores(x, self.weights_)

    def predict(self, x: Any) -> Prediction:
        """Labels and confidences of embedded features (n, d); ties go to the lower class."""
        return self._prediction(self.scores(x))

    def predict_proba(self, x: Any) -> NDArray[np.float64]:
        """Class probabilities (n, n_classes) of embedded features; rows sum to one."""
        return self.calibration_.probabilities(self.scores(x))

    def _prediction(self, scores: NDArray[np.float32]) -> Prediction:
        margin = margins(scores)
        labels = scores.argmax(axis=1).astype(np.int64)
        return Prediction(labels, self.calibration_.confidences(margin), margin)

    def save(self, path: Path) -> None:
        """Write the model with its embedding: one npz file, arrays and a JSON header, nothing executable."""
        from labelwright.autolabel.storage import save_learner

        save_learner(self, path)

    @classmethod
    def load(cls, path: Path) -> Learner:
        """Read what :meth:`save` wrote; anything else raises :class:`labelwright.errors.InvalidRequest`."""
        from labelwright.autolabel.storage import load_learner

        return load_learner(path)


def _of_last(solution: Solution, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places among the last `n` rows of those that were left out, and their scores."""
    places = np.flatnonzero(solution.is_wanted) - (len(solution.is_wanted) - n)
    return places[places >= 0], solution.left_out[places >= 0]


def _is_misled(
    together: tuple[NDArray[np.int64], NDArray[np.float32]],
    alone: tuple[NDArray[np.int64], NDArray[np.float32]],
    labels: NDArray[np.int64],
) -> bool:
    """McNemar's test on the scores (n, k) of new rows: with an earlier job's rows, and without them."""
    truth = labels[alone[0]]
    right_together, right_alone = together[1].argmax(axis=1) == truth, alone[1].argmax(axis=1) == truth
    worse, better = int((right_alone & ~right_together).sum()), int((right_together & ~right_alone).sum())
    return bool(worse - better > _DOUBT * math.sqrt(worse + better))


def _scores(x: Any, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = [x[i : i + _CHUNK] @ weights[:-1] for i in range(0, x.shape[0], _CHUNK)]
    return (
        np.asarray(np.concatenate(parts), np.float32) + weights[-1]
        if parts
        else np.empty((0, weights.shape[1]), np.float32)
    )
