"""What a solver found, and what the next one may take over from it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.blocks import Blocks

__all__ = ["Solution"]

Matrix = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Solution:
    """Weights of a linear model and what its rows are predicted to be without them.

    Attributes
    ----------
    loss : str
        ``squared`` or ``logistic``.
    weights : ndarray of shape (d + 1, k), float32
        The last row is the offset.
    penalty : float
    left_out : ndarray of shape (n_wanted, k), float32
        Scores of the wanted rows, each by a model trained without it.
    x, is_wanted : ndarray or CSR matrix of shape (n, d); ndarray of shape (n,), bool
        The rows, and those whose left-out scores were wanted.
    work : object
        The solver's own: what a solution of these rows and more may begin from.
    """

    loss: str
    weights: Matrix
    penalty: float
    left_out: Matrix
    x: Any
    is_wanted: NDArray[np.bool_]
    work: Any = None

    def is_begun(self, x: Any, is_wanted: NDArray[np.bool_]) -> bool:
        """Whether these rows are the first of `x`."""
        n = len(self.is_wanted)
        if (
            x.shape[0] < n
            or x.shape[1] != self.x.shape[1]
            or not np.array_equal(self.is_wanted, is_wanted[:n])
        ):
            return False
        return _is_first(self.x, x)


def _is_first(above: Any, x: Any) -> bool:
    n = above.shape[0]
    if isinstance(x, Blocks):
        return _is_first(above.sparse, x.sparse) and _is_first(above.dense, x.dense)
    if not hasattr(x, "tocsr"):
        return np.array_equal(above, x[:n])
    end = int(x.indptr[n])
    return (
        np.array_equal(above.indptr, x.indptr[: n + 1])
        and np.array_equal(above.indices, x.indices[:end])
        and np.array_equal(above.data, x.data[:end])
    )
