"""Ridge regression with a penalty chosen by leave-one-out: in the dual or in the primal.

The offset is a column of ones, penalised like the rest, so that the
closed form of leave-one-out stays exact.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.blocks import Blocks
from labelwright.autolabel.gram import gram_of
from labelwright.autolabel.growing import GrowingSystem
from labelwright.autolabel.solution import Solution

__all__ = ["PENALTIES", "is_dear", "solve_ridge"]

PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Candidates, for rows of unit length."""

_N_CHOICE = 300  # rows on which the penalty is chosen when there are more
_DUAL_MOST = 12_000  # rows: a Gram matrix of 600 MB

Matrix = NDArray[np.float32]


def solve_ridge(
    x: Any, y: Matrix, is_wanted: NDArray[np.bool_] | None = None, last: Solution | None = None
) -> Solution:
    """Weights of the least penalised squared error.

    Parameters
    ----------
    x : ndarray, CSR matrix or Blocks of shape (n, d), float32
        Sparse rows are always solved in the dual: memory n^2. Of more than 12,000 rows of blocks only the
        dense columns are used, so that memory has a limit.
    y : ndarray of shape (n, k), float32
    is_wanted : ndarray of shape (n,), bool, optional
        Rows whose left-out scores are wanted. Default: all.
    last : Solution, optional
        Of the first rows alone, with the same targets: what it computed is used again. Anything else is left
        alone.
    """
    wanted = np.ones(len(y), np.bool_) if is_wanted is None else is_wanted
    if isinstance(x, Blocks) and len(x) > _DUAL_MOST:
        part = _primal(x.dense, y, wanted)
        padding = np.zeros((x.sparse.shape[1], y.shape[1]), np.float32)
        return dataclasses.replace(part, weights=np.concatenate([padding, part.weights]), x=x)
    is_dual = not isinstance(x, np.ndarray) or x.shape[0] <= x.shape[1]
    return _dual(x, y, wanted, last) if is_dual else _primal(x, y, wanted)


def is_dear(x: Any, n_targets: int) -> bool:
    """Whether factorising n^3 costs more than some hundred passes over the non-zeros of sparse rows
    (measured).
    """
    n = x.shape[0]
    return hasattr(x, "tocsr") and (n > _DUAL_MOST or n**3 > 5500.0 * x.nnz * n_targets)


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


def _dual(x: Any, y: Matrix, is_wanted: NDArray[np.bool_], last: Solution | None) -> Solution:
    n_old = 0
    system: GrowingSystem | None = None
    if last is not None and isinstance(last.work, GrowingSystem) and last.is_begun(x, is_wanted):
        n_old = len(last.is_wanted)
        if n_old >= _N_CHOICE:  # the penalty was chosen on the same rows
            system = last.work
    if system is None:
        products = gram_of(x) + np.float32(1)
        system = GrowingSystem(_penalty(products, y)).extended(products, is_wanted)
    elif n_old < len(y):
        system = system.extended(gram_of(x, n_old) + np.float32(1), is_wanted[n_old:])
    coefficients, left_out = system.solve(y)
    turned = x.transposed_times(coefficients) if isinstance(x, Blocks) else np.asarray(x.T @ coefficients)
    weights = np.concatenate([turned, coefficients.sum(axis=0)[None]])
    return Solution("squared", weights.astype(np.float32), system.penalty, left_out, x, is_wanted, system)


def _primal(x: Matrix, y: Matrix, is_wanted: NDArray[np.bool_]) -> Solution:
    from scipy import linalg

    rows = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
    penalty = _penalty(gram_of(x[:_N_CHOICE]) + np.float32(1), y[:_N_CHOICE])
    moment = (rows.T @ rows).astype(np.float64)
    moment[np.diag_indices_from(moment)] += penalty
    root = linalg.cho_factor(moment)
    weights = linalg.cho_solve(root, (rows.T @ y).astype(np.float64)).astype(np.float32)
    chosen = rows[is_wanted]
    leverage = np.einsum("ij,ij->i", chosen, linalg.cho_solve(root, chosen.T.astype(np.float64)).T)
    residual = (y[is_wanted] - chosen @ weights) / np.maximum(1 - leverage, 1e-6)[:, None]
    left_out = (y[is_wanted] - residual).astype(np.float32)
    return Solution("squared", weights, penalty, left_out, x, is_wanted)
