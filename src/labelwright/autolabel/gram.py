"""Inner products of all pairs of rows: dense rows by BLAS, sparse rows partly.

Of text features a few hundred columns (frequent words and letters) hold nearly all the work of a sparse
product, which visits every pair of rows that share a column. These columns are cheaper as a dense product,
although most of it is zeros; what is left over is sparse work, and little.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.blocks import Blocks

__all__ = ["gram_of"]

_N_FREQUENT = 1024  # measured on three sets of texts: from 512 to 2048 it makes little difference
_SMALL = 256  # rows for which cutting columns apart does not pay

Matrix = NDArray[np.float32]


def gram_of(x: Any, first: int = 0) -> Matrix:
    """``x[first:] x'``.

    Parameters
    ----------
    x : ndarray, CSR matrix or Blocks of shape (n, d), float32
    first : int
        Rows before it are left out on the left, as their products with each other are known.

    Returns
    -------
    ndarray of shape (n - first, n), float32
        Row-major; symmetric when `first` is 0.
    """
    if isinstance(x, Blocks):
        return gram_of(x.sparse, first) + gram_of(x.dense, first)
    if not hasattr(x, "tocsr"):
        return np.asarray(x[first:] @ x.T, np.float32)
    n, d = x.shape
    if n <= _SMALL:
        return np.asarray((x[first:] @ x.T).toarray(), np.float32)
    n_rows_with = np.bincount(x.indices, minlength=d)
    frequent = np.argpartition(n_rows_with, -_N_FREQUENT)[-_N_FREQUENT:] if d > _N_FREQUENT else np.arange(d)
    place = np.full(d, -1, np.int32)
    place[frequent] = np.arange(len(frequent), dtype=np.int32)
    rows = np.repeat(np.arange(n), np.diff(x.indptr))
    column = place[x.indices]
    is_frequent = column >= 0
    dense = np.zeros((n, len(frequent)), np.float32)
    dense[rows[is_frequent], column[is_frequent]] = x.data[is_frequent]
    gram = dense[first:] @ dense.T
    # A column of one row adds to the diagonal only.
    is_lonely = ~is_frequent & (n_rows_with[x.indices] == 1)
    squares = np.bincount(rows[is_lonely], x.data[is_lonely].astype(np.float64) ** 2, minlength=n)
    gram[np.arange(n - first), np.arange(first, n)] += squares[first:].astype(np.float32)
    _add_sparse_part(gram, x, rows, ~is_frequent & ~is_lonely, first)
    return gram


def _add_sparse_part(gram: Matrix, x: Any, rows: NDArray[Any], kept: NDArray[np.bool_], first: int) -> None:
    n = x.shape[0]
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=n))]).astype(x.indptr.dtype)
    rest = type(x)((x.data[kept], x.indices[kept], ends), shape=x.shape)
    product = rest[first:] @ rest.T
    gram[np.repeat(np.arange(n - first), np.diff(product.indptr)), product.indices] += product.data
