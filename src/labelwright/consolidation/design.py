"""Answers as a sparse matrix: what every class algorithm multiplies with.

A *pair* is a worker together with a label that this worker used at least once. Answer ``l`` of worker ``j``
selects column ``l`` of that worker's confusion matrix, so a table with one row per pair holds all that
answers can ask for, and much less than whole matrices where classes are many. With ``A`` the matrix of
tasks by pairs that has a one per answer:

* log-likelihood of each task under each class: ``A @ log_table``;
* expected confusion counts: ``A.T @ posteriors``.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.responses import Responses

__all__ = ["Design", "log_normalised", "weighted_votes"]

Floats = npt.NDArray[np.float64]
_LOOKUP_MAX = 1 << 26  # (worker, label) cells up to which a table finds pairs faster than sorting


class Design:
    """Pairs of a crowd, and sums over answers.

    Parameters
    ----------
    responses : Responses

    Attributes
    ----------
    pair_of_answer : ndarray of shape (n_answers,), int32
    pair_worker, pair_label : ndarray of shape (n_pairs,), int64
    """

    def __init__(self, responses: Responses) -> None:
        self.responses = responses
        n_cells = responses.n_workers * responses.n_classes
        if n_cells <= _LOOKUP_MAX:
            cells = responses.workers * np.int32(responses.n_classes) + responses.labels
            is_used = np.zeros(n_cells, dtype=np.bool_)
            is_used[cells] = True
            pairs = np.flatnonzero(is_used)
            if pairs.size == n_cells:
                self.pair_of_answer = cells
            else:
                position = np.zeros(n_cells, dtype=np.int32)
                position[pairs] = np.arange(pairs.size, dtype=np.int32)
                self.pair_of_answer = position[cells]
        else:
            wide = responses.workers.astype(np.int64) * responses.n_classes + responses.labels
            pairs, inverse = np.unique(wide, return_inverse=True)
            self.pair_of_answer = inverse.astype(np.int32)
        self.pair_worker, self.pair_label = np.divmod(pairs.astype(np.int64), max(responses.n_classes, 1))
        self.n_pairs = int(pairs.size)

    @cached_property
    def matrix(self) -> Any:
        """Sparse ``A`` of shape (n_tasks, n_pairs), float64."""
        from scipy.sparse import csr_array

        r = self.responses
        data = np.ones(r.n_answers)
        return csr_array((data, self.pair_of_answer, r.starts), shape=(r.n_tasks, self.n_pairs))

    @cached_property
    def _transposed(self) -> Any:
        return self.matrix.T

    @cached_property
    def _by_worker(self) -> Any:
        return _sums(self.pair_worker, self.responses.n_workers)

    @cached_property
    def _by_label(self) -> Any:
        return _sums(self.pair_label, self.responses.n_classes)

    def loglik(self, log_table: Floats) -> Floats:
        """Sum table rows over the answers of each task: (n_pairs, n) -> (n_tasks, n)."""
        return np.asarray(self.matrix @ log_table, dtype=np.float64)

    def counts(self, weights: Floats) -> Floats:
        """Sum task rows over the answers of each pair: (n_tasks, n) -> (n_pairs, n)."""
        return np.asarray(self._transposed @ weights, dtype=np.float64)

    def by_worker(self, table: Floats) -> Floats:
        """Sum the pairs of each worker: (n_pairs, n) -> (n_workers, n)."""
        return np.asarray(self._by_worker @ table, dtype=np.float64)

    def by_label(self, table: Floats) -> Floats:
        """Sum the pairs of each label: (n_pairs, n) -> (n_classes, n)."""
        return np.asarray(self._by_label @ table, dtype=np.float64)

    @property
    def n_answers_of(self) -> npt.NDArray[np.int64]:
        """Answers of each worker: ndarray of shape (n_workers,)."""
        return np.bincount(self.responses.workers, minlength=self.responses.n_workers)


def log_normalised(logits: Floats) -> tuple[Floats, Floats]:
    """Turn logits into probabilities along the last axis.

    Returns
    -------
    probabilities : ndarray of the same shape
    log_sums : ndarray of the shape without its last axis
        Logarithm of what the exponentials summed to.
    """
    best = logits.max(axis=-1, keepdims=True)
    p = np.exp(logits - best)
    total = p.sum(axis=-1, keepdims=True)
    p /= total
    return p, (np.log(total) + best)[..., 0]


def weighted_votes(responses: Responses, weights: Floats) -> Floats:
    """Sum a weight per answer into the class it names: (n_answers,) -> (n_tasks, n_classes)."""
    n, k = responses.n_tasks, responses.n_classes
    cells = responses.tasks.astype(np.int64) * k + responses.labels
    sums = np.bincount(cells, weights=weights, minlength=n * k).reshape(n, k)
    return np.asarray(sums, dtype=np.float64)


def _sums(index: npt.NDArray[np.int64], n: int) -> Any:
    from scipy.sparse import csr_array

    columns = np.arange(index.size)
    return csr_array((np.ones(index.size), (index, columns)), shape=(n, index.size))
