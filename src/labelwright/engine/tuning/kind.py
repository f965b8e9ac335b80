"""The steps of a tuning job, for the supervisor.

Each looks at all its training jobs and does what follows, in this order: keep how some have ended; end the
job, or stop what still runs before that; stop jobs that are not worth their time; start new ones.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.failure_reasons import INTERNAL_ERROR
from labelwright.core.training_job import Status as TrainingStatus
from labelwright.core.training_job import StopRequested
from labelwright.core.tuning_job import Status, Verdict, is_converged, no_success_reason, verdict
from labelwright.core.tuning_rules import Plan
from labelwright.core.tuning_stops import bracket_of, is_below_median, is_below_rung
from labelwright.engine.stepping import NOW
from labelwright.engine.supervisor import SupervisedTools
from labelwright.engine.training import KIND as TRAINING
from labelwright.engine.training.telling import transition
from labelwright.engine.tuning import KIND
from labelwright.engine.tuning.looking import progress_of, take_ends
from labelwright.engine.tuning.plans import plan_of
from labelwright.engine.tuning.telling import announce
from labelwright.engine.tuning.trying import start_trials
from labelwright.store import metric_points, training_jobs, tuning_jobs
from labelwright.store.tuning_jobs import TrialRow, TuningJobRow
from labelwright.tuning import SearchFailed

__all__ = ["TuningJobs"]

_log = logging.getLogger(__name__)

_POLL_S = 5.0
_SEARCHES_MAX = 5
_COMPARE_S = 1.0  # while jobs are compared as they run

Series = list[float]


class TuningJobs:
    """Looks after tuning jobs (`labelwright.engine.supervisor.Kind`)."""

    name = KIND

    def __init__(self) -> None:
        self._plans: dict[int, Plan] = {}
        self._series: dict[int, Series] = {}  # of training jobs that have ended
        self._n_failures: dict[int, int] = {}  # of searches in a row

    def unfinished(self, connection: Connection) -> Sequence[int]:
        """Tuning jobs that have not ended."""
        return tuning_jobs.unfinished(connection)

    def advance(self, tools: SupervisedTools, key: int) -> float | None:
        """Do the next step for a tuning job."""
        row = tools.database.read(partial(tuning_jobs.get, job_id=key))
        if row is None or row.ended_at is not None:
            self._plans.pop(key, None)
            return None
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = plan_of(orjson.loads(row.request))
        now = tools.clock()
        trials = tools.database.read(partial(tuning_jobs.trials, job_id=key))
        take = take_ends(plan, row, trials, now)
        if take is not None:
            tools.database.write(take)
            return NOW
        if row.status == Status.STOPPING or row.end_status is not None:
            return self._wind_up(tools, row, trials)
        progress = progress_of(row, trials, now)
        if row.converged_at is None and is_converged(
            progress.values, is_maximised=plan.criteria.is_maximised
        ):
            tools.database.write(partial(tuning_jobs.set_columns, job_id=key, converged_at=now))
        match verdict(plan.criteria, progress):
            case Verdict.ENOUGH:
                return _decide(tools, row, Status.COMPLETED, None)
            case Verdict.HOPELESS:
                return _decide(tools, row, Status.FAILED, no_success_reason(progress.n_failed))
            case Verdict.GO_ON:
                n = min(plan.n_parallel - progress.n_running, plan.criteria.n_jobs_max - progress.n_started)
                if n > 0 and self._start(tools, plan, row, trials, n):
                    return NOW
        if plan.stops_early or plan.hyperband is not None:
            self._compare(tools, plan, row, trials)
            return now + _COMPARE_S
        return now + _POLL_S

    def _start(
        self, tools: SupervisedTools, plan: Plan, row: TuningJobRow, trials: Sequence[TrialRow], n: int
    ) -> bool:
        """Start training jobs; whether there is more to do at once.

        Raises
        ------
        SearchFailed
            The first few times that the search does not answer; then the job fails.
        """
        try:
            n_started = start_trials(tools, plan, row, trials, n)
        except SearchFailed as error:
            self._n_failures[row.id] = self._n_failures.get(row.id, 0) + 1
            if self._n_failures[row.id] < _SEARCHES_MAX:
                raise
            _log.error("a search failed", extra={"action": "tune", "job": row.name, "reason": str(error)})
            _decide(tools, row, Status.FAILED, INTERNAL_ERROR)
            return True
        self._n_failures.pop(row.id, None)
        return n_started > 0

    def _wind_up(self, tools: SupervisedTools, row: TuningJobRow, trials: Sequence[TrialRow]) -> float:
        """Stop what runs, and end the job when nothing does."""
        running = [trial for trial in trials if trial.outcome is None]
        if not running:
            _end(tools, row)
            for trial in trials:
                self._series.pop(trial.training_job_id, None)
            return NOW
        _stop(tools, row, running)
        return tools.clock() + _POLL_S

    def _compare(
        self, tools: SupervisedTools, plan: Plan, row: TuningJobRow, trials: Sequence[TrialRow]
    ) -> None:
        """Stop the jobs that are worse than others were at their stage."""
        series = {trial.number: self._series_of(tools, plan, trial) for trial in trials}
        weak = []
        for trial in trials:
            if trial.outcome is not None or trial.status != TrainingStatus.IN_PROGRESS:
                continue
            values = series[trial.number]
            if not values:
                continue
            peers = [other for other in trials if other.definition == trial.definition]
            is_weak = (
                _is_below_rung(plan, trial, peers, series)
                if plan.hyperband is not None
                else is_below_median(
                    values,
                    [series[other.number] for other in peers if other.value is not None],
                    is_maximised=plan.criteria.is_maximised,
                )
            )
            if is_weak:
                weak.append(trial)
        if weak:
            _stop(tools, row, weak, is_early=True)

    def _series_of(self, tools: SupervisedTools, plan: Plan, trial: TrialRow) -> Series:
        """The values of the objective of a training job, one for each epoch."""
        known = self._series.get(trial.training_job_id)
        if known is not None:
            return known
        metric = plan.definitions[trial.definition].metric
        points = tools.database.read(
            lambda connection: metric_points.series(connection, TRAINING, trial.training_job_id, metric)
        )
        values = [point.value for point in points]
        if trial.outcome is not None:
            self._series[trial.training_job_id] = values
        return values


def _is_below_rung(plan: Plan, trial: TrialRow, peers: Sequence[TrialRow], series: dict[int, Series]) -> bool:
    band = plan.hyperband
    if band is None:
        return False
    bracket = bracket_of(trial.number, band.min_resource, band.max_resource)
    others = {
        other.number: series[other.number]
        for other in peers
        if other.number != trial.number
        and bracket_of(other.number, band.min_resource, band.max_resource) == bracket
    }
    return is_below_rung(
        series[trial.number],
        others,
        bracket=bracket,
        min_resource=band.min_resource,
        max_resource=band.max_resource,
        is_maximised=plan.criteria.is_maximised,
    )


def _stop(
    tools: SupervisedTools, row: TuningJobRow, trials: Sequence[TrialRow], *, is_early: bool = False
) -> None:
    def stop(connection: Connection) -> list[int]:
        stopped = []
        for trial in trials:
            job = training_jobs.get(connection, trial.training_job_id)
            if job is None or job.status != TrainingStatus.IN_PROGRESS:
                continue
            if is_early:
                tuning_jobs.mark_early_stop(connection, row.id, trial.number)
            transition(connection, job.id, StopRequested(at=tools.clock()))
            stopped.append(job.id)
        return stopped

    for job_id in tools.database.write(stop):
        tools.wake(TRAINING, job_id)


def _decide(tools: SupervisedTools, row: TuningJobRow, status: Status, reason: str | None) -> float:
    """Write down how the job ends; it does when its training jobs have."""

    def decide(connection: Connection) -> None:
        current = tuning_jobs.get(connection, row.id, is_locked=True)
        if current is not None and current.status == Status.IN_PROGRESS and current.end_status is None:
            values: dict[str, Any] = {"end_status": status.value, "failure_reason": reason}
            tuning_jobs.set_columns(connection, row.id, modified_at=tools.clock(), **values)

    tools.database.write(decide)
    return NOW


def _end(tools: SupervisedTools, row: TuningJobRow) -> None:
    now = tools.clock()

    def end(connection: Connection) -> str | None:
        current = tuning_jobs.get(connection, row.id, is_locked=True)
        if current is None or current.ended_at is not None:
            return None
        is_stopped = current.status == Status.STOPPING
        status = Status.STOPPED.value if is_stopped else str(current.end_status)
        values: dict[str, Any] = {"status": status, "ended_at": now, "modified_at": now}
        if is_stopped:
            values["failure_reason"] = None
        tuning_jobs.set_columns(connection, row.id, **values)
        announce(connection, row.id, at=now)
        return status

    status = tools.database.write(end)
    _log.info("a tuning job ended", extra={"action": "tune", "job": row.name, "status": status})
