"""Ridge regression with a penalty chosen by leave-one-out: in the dual, in the primal, or by conjugate gradients.

Every solver takes features (n, d) and targets (n, k) and returns weights (d + 1, k), the penalty, and the
prediction (n, k) of each row by the others. The offset is a column of ones, penalised like the rest, so that the
closed form of leave-one-out stays exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PENALTIES", "Solver", "choose_solver"]

PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Candidates, for rows of unit length."""

_N_CHOICE = 500  # rows on which the penalty is chosen when there are more
_DUAL_MOST = 12_000  # rows: a Gram matrix of 600 MB
_FOLDS = 4
_ITERATIONS = 60

Matrix = NDArray[np.float32]
Solver = Callable[[Any, Matrix], tuple[Matrix, float, Matrix]]


def choose_solver(x: Any, y: Matrix) -> Solver:
    """The cheapest: for dense rows the smaller of two Gram matrices; for sparse ones also conjugate gradients."""
    n, d = x.shape
    if not hasattr(x, "tocsr"):
        return _dual if n <= d else _primal
    # Measured costs: a factorisation of n^3 at the speed of BLAS, against passes over all non-zeros per target.
    return _dual if n**3 < 5500.0 * x.nnz * y.shape[1] and n <= _DUAL_MOST else _gradients


def _gram(x: Any) -> Matrix:
    product = x @ x.T
    dense = product.toarray() if hasattr(product, "toarray") else product
    return np.asarray(dense, np.float32) + np.float32(1)


def _penalty(gram: Matrix, y: Matrix) -> float:
    """Least squared leave-one-out error on at most _N_CHOICE rows; the heavier of nearly equals."""
    values, vectors = np.linalg.eigh(gram[:_N_CHOICE, :_N_CHOICE].astype(np.float64))
    values = np.maximum(values, 0)
    turned = vectors.T @ y[:_N_CHOICE]
    errors = []
    for penalty in PENALTIES:
        inverse = 1 / (values + penalty)
        residual = (vectors * inverse) @ turned / ((vectors * vectors) @ inverse)[:, None]
        errors.append(float((residual**2).mean()))
    best = min(errors)
    return max(p for p, error in zip(PENALTIES, errors, strict=True) if error <= best * 1.005)


def _dual(x: Any, y: Matrix) -> tuple[Matrix, float, Matrix]:
    from scipy.linalg import lapack

    gram = _gram(x)
    penalty = _penalty(gram, y)
    gram[np.diag_indices_from(gram)] += np.float32(penalty)
    root, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    if failed:  # pragma: no cover - the penalty keeps the matrix positive definite in single precision
        raise np.linalg.LinAlgError("the kernel matrix is not positive definite")
    coefficients, _ = lapack.spotrs(root, y, lower=1)
    inverse, _ = lapack.spotri(root, lower=1)
    left_out = y - coefficients / np.diag(inverse)[:, None]
    weights = np.concatenate([np.asarray(x.T @ coefficients), coefficients.sum(axis=0)[None]])
    return weights.astype(np.float32), penalty, left_out


def _primal(x: Matrix, y: Matrix) -> tuple[Matrix, float, Matrix]:
    from scipy import linalg

    rows = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
    penalty = _penalty(_gram(x[:_N_CHOICE]), y[:_N_CHOICE])
    moment = (rows.T @ rows).astype(np.float64)
    moment[np.diag_indices_from(moment)] += penalty
    root = linalg.cho_factor(moment)
    weights = linalg.cho_solve(root, (rows.T @ y).astype(np.float64)).astype(np.float32)
    leverage = np.einsum("ij,ij->i", rows, linalg.cho_solve(root, rows.T.astype(np.float64)).T)
    residual = (y - rows @ weights) / np.maximum(1 - leverage, 1e-6)[:, None]
    return weights, penalty, (y - residual).astype(np.float32)


def _gradients(x: Any, y: Matrix) -> tuple[Matrix, float, Matrix]:
    penalty = _penalty(_gram(x[:_N_CHOICE]), y[:_N_CHOICE])
    weights = _solve(x, y, penalty, np.zeros((x.shape[1] + 1, y.shape[1]), np.float32))
    left_out = np.empty_like(y)
    fold = np.arange(len(y)) % _FOLDS
    for i_fold in range(_FOLDS):
        inside, outside = np.flatnonzero(fold != i_fold), np.flatnonzero(fold == i_fold)
        part = _solve(x[inside], y[inside], penalty, np.zeros_like(weights))
        left_out[outside] = x[outside] @ part[:-1] + part[-1]
    return weights, penalty, left_out


def _solve(x: Any, y: Matrix, penalty: float, weights: Matrix) -> Matrix:
    """Conjugate gradients on the normal equations, all targets at once, each with its own step length."""
    columns = x.T.tocsr()

    def normal(w: Matrix) -> Matrix:
        scores = x @ w[:-1] + w[-1]
        return np.concatenate([columns @ scores, scores.sum(axis=0)[None]]) + np.float32(penalty) * w

    right = np.concatenate([columns @ y, y.sum(axis=0)[None]])
    residual = right - normal(weights)
    direction = residual.copy()
    norm = (residual**2).sum(axis=0)
    goal = 1e-6 * (right**2).sum(axis=0) + 1e-20
    for _ in range(_ITERATIONS):
        if np.all(norm <= goal):
            break
        image = normal(direction)
        step = norm / np.maximum((direction * image).sum(axis=0), 1e-30)
        weights = weights + step * direction
        residual = residual - step * image
        fresh = (residual**2).sum(axis=0)
        direction = residual + fresh / np.maximum(norm, 1e-30) * direction
        norm = fresh
    return weights.astype(np.float32)
