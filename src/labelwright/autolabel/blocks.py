"""Sparse and dense columns side by side, as one matrix: n-grams of a text beside its vector by an encoder.

Written as one sparse matrix, every zero of the dense columns would cost as much as ten numbers do in a
dense product; written as a dense one, a hundred thousand columns of n-grams would not fit.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Blocks"]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """``[sparse dense]``.

    Attributes
    ----------
    sparse : CSR matrix of shape (n, d_sparse), float32
    dense : ndarray of shape (n, d_dense), float32
    """

    sparse: Any
    dense: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.dense), self.sparse.shape[1] + self.dense.shape[1]

    @property
    def ndim(self) -> int:
        """Always 2."""
        return 2

    def __len__(self) -> int:
        return len(self.dense)

    def __getitem__(self, rows: Any) -> Blocks:
        """Some rows, by a slice or an array of places."""
        return Blocks(self.sparse[rows], self.dense[rows])

    def __matmul__(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Product with (d, k)."""
        d = self.sparse.shape[1]
        return np.asarray(self.sparse @ weights[:d] + self.dense @ weights[d:], np.float32)

    def transposed_times(self, other: NDArray[np.float32]) -> NDArray[np.float32]:
        """Product of the transpose (d, n) with (n, k)."""
        return np.concatenate([np.asarray(self.sparse.T @ other), self.dense.T @ other])

    def above(self, below: Blocks) -> Blocks:
        """These rows, then others."""
        from scipy import sparse

        return Blocks(
            sparse.vstack([self.sparse, below.sparse], format="csr"),
            np.concatenate([self.dense, below.dense]),
        )
