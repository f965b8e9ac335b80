"""Multinomial logistic regression on sparse rows, for many rows and few classes.

Squared loss punishes a model for being very sure and right; the logistic loss does not, and orders the surest
objects better. It has no closed form, so this solver takes over from :mod:`labelwright.autolabel.ridge`
only where factorising is dearer anyway.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["solve_logistic"]

Matrix = NDArray[np.float32]

_PENALTY = 0.2  # for rows of unit length
_FOLDS = 4
_ITERATIONS = 40


def solve_logistic(x: Any, y: Matrix, start: Matrix | None = None) -> tuple[Matrix, float, Matrix]:
    """Weights by maximum penalised likelihood, and the scores of each row by a model without its fold.

    Parameters
    ----------
    x : CSR matrix of shape (n, d), float32
    y : ndarray of shape (n, k), float32
        One-hot labels.
    start : ndarray of shape (d + 1, k), optional
        The penalty draws towards these weights; default zero.

    Returns
    -------
    weights : ndarray of shape (d + 1, k), float32
        The last row is the offset.
    penalty : float
    left_out : ndarray of shape (n, k), float32

    Notes
    -----
    ``min_W -sum_i log softmax([x_i 1] W)[y_i] + penalty / 2 |W - start|^2`` by L-BFGS (scipy), 40 steps
    at most, from `start`: folds begin there too, and know nothing of the rows left out.
    """
    prior = np.zeros((x.shape[1] + 1, y.shape[1]), np.float32) if start is None else start
    weights = _descend(x, y, prior)
    left_out = np.empty_like(y)
    fold = np.arange(len(y)) % _FOLDS
    for i_fold in range(_FOLDS):
        inside, outside = np.flatnonzero(fold != i_fold), np.flatnonzero(fold == i_fold)
        part = _descend(x[inside], y[inside], prior)
        left_out[outside] = x[outside] @ part[:-1] + part[-1]
    return weights, _PENALTY, left_out


def _descend(x: Any, y: Matrix, prior: Matrix) -> Matrix:
    from scipy.optimize import minimize

    turned = x.T.tocsr()
    shape = prior.shape

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = flat.astype(np.float32).reshape(shape)
        scores = x @ w[:-1] + w[-1]
        scores -= scores.max(axis=1, keepdims=True)
        exponents = np.exp(scores)
        total = exponents.sum(axis=1, keepdims=True)
        off = exponents / total - y
        away = w - prior
        value = float((np.log(total[:, 0]) - (scores * y).sum(axis=1)).sum()) + _PENALTY / 2 * float(
            (away**2).sum()
        )
        gradient = np.concatenate([turned @ off, off.sum(axis=0)[None]]) + np.float32(_PENALTY) * away
        return value, gradient.astype(np.float64).ravel()

    done = minimize(
        loss,
        prior.astype(np.float64).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "maxcor": 6, "ftol": 1e-6},
    )
    return np.asarray(done.x, np.float32).reshape(shape)
