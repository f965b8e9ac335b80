"""What the training jobs of a tuning job came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.engine import Connection

from labelwright.core.failure_reasons import is_platform_fault
from labelwright.core.training_job import TERMINAL, Status
from labelwright.core.tuning_job import Progress
from labelwright.core.tuning_rules import Plan
from labelwright.engine.training import KIND as TRAINING
from labelwright.store import metric_points, tuning_jobs
from labelwright.store.tuning_jobs import TrialRow, TuningJobRow

__all__ = ["COMPLETED", "NON_RETRYABLE", "RETRYABLE", "STOPPED", "objective_of", "progress_of", "take_ends"]

COMPLETED, RETRYABLE, NON_RETRYABLE, STOPPED = (
    "Completed",
    "RetryableError",
    "NonRetryableError",
    "Stopped",
)
"""Outcomes of a trial, named as in ``TrainingJobStatusCounters``."""


def take_ends(
    plan: Plan, row: TuningJobRow, trials: Sequence[TrialRow], now: float
) -> Callable[[Connection], None] | None:
    """The write that keeps how training jobs ended; None when no more have ended."""
    ended = [trial for trial in trials if trial.outcome is None and trial.status in TERMINAL]
    if not ended:
        return None
    ended.sort(key=lambda trial: (trial.ended_at or now, trial.number))

    def take(connection: Connection) -> None:
        for trial in ended:
            value = objective_of(connection, plan, trial)
            outcome, counted = _outcome(trial, value)
            tuning_jobs.end_trial(connection, row.id, trial.number, outcome=outcome, value=counted, now=now)

    return take


def objective_of(connection: Connection, plan: Plan, trial: TrialRow) -> float | None:
    """The last value of the objective metric that a training job has reported."""
    metric = plan.definitions[trial.definition].metric
    last = metric_points.last_values(connection, TRAINING, trial.training_job_id)
    return next((each.value for each in last if each.name == metric), None)


def progress_of(row: TuningJobRow, trials: Sequence[TrialRow], now: float) -> Progress:
    """How far a tuning job is."""
    ended = sorted(
        (trial for trial in trials if trial.outcome is not None), key=lambda trial: trial.ended_no or 0
    )
    return Progress(
        values=tuple(trial.value for trial in ended if trial.value is not None),
        n_started=len(trials),
        n_running=len(trials) - len(ended),
        n_failed=sum(trial.value is None for trial in ended),
        age_s=now - row.created_at,
    )


def _outcome(trial: TrialRow, value: float | None) -> tuple[str, float | None]:
    if trial.status == Status.FAILED:
        return RETRYABLE if is_platform_fault(trial.failure_reason or "") else NON_RETRYABLE, None
    if trial.status == Status.STOPPED:
        # A job that was stopped because it is worse than others has done its duty.
        return COMPLETED if trial.is_stopped_early and value is not None else STOPPED, value
    return (NON_RETRYABLE if value is None else COMPLETED), value
