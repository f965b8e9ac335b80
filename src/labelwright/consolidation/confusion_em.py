"""Dawid-Skene: expectation maximisation with one confusion matrix per worker, to convergence.

Model
-----
Task ``i`` has the class ``c`` with probability ``prior[c]``; worker ``j`` then answers ``l`` with probability
``W_j[c][l]``, independently of the other workers. With ``p_i[c]`` the posterior of the class:

* E step, equation (2.5): ``p_i[c] ~ prior[c] * product over answers of W_j[c][l_ij]``.
* M step, (2.3): ``W_j[c][l] = N_j[c][l] / sum over l' of N_j[c][l']``, where ``N_j[c][l]`` sums ``p_i[c]``
  over the tasks that ``j`` answered with ``l``; (2.4): ``prior[c]`` is the mean of ``p_i[c]``.

The first M step takes vote shares for ``p``, as the authors propose. The numbers are those of the paper.

References
----------
A. P. Dawid and A. M. Skene (1979), "Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm", Applied Statistics 28(1), 20-28, doi:10.2307/2346806.

Deviation: ``smoothing`` is added to every cell of ``N_j`` (the posterior mode under a Dirichlet prior with
``1 + smoothing``), because a zero cell would rule a class out for good.

How it is fast
--------------
Tasks are worked off in blocks whose posteriors fit the processor's cache. In a block, ``X = exp(A @ log W)``,
``s = X @ prior`` and the counts are ``(A.T diag(1/s) X) * prior``: two sparse products and one exponential,
and no pass over rows of a few numbers, which numpy does slowly. The posteriors of all tasks exist only at the
end. Crowds of more than a few million cells are computed in single precision (counts are summed over blocks
in double precision).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.design import Design
from labelwright.consolidation.estimator import ClassEstimator
from labelwright.consolidation.responses import Responses

__all__ = ["DawidSkene", "EMResult", "dawid_skene_em"]

Floats = npt.NDArray[np.float64]
_SINGLE_CELLS_MIN = 1 << 23  # answers times classes from which single precision is used
_BLOCK_CELLS = 1_000_000  # task-class cells of a block: 4 MB in single precision


@dataclass(frozen=True, slots=True, eq=False)
class EMResult:
    """What :func:`dawid_skene_em` found.

    Attributes
    ----------
    posteriors : ndarray of shape (n_tasks, n_classes), float32 or float64
    class_prior : ndarray of shape (n_classes,), float64
    log_table : ndarray of shape (n_pairs, n_classes), float64
        ``log W_j[c][l]`` for every pair (j, l) of the design.
    log_likelihoods : list of float
        One per round, of the parameters at its beginning.
    converged : bool
    """

    posteriors: npt.NDArray[Any]
    class_prior: Floats
    log_table: Floats
    log_likelihoods: list[float]
    converged: bool


def dawid_skene_em(
    responses: Responses,
    *,
    n_rounds_max: int = 200,
    tol: float = 1e-4,
    smoothing: float = 0.01,
    start: Floats | None = None,
    single_precision: bool | None = None,
    design: Design | None = None,
) -> EMResult:
    """Run the algorithm.

    Parameters
    ----------
    responses : Responses
        At least one answer.
    n_rounds_max : int
        Rounds of E and M step at most; at least 1.
    tol : float
        Stop when no probability of a confusion matrix changed by as much. 0 runs all rounds.
    smoothing : float
        Answers added to each cell of a confusion matrix, above 0.
    start : ndarray of shape (n_tasks, n_classes), optional
        Posteriors of the first M step; vote shares by default.
    single_precision : bool, optional
        By default where answers times classes exceed eight million.

    Returns
    -------
    EMResult

    Notes
    -----
    Memory beyond the answers and the posteriors: 8 bytes per answer, 4 per task, about 40 per pair and class,
    and 16 MB for a block of tasks.
    """
    design = Design(responses) if design is None else design
    n, k = responses.n_tasks, responses.n_classes
    if single_precision is None:
        single_precision = responses.n_answers * k >= _SINGLE_CELLS_MIN
    dtype: type[np.floating[Any]] = np.float32 if single_precision else np.float64
    blocks = _blocks(responses, design, dtype)
    counts = np.zeros((design.n_pairs, k))
    prior = np.zeros(k)
    for first, last, block, _ in blocks:
        p = _shares(responses, first, last, dtype) if start is None else start[first:last].astype(dtype)
        counts += block.T @ p
        prior += p.sum(axis=0, dtype=np.float64)
    prior /= prior.sum()
    n_of_pair = np.bincount(design.pair_of_answer, minlength=design.n_pairs).astype(np.float64)
    log_likelihoods: list[float] = []
    table = _smoothed(design, counts, smoothing, k)
    converged = False
    for _ in range(n_rounds_max):
        counts[:] = 0.0
        weights = np.zeros(k)
        total = 0.0
        log_table, shifts = _shifted(table, dtype)
        prior_cast = prior.astype(dtype)
        for _, _, block, weighted in blocks:
            x, inverse, log_s = _unnormalised(block, log_table, prior_cast)
            total += log_s
            weighted.data = np.repeat(inverse, np.diff(block.indptr))
            counts += weighted.T @ x
            weighted.data = block.data
            weights += inverse @ x
        counts *= prior
        total += float(n_of_pair @ shifts)
        log_likelihoods.append(total)
        prior = prior * weights / n
        prior /= prior.sum()
        new = _smoothed(design, counts, smoothing, k)
        change = float(np.abs(new - table).max())
        table = new
        if change < tol:
            converged = True
            break
    posteriors = np.empty((n, k), dtype=dtype)
    log_table, _ = _shifted(table, dtype)
    prior_cast = prior.astype(dtype)
    for first, last, block, _ in blocks:
        x, inverse, _ = _unnormalised(block, log_table, prior_cast)
        np.multiply(x, inverse[:, None], out=posteriors[first:last])
        posteriors[first:last] *= prior_cast
    return EMResult(posteriors, prior, np.log(table), log_likelihoods, converged)


class DawidSkene(ClassEstimator):
    """Dawid-Skene with one confusion matrix per worker, to convergence.

    Parameters
    ----------
    n_rounds_max : int
    tol : float
        Stop when no probability of a confusion matrix changed by as much.
    smoothing : float
        Answers added to each cell of a confusion matrix.
    start : callable, optional
        ``(Responses) -> posteriors`` to start from, for instance
        :func:`labelwright.consolidation.spectral.spectral_start`; vote shares by default.

    Attributes
    ----------
    class_prior_ : ndarray of shape (n_classes,), float64
    log_likelihoods_ : list of float
        One per round. Smoothing aside, it never falls.

    Examples
    --------
    >>> crowd = Responses.from_votes([[("a", 0), ("b", 0), ("c", 1)], [("a", 1), ("b", 1), ("c", 1)]], 2)
    >>> DawidSkene().fit_predict(crowd).tolist()
    [0, 1]
    """

    class_prior_: Floats
    log_likelihoods_: list[float]

    def __init__(
        self,
        *,
        n_rounds_max: int = 200,
        tol: float = 1e-4,
        smoothing: float = 0.01,
        start: Callable[[Responses], Floats] | None = None,
    ) -> None:
        self.n_rounds_max = n_rounds_max
        self.tol = tol
        self.smoothing = smoothing
        self.start = start

    def _fit(self, responses: Responses) -> Floats:
        found = dawid_skene_em(
            responses,
            n_rounds_max=self.n_rounds_max,
            tol=self.tol,
            smoothing=self.smoothing,
            start=None if self.start is None else self.start(responses),
        )
        self.class_prior_ = found.class_prior
        self.log_likelihoods_ = found.log_likelihoods
        self.n_iter_, self.converged_ = len(found.log_likelihoods), found.converged
        p = found.posteriors.astype(np.float64)
        p /= p.sum(axis=1, keepdims=True)
        return p

    def _learn_nothing(self, responses: Responses) -> None:
        self.class_prior_ = np.full(responses.n_classes, 1 / max(responses.n_classes, 1))
        self.log_likelihoods_ = []


def _blocks(responses: Responses, design: Design, dtype: type[Any]) -> list[tuple[int, int, Any, Any]]:
    """Blocks ``(first task, last task, its tasks by pairs with ones, the same with other values)``."""
    from scipy.sparse import csr_array

    n, starts = responses.n_tasks, responses.starts
    n_rows = max(64, _BLOCK_CELLS // responses.n_classes)
    ones = np.ones(_longest(starts, n_rows), dtype=dtype)  # shared by all blocks
    blocks = []
    for first in range(0, n, n_rows):
        last = min(n, first + n_rows)
        a, b = starts[first], starts[last]
        row_starts = (starts[first : last + 1] - a).astype(np.int32)
        parts = (ones[: b - a], design.pair_of_answer[a:b], row_starts)
        shape = (last - first, design.n_pairs)
        blocks.append((first, last, csr_array(parts, shape=shape), csr_array(parts, shape=shape)))
    return blocks


def _longest(starts: npt.NDArray[np.int64], n_rows: int) -> int:
    ends = starts[np.minimum(np.arange(0, starts.size - 1, n_rows) + n_rows, starts.size - 1)]
    return int((ends - starts[: starts.size - 1 : n_rows]).max(initial=0))


def _shares(responses: Responses, first: int, last: int, dtype: type[Any]) -> npt.NDArray[Any]:
    """Vote shares of some tasks: (last - first, n_classes)."""
    k = responses.n_classes
    starts = responses.starts[first : last + 1]
    n_per_task = np.diff(starts)
    cells = np.repeat(np.arange(last - first) * k, n_per_task) + responses.labels[starts[0] : starts[-1]]
    votes = np.bincount(cells, minlength=(last - first) * k).reshape(-1, k).astype(dtype)
    votes[n_per_task == 0] = 1
    shares: npt.NDArray[Any] = votes / votes.sum(axis=1, keepdims=True)
    return shares


def _smoothed(design: Design, counts: Floats, smoothing: float, k: int) -> Floats:
    """``W_j[c][l]`` of every pair: (n_pairs, n_classes)."""
    totals = design.by_worker(counts) + k * smoothing  # also the cells of labels that nobody used
    table: Floats = (counts + smoothing) / totals[design.pair_worker]
    return table


def _shifted(table: Floats, dtype: type[Any]) -> tuple[npt.NDArray[Any], Floats]:
    """Logarithms with the best class of each row at 0, so that sums stay representable; and the shifts."""
    log_table = np.log(table)
    shifts = log_table.max(axis=1)
    return (log_table - shifts[:, None]).astype(dtype), shifts


def _unnormalised(
    block: Any, log_table: npt.NDArray[Any], prior: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], float]:
    """``X``, ``1/s`` with ``s = X @ prior``, and the sum of ``log s``."""
    x = block @ log_table
    np.exp(x, out=x)
    s = x @ prior
    shift = 0.0
    lowest = np.finfo(x.dtype).tiny * 1e6
    if not s.min() > lowest:
        # Many answers that contradict each other: move the best class of those tasks to 0.
        lost = np.flatnonzero(~(s > lowest))
        logits = block[lost] @ log_table
        best = logits.max(axis=1, keepdims=True)
        x[lost] = np.exp(logits - best)
        s = x @ prior
        shift = float(best.sum(dtype=np.float64))
    return x, 1 / s, float(np.log(s).sum(dtype=np.float64)) + shift
