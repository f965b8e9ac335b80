"""Multinomial logistic regression on sparse rows, for many rows and few classes.

Squared loss punishes a model for being very sure and right; the logistic loss does not, and orders the surest
objects better. It has no closed form, so this solver takes over from :mod:`labelwright.autolabel.ridge`
only where factorising is dearer anyway.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.solution import Solution

__all__ = ["solve_logistic"]

Matrix = NDArray[np.float32]

_PENALTY = 0.2  # for rows of unit length
_FOLDS = 4
_ITERATIONS = 40


def solve_logistic(
    x: Any, y: Matrix, is_wanted: NDArray[np.bool_] | None = None, last: Solution | None = None
) -> Solution:
    """Weights by maximum penalised likelihood.

    Parameters
    ----------
    x : CSR matrix of shape (n, d), float32
    y : ndarray of shape (n, k), float32
        One-hot labels.
    is_wanted : ndarray of shape (n,), bool, optional
        Rows whose left-out scores are wanted: each is scored by a model without a quarter of them.
        Default: all.
    last : Solution, optional
        Of the first rows alone: the search begins there. Anything else is left alone.

    Notes
    -----
    ``min_W -sum_i log softmax([x_i 1] W)[y_i] + penalty / 2 |W|^2`` by L-BFGS (scipy), 40 steps at most,
    from zero or from the last solution. The model without a quarter begins from the last model without
    the same quarter, so no row is seen by the model that scores it. Columns that no row uses keep weight
    zero, so they are left out. With two classes the minimum has ``W[:, 0] = -W[:, 1]``, and only their
    difference is sought.
    """
    chosen = np.ones(len(y), np.bool_) if is_wanted is None else is_wanted
    begun: list[Matrix] = []
    if last is not None and last.loss == "logistic" and last.is_begun(x, chosen):
        begun = last.work
    used = np.zeros(x.shape[1], np.bool_)
    used[x.indices] = True
    columns = np.flatnonzero(used)
    place = np.cumsum(used, dtype=np.int32) - 1
    dense = type(x)((x.data, place[x.indices], x.indptr), shape=(x.shape[0], len(columns)))

    def descend(rows: NDArray[np.intp] | None, i: int) -> Matrix:
        start = begun[i][np.append(columns, x.shape[1])] if begun else None
        return _descend(dense if rows is None else dense[rows], y if rows is None else y[rows], start)

    def spread(found: Matrix) -> Matrix:
        weights = np.zeros((x.shape[1] + 1, y.shape[1]), np.float32)
        weights[columns], weights[-1] = found[:-1], found[-1]
        return weights

    models = [spread(descend(None, 0))]
    wanted = np.flatnonzero(chosen)
    left_out = np.empty((len(wanted), y.shape[1]), np.float32)
    fold = np.full(len(y), -1)
    fold[wanted] = np.arange(len(wanted)) % _FOLDS
    for i_fold in range(_FOLDS if len(wanted) else 0):
        part = descend(np.flatnonzero(fold != i_fold), 1 + i_fold)
        outside = wanted[i_fold::_FOLDS]
        left_out[i_fold::_FOLDS] = dense[outside] @ part[:-1] + part[-1]
        models.append(spread(part))
    return Solution("logistic", models[0], _PENALTY, left_out, x, chosen, models)


def _descend(x: Any, y: Matrix, start: Matrix | None) -> Matrix:
    from scipy.optimize import minimize

    is_binary = y.shape[1] == 2
    shape = (x.shape[1] + 1, 1 if is_binary else y.shape[1])
    turned = x.T.tocsr()
    # of two opposite columns w / 2 and -w / 2 the squares are half of those of w
    penalty = np.float32(_PENALTY / 2 if is_binary else _PENALTY)
    if start is None:
        begin = np.zeros(shape)
    else:
        begin = (2 * start[:, 1:] if is_binary else start).astype(np.float64)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = flat.astype(np.float32).reshape(shape)
        scores = _times(x, w[:-1]) + w[-1]
        value, off = _binary(scores, y[:, 1:]) if is_binary else _multinomial(scores, y)
        value += float(penalty) / 2 * float((w**2).sum())
        gradient = np.concatenate([_times(turned, off), off.sum(axis=0)[None]]) + penalty * w
        return value, gradient.astype(np.float64).ravel()

    done = minimize(
        loss,
        begin.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "maxcor": 6, "ftol": 1e-6},
    )
    found = np.asarray(done.x, np.float32).reshape(shape)
    return np.concatenate([-found, found], axis=1) * np.float32(0.5) if is_binary else found


def _times(x: Any, w: Matrix) -> Matrix:
    """``x @ w``; scipy multiplies a single column several times faster when it is a vector."""
    return np.asarray((x @ w[:, 0])[:, None] if w.shape[1] == 1 else x @ w, np.float32)


def _binary(scores: Matrix, y: Matrix) -> tuple[float, Matrix]:
    """Loss, and its derivative (n, 1), of log odds (n, 1) where `y` is 1 for the second class."""
    from scipy.special import expit

    value = float((np.logaddexp(0, scores) - scores * y).sum())
    return value, np.asarray(expit(scores), np.float32) - y


def _multinomial(scores: Matrix, y: Matrix) -> tuple[float, Matrix]:
    """Loss and its derivative (n, k) of scores (n, k)."""
    scores = scores - scores.max(axis=1, keepdims=True)
    exponents = np.exp(scores)
    total = exponents.sum(axis=1, keepdims=True)
    return float((np.log(total[:, 0]) - (scores * y).sum(axis=1)).sum()), exponents / total - y
