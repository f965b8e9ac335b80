"""When a training job of a tuning job is not worth its time: the median rule, and Hyperband's rungs.

Both look at the values of the objective metric in the order in which a job reported them; the n-th value
counts as the n-th epoch.

References
----------
D. Golovin, B. Solnik, S. Moitra, G. Kochanski, J. Karro, D. Sculley (2017), Google Vizier: A Service for
Black-Box Optimization, section 3.2 (median stopping). doi:10.1145/3097983.3098043

L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar (2018), Hyperband: A Novel Bandit-Based Approach
to Hyperparameter Optimization, algorithm 1. https://jmlr.org/papers/v18/16-558.html

L. Li et al. (2020), A System for Massively Parallel Hyperparameter Tuning, section 3.2: decisions on what is
there, instead of waiting for a rung to fill. arXiv:1810.05934
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["REDUCTION", "bracket_of", "first_rung", "is_below_median", "is_below_rung", "n_brackets"]

REDUCTION = 3
"""Hyperband's eta: one in three goes on."""

_EPOCHS_MIN = 2
_JOBS_MIN = 3


def is_below_median(
    values: Sequence[float], finished: Sequence[Sequence[float]], *, is_maximised: bool
) -> bool:
    """Whether a running job is worse than the median job was at this epoch.

    Parameters
    ----------
    values : sequence of float
        What the job has reported so far.
    finished : sequence of sequence of float
        What jobs that have ended had reported, each at least one value.
    is_maximised : bool

    Returns
    -------
    bool
        Whether the last value is worse than the median of the running averages of the others up to the same
        epoch. Never before 2 epochs, nor before 3 jobs that got as far have ended.
    """
    import statistics  # the server starts without it

    n = len(values)
    if n < _EPOCHS_MIN:
        return False
    reached = [statistics.fmean(other[:n]) for other in finished if len(other) >= n]
    if len(reached) < _JOBS_MIN:
        return False
    median = statistics.median(reached)
    return values[-1] < median if is_maximised else values[-1] > median


def n_brackets(min_resource: int, max_resource: int) -> int:
    """How many brackets there are: Hyperband's s_max + 1.

    Examples
    --------
    >>> n_brackets(1, 81)
    5
    """
    return _log(max_resource, min_resource) + 1


def bracket_of(number: int, min_resource: int, max_resource: int) -> int:
    """The bracket of the n-th job, from 1: as many jobs in each as Hyperband's budgets ask for.

    Bracket 0 stops jobs earliest and has most of them; the last one stops none. Jobs are dealt out so that
    after any number of them the shares are as close to that as they can be.

    Examples
    --------
    >>> [bracket_of(n, 1, 9) for n in range(1, 12)]
    [0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0]
    """
    n = n_brackets(min_resource, max_resource)
    # Jobs at the start of bracket i with s = n - 1 - i more rungs: ceil(n / (s + 1) * eta^s).
    sizes: list[int] = [math.ceil(n / (s + 1) * REDUCTION**s) for s in range(n - 1, -1, -1)]
    total = sum(sizes)
    dealt = [0] * n
    chosen = 0
    for k in range(1, (number - 1) % total + 2):
        # The one that is furthest behind its share gets the next job.
        chosen = max(range(n), key=lambda i: (sizes[i] * k / total - dealt[i], -i))
        dealt[chosen] += 1
    return chosen


def first_rung(bracket: int, min_resource: int) -> int:
    """The epoch at which jobs of a bracket are compared first."""
    rung: int = min_resource * REDUCTION**bracket
    return rung


def is_below_rung(
    values: Sequence[float],
    others: Mapping[int, Sequence[float]],
    *,
    bracket: int,
    min_resource: int,
    max_resource: int,
    is_maximised: bool,
) -> bool:
    """Whether a job of a Hyperband tuning job ends here.

    Parameters
    ----------
    values : sequence of float
        What the job has reported so far.
    others : mapping of int to sequence of float
        What the other jobs of its bracket have reported, by number.
    bracket : int

    Returns
    -------
    bool
        At ``max_resource`` values always. At a rung that it has reached: when it is not among the best third
        of the jobs that have reached it, itself included; the first three at a rung go on.
    """
    n = len(values)
    if n >= max_resource:
        return True
    rung = first_rung(bracket, min_resource)
    while rung <= n:
        reached = [other[rung - 1] for other in others.values() if len(other) >= rung]
        n_here = len(reached) + 1
        if n_here >= REDUCTION:
            n_better = sum(
                other > values[rung - 1] if is_maximised else other < values[rung - 1] for other in reached
            )
            if n_better >= max(1, n_here // REDUCTION):
                return True
        rung *= REDUCTION
    return False


def _log(high: int, low: int) -> int:
    """Largest s with low * eta^s <= high; without rounding of logarithms."""
    s = 0
    while low * REDUCTION ** (s + 1) <= high:
        s += 1
    return s
