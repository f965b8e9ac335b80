"""Inner products of sparse rows equal those of the same rows written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from labelwright.autolabel.gram import gram_of


@pytest.mark.parametrize("n_columns", [40, 1024, 6000])
@pytest.mark.parametrize("n", [5, 300])
def test_sparse_rows_give_what_dense_rows_give(n: int, n_columns: int) -> None:
    rng = np.random.default_rng(n + n_columns)
    # Few columns are in many rows, most in one or none, as words are.
    columns = (rng.random((n, 30)) ** 6 * n_columns).astype(int)
    x = sparse.csr_matrix(
        (rng.random(30 * n, np.float32), columns.ravel(), np.arange(0, 30 * n + 1, 30)), (n, n_columns)
    )
    x.sum_duplicates()
    dense = x.toarray().astype(np.float64)
    found = gram_of(x)
    assert found.dtype == np.float32
    assert np.array_equal(found, found.T)
    np.testing.assert_allclose(found, dense @ dense.T, atol=2e-5)


def test_empty_rows_are_at_right_angles_to_all() -> None:
    x = sparse.csr_matrix((300, 5000), dtype=np.float32)
    assert not gram_of(x).any()


def test_dense_rows() -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert gram_of(x).tolist() == [[5, 14], [14, 50]]
