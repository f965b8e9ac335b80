"""What a model keeps of the labels it learned from, so that a later job goes on where this one ended."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.blocks import Blocks
from labelwright.errors import InvalidRequest

__all__ = ["Memory", "memory_from_arrays"]

_N_KEY_COLUMNS = 8
_ROWS_AT_ONCE = 1000
_HALF = 2e-3  # twice what rounding to half precision changes
_ROWS_MOST = 10_000  # of embedded features: 20 MB for dense rows, about as much for short texts


@dataclasses.dataclass(frozen=True, slots=True)
class Memory:
    """Labeled rows, embedded. Weights alone would say where a model stands but not how firmly.

    Attributes
    ----------
    x : ndarray, CSR matrix or Blocks of shape (n, d), float32
        Rounded to half precision when stored.
    y : ndarray of shape (n,), int64
    is_random : ndarray of shape (n,), bool
        Drawn at random, see :meth:`labelwright.autolabel.Learner.fit`.
    """

    x: Any
    y: NDArray[np.int64]
    is_random: NDArray[np.bool_]

    def joined(self, later: Memory) -> Memory:
        """These rows, then those of `later`; a row in both is in the result once, at its later place.

        A job that goes on from another one's labels and model gets the same rows from both. A row that is
        left out must not be there a second time, or every score without it would be one that knows it; and
        only the earlier model knows whether such a row was drawn at random.
        """
        at = _places_of(later.x, self.x)  # (n,), of these rows among the later ones, -1 where they are not
        is_kept = at < 0
        is_random = later.is_random.copy()
        is_random[at[~is_kept & ~self.is_random]] = False
        return Memory(
            stacked(self.x[np.flatnonzero(is_kept)], later.x),
            np.concatenate([self.y[is_kept], later.y]),
            np.concatenate([self.is_random[is_kept], is_random]),
        )

    def newest(self) -> Memory:
        """The last rows, as many as are kept."""
        n = len(self.y)
        first = max(0, n - _ROWS_MOST)
        return Memory(self.x[first:], self.y[first:], self.is_random[first:])

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Numbers by name, for storage."""
        arrays = {"memory_y": self.y, "memory_is_random": self.is_random}
        x = self.x
        if isinstance(x, Blocks):
            arrays["memory_x"] = x.dense.astype(np.float16)
            x = x.sparse
        if not hasattr(x, "tocsr"):
            return {**arrays, "memory_x": x.astype(np.float16)}
        return {
            **arrays,
            "memory_data": x.data.astype(np.float16),
            "memory_indices": x.indices,
            "memory_starts": x.indptr,
        }


def _places_of(among: Any, rows: Any) -> NDArray[np.int64]:
    """Where each of some rows stands among others, (n,), -1 where it does not.

    Rows are the same when they are as near as half precision tells; dense ones are looked up by a few
    columns, since products of matrices differ in the last digits from one batch to the next.
    """
    # Where there are both, the sparse columns tell rows apart.
    among, rows = getattr(among, "sparse", among), getattr(rows, "sparse", rows)
    places = {key: i for i, key in enumerate(_keys(among))}
    at = np.array([places.get(key, -1) for key in _keys(rows)], np.int64)
    if not hasattr(rows, "tocsr"):
        found = np.flatnonzero(at >= 0)
        for first in range(0, len(found), _ROWS_AT_ONCE):
            part = found[first : first + _ROWS_AT_ONCE]
            others = among[at[part]]
            is_other = (np.abs(rows[part] - others) > _HALF * (1 + np.abs(others))).any(axis=1)
            at[part[is_other]] = -1
    return at


def _keys(x: Any) -> Iterator[bytes]:
    if hasattr(x, "tocsr"):
        data, starts = x.data.astype(np.float16), x.indptr.tolist()
        for first, end in itertools.pairwise(starts):
            yield x.indices[first:end].tobytes() + data[first:end].tobytes()
    else:
        for row in np.ascontiguousarray(x[:, :_N_KEY_COLUMNS].astype(np.float16)):
            yield row.tobytes()


def stacked(above: Any, below: Any) -> Any:
    """Two dense or CSR matrices or two `Blocks`, one above the other."""
    if isinstance(above, Blocks):
        return above.above(below)
    if hasattr(above, "tocsr"):
        from scipy import sparse

        return sparse.vstack([above, below], format="csr")
    return np.concatenate([above, below])


def memory_from_arrays(arrays: dict[str, NDArray[Any]], *, n_columns: int, n_classes: int) -> Memory:
    """Check and rebuild what :meth:`Memory.as_arrays` gave.

    Raises
    ------
    InvalidRequest
        For arrays that do not belong together, so that a damaged file is refused before it is used.
    """
    y, is_random = arrays["memory_y"], arrays["memory_is_random"]
    x: Any
    dense = arrays["memory_x"].astype(np.float32) if "memory_x" in arrays else None
    if dense is not None and "memory_data" not in arrays:
        x = dense
    else:
        from scipy import sparse

        if dense is not None:
            n_columns -= dense.shape[1]
        data, indices, starts = (arrays[f"memory_{name}"] for name in ("data", "indices", "starts"))
        x = sparse.csr_matrix((data.astype(np.float32), indices, starts), shape=(len(starts) - 1, n_columns))
        x.check_format(full_check=True)  # raises ValueError
        if dense is not None:
            if len(dense) != x.shape[0]:
                raise InvalidRequest("its labeled rows do not belong together", field="model")
            n_columns += dense.shape[1]
            x = Blocks(x, dense)
    parts = (x.sparse, x.dense) if isinstance(x, Blocks) else (x,)
    is_finite = all(bool(np.isfinite(p.data if hasattr(p, "tocsr") else p).all()) for p in parts)
    n = len(y)
    if (
        y.ndim != 1
        or y.dtype != np.int64
        or is_random.shape != (n,)
        or is_random.dtype != np.bool_
        or x.shape != (n, n_columns)
        or not is_finite
        or (n and not 0 <= int(y.min()) <= int(y.max()) < n_classes)
    ):
        raise InvalidRequest("its labeled rows do not belong together", field="model")
    return Memory(x, y, is_random)
