"""The life of a tuning job, and when it has searched enough.

::

    create ─> InProgress ─── enough, nothing succeeds ───> (its jobs end) ─> Completed, Failed
                  └── stop ─> Stopping ─── its jobs have ended ──────────> Stopped

A tuning job that has searched enough stays InProgress until the training jobs that it stops have ended.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from enum import StrEnum

__all__ = [
    "CONVERGENCE_IMPROVEMENT",
    "FAILURES_MAX",
    "TERMINAL",
    "Criteria",
    "Progress",
    "Status",
    "Verdict",
    "better",
    "improvement_lag",
    "is_converged",
    "no_success_reason",
    "verdict",
]


class Status(StrEnum):
    """``HyperParameterTuningJobStatus``, as far as it is in use."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.STOPPED})

FAILURES_MAX = 5
"""So many first jobs without a single success fail a tuning job."""

CONVERGENCE_IMPROVEMENT = 0.01
"""A search that improved its best value by at most this share has converged."""

_CONVERGENCE_JOBS = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Criteria:
    """When to end.

    Attributes
    ----------
    n_jobs_max : int
    runtime_s_max : float or None
    target : float or None
        Value of the objective that is good enough.
    n_not_improving_max : int or None
    ends_on_convergence : bool
    is_maximised : bool
    """

    n_jobs_max: int
    runtime_s_max: float | None = None
    target: float | None = None
    n_not_improving_max: int | None = None
    ends_on_convergence: bool = False
    is_maximised: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is.

    Attributes
    ----------
    values : tuple of float
        Of the jobs with a value, in the order in which they ended.
    n_started : int
    n_running : int
    n_failed : int
        Jobs that ended without a value.
    age_s : float
    """

    values: tuple[float, ...]
    n_started: int
    n_running: int
    n_failed: int
    age_s: float


class Verdict(StrEnum):
    """What to do next."""

    GO_ON = "go on"
    WAIT = "start no more jobs"
    ENOUGH = "stop what runs and complete"
    HOPELESS = "stop what runs and fail"


def verdict(criteria: Criteria, progress: Progress) -> Verdict:
    """Whether a search goes on."""
    n_ended = len(progress.values) + progress.n_failed
    is_over = progress.n_started >= criteria.n_jobs_max
    if not progress.values and (
        progress.n_failed >= FAILURES_MAX or (is_over and progress.n_running == 0 and n_ended > 0)
    ):
        return Verdict.HOPELESS
    if criteria.runtime_s_max is not None and progress.age_s >= criteria.runtime_s_max:
        return Verdict.ENOUGH
    if criteria.target is not None and any(
        not better(criteria.target, value, is_maximised=criteria.is_maximised) for value in progress.values
    ):
        return Verdict.ENOUGH
    lag = improvement_lag(progress.values, is_maximised=criteria.is_maximised)
    if criteria.n_not_improving_max is not None and lag >= criteria.n_not_improving_max:
        return Verdict.ENOUGH
    if criteria.ends_on_convergence and is_converged(progress.values, is_maximised=criteria.is_maximised):
        return Verdict.ENOUGH
    if is_over:
        return Verdict.ENOUGH if progress.n_running == 0 else Verdict.WAIT
    return Verdict.GO_ON


def better(value: float, than: float, *, is_maximised: bool) -> bool:
    """Whether a value of the objective is strictly better than another."""
    return value > than if is_maximised else value < than


def improvement_lag(values: Sequence[float], *, is_maximised: bool) -> int:
    """How many jobs ended since the best one; 0 when there is none.

    Examples
    --------
    >>> improvement_lag([0.2, 0.7, 0.5, 0.7], is_maximised=True)
    2
    """
    best = 0
    for i, value in enumerate(values):
        if better(value, values[best], is_maximised=is_maximised):
            best = i
    return len(values) - 1 - best if values else 0


def is_converged(values: Sequence[float], *, is_maximised: bool) -> bool:
    """Whether the best value improved by at most 1 % over the last ten jobs, with ten before them."""
    if len(values) < 2 * _CONVERGENCE_JOBS:
        return False
    pick = max if is_maximised else min
    before, now = pick(values[:-_CONVERGENCE_JOBS]), pick(values)
    return abs(now - before) <= CONVERGENCE_IMPROVEMENT * abs(before)


def no_success_reason(n_attempts: int) -> str:
    """``FailureReason`` of a tuning job without a success."""
    return (
        f"No training job succeeded after {n_attempts} attempts. For additional details, please take a look "
        "at the training job failures by listing training jobs for the hyperparameter tuning job."
    )
