"""Ridge regression with a penalty chosen by leave-one-out: in the dual or in the primal.

The offset is a column of ones, penalised like the rest, so that the
closed form of leave-one-out stays exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.gram import gram_of

__all__ = ["PENALTIES", "is_dear", "solve_ridge"]

PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Candidates, for rows of unit length."""

_N_CHOICE = 300  # rows on which the penalty is chosen when there are more
_DUAL_MOST = 12_000  # rows: a Gram matrix of 600 MB

Matrix = NDArray[np.float32]


def solve_ridge(x: Any, y: Matrix) -> tuple[Matrix, float, Matrix]:
    """Weights (d + 1, k), the penalty, and each row's scores by the others (n, k).

    Parameters
    ----------
    x : ndarray or CSR matrix of shape (n, d), float32
        Sparse rows are always solved in the dual: memory n^2.
    y : ndarray of shape (n, k), float32
    """
    is_dual = hasattr(x, "tocsr") or x.shape[0] <= x.shape[1]
    return _dual(x, y) if is_dual else _primal(x, y)


def is_dear(x: Any, n_targets: int) -> bool:
    """Whether factorising n^3 costs more than some hundred passes over the non-zeros of sparse rows
    (measured).
    """
    n = x.shape[0]
    return hasattr(x, "tocsr") and (n > _DUAL_MOST or n**3 > 5500.0 * x.nnz * n_targets)


def _gram(x: Any) -> Matrix:
    return gram_of(x) + np.float32(1)


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
    # The diagonal of (L L')^-1 is that of L^-T L^-1: two thirds of the work of inverting it all.
    inverse, _ = lapack.strtri(root, lower=1)
    diagonal = np.fromiter(
        (column[i:] @ column[i:] for i, column in enumerate(inverse.T)), np.float32, len(y)
    )
    left_out = y - coefficients / diagonal[:, None]
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
