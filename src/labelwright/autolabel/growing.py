"""Kernel ridge regression whose rows come in batches: what was computed for earlier rows is kept.

A job learns from 100 rows, then from 125 of which 100 are the same, and so on to thousands. Factorising anew
every time costs a multiple of factorising the last system once, which is what this comes to.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GrowingSystem"]

Matrix = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class GrowingSystem:
    """The equations ``(K + penalty I) a = y`` of some rows, partly eliminated.

    Rows whose left-out predictions are wanted come last in the elimination, whatever their place: the
    diagonal of the inverse, which these predictions need, is then that of the inverse of a small block.

    Attributes
    ----------
    penalty : float
    panels : tuple of (ndarray of shape (m, n_before), ndarray of shape (m, m))
        Rows of the Cholesky factor of the other rows, one panel a batch: left of the diagonal block, and
        that block (lower triangle).
    others, wanted : ndarray of int
        Places of the rows, in the order in which they came.
    across : ndarray of shape (n_wanted, n_others)
        Their rows of the factor.
    inner : ndarray of shape (n_wanted, n_wanted)
        Their products with each other and the penalty.

    Notes
    -----
    With ``K + penalty I = L L'`` the diagonal of the inverse is ``sum_k (L^-1)_ki^2``, and for the last
    rows only the last block of L takes part. Elimination by blocks is as in G. Golub and C. Van Loan,
    "Matrix computations", 4.2.
    """

    penalty: float
    panels: tuple[tuple[Matrix, Matrix], ...] = ()
    others: NDArray[np.intp] = dataclasses.field(default_factory=lambda: np.empty(0, np.intp))
    wanted: NDArray[np.intp] = dataclasses.field(default_factory=lambda: np.empty(0, np.intp))
    across: Matrix = dataclasses.field(default_factory=lambda: np.empty((0, 0), np.float32))
    inner: Matrix = dataclasses.field(default_factory=lambda: np.empty((0, 0), np.float32))

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.others) + len(self.wanted)

    def extended(self, products: Matrix, is_wanted: NDArray[np.bool_]) -> GrowingSystem:
        """The system of these rows and m more; this one is left as it is.

        Parameters
        ----------
        products : ndarray of shape (m, n + m), float32
            Of the new rows with all, the earlier ones first.
        is_wanted : ndarray of shape (m,), bool
            New rows whose left-out predictions are wanted.
        """
        new_others, new_wanted = np.flatnonzero(~is_wanted), np.flatnonzero(is_wanted)
        others = np.concatenate([self.others, self.n + new_others])
        wanted = np.concatenate([self.wanted, self.n + new_wanted])
        panels, across = self.panels, self.across
        if len(new_others):
            rows = products[new_others]
            left = _forward(panels, rows[:, self.others])
            corner = rows[:, self.n + new_others] - left @ left.T
            corner[np.diag_indices_from(corner)] += np.float32(self.penalty)
            corner = _cholesky(corner)
            panels = (*panels, (left, corner))
            more = _divided(rows[:, self.wanted].T - across @ left.T, corner)
            across = np.concatenate([across, more], axis=1)
        rows = products[new_wanted]
        across = np.concatenate([across, _forward(panels, rows[:, others])])
        inner = np.empty((len(wanted), len(wanted)), np.float32)
        n_old = len(self.wanted)
        inner[:n_old, :n_old] = self.inner
        inner[n_old:] = rows[:, wanted]
        inner[:n_old, n_old:] = inner[n_old:, :n_old].T
        fresh = np.arange(n_old, len(wanted))
        inner[fresh, fresh] += np.float32(self.penalty)
        return GrowingSystem(self.penalty, panels, others, wanted, across, inner)

    def solve(self, y: Matrix) -> tuple[Matrix, Matrix]:
        """Coefficients (n, k) for targets (n, k), and left-out predictions (n_wanted, k)."""
        from scipy.linalg import lapack

        turned = _forward(self.panels, y[self.others].T).T
        root = _cholesky(self.inner - self.across @ self.across.T)
        targets = y[self.wanted]
        last = _solved(root, targets - self.across @ turned)
        last = _solved(root, last, trans=1)
        rest = turned - self.across.T @ last
        end = len(self.others)
        found = np.empty_like(rest)
        for left, corner in reversed(self.panels):
            start = end - len(corner)
            found[start:end] = _solved(corner, rest[start:end], trans=1)
            rest[:start] -= left.T @ found[start:end]
            end = start
        coefficients = np.empty_like(y)
        coefficients[self.others], coefficients[self.wanted] = found, last
        if not len(self.wanted):
            return coefficients, np.empty((0, y.shape[1]), np.float32)
        inverse, _ = lapack.strtri(root, lower=1)
        diagonal = np.einsum("ij,ij->j", inverse, inverse)
        return coefficients, targets - last / diagonal[:, None]


def _forward(panels: tuple[tuple[Matrix, Matrix], ...], rows: Matrix) -> Matrix:
    """``rows L^-T`` for the factor L that the panels make; rows (m, n)."""
    found = np.array(rows, np.float32, order="C")
    start = 0
    for left, corner in panels:
        end = start + len(corner)
        part = found[:, start:end]
        part -= found[:, :start] @ left.T
        found[:, start:end] = _divided(part, corner)
        start = end
    return found


def _divided(rows: Matrix, corner: Matrix) -> Matrix:
    """``rows L^-T`` for a lower triangle L."""
    return _solved(corner, rows.T).T


def _solved(corner: Matrix, right: Matrix, trans: int = 0) -> Matrix:
    if not right.size or not len(corner):
        return np.asarray(right, np.float32)
    from scipy.linalg import solve_triangular

    found: Any = solve_triangular(corner, right, lower=True, trans=trans, check_finite=False)
    return np.asarray(found, np.float32)


def _cholesky(matrix: Matrix) -> Matrix:
    """The lower factor; zeros above it."""
    if not len(matrix):
        return matrix
    from scipy.linalg import cholesky

    # Fortran's order, so that neither this nor what uses the factor copies it.
    return np.asarray(cholesky(np.asfortranarray(matrix), lower=True, overwrite_a=True, check_finite=False))
