"""New training jobs of a tuning job: ask the search, then make rows."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.config import ACCOUNT_ID
from labelwright.core.arn import training_job_arn
from labelwright.core.tuning_job import Status
from labelwright.core.tuning_rules import Plan, training_request
from labelwright.engine.supervisor import SupervisedTools
from labelwright.engine.training import KIND as TRAINING
from labelwright.engine.training.telling import announce
from labelwright.engine.tuning.plans import place_of, plan_of
from labelwright.store import tuning_jobs
from labelwright.store.tags import add_tags, list_tags
from labelwright.store.tuning_jobs import TrialRow, TuningJobRow
from labelwright.tuning import Observation, suggest

__all__ = ["start_trials"]


def start_trials(
    tools: SupervisedTools, plan: Plan, row: TuningJobRow, trials: Sequence[TrialRow], n: int
) -> int:
    """Start the next training jobs, at most ``n``; how many were started."""
    numbers = range(len(trials) + 1, len(trials) + 1 + n)
    chosen: dict[int, dict[str, str]] = {}
    parents = _parents(tools, plan, row)
    for index, definition in enumerate(plan.definitions):
        own = [number for number in numbers if place_of(plan, number)[0] == index]
        if not own:
            continue
        observed, earlier = _observations(plan, index, trials, parents)
        points = suggest(
            plan.strategy,
            definition.space,
            [place_of(plan, number)[1] for number in own],
            seed=row.seed + index,
            observations=observed,
            earlier=earlier,
            is_maximised=definition.is_maximised,
            n_parallel=plan.n_parallel,
        )
        chosen.update(zip(own, points, strict=True))
    started: list[int] = tools.database.write(
        partial(_add, plan=plan, row=row, chosen=chosen, now=tools.clock())
    )
    for job_id in started:
        tools.wake(TRAINING, job_id)
    return len(started)


def _add(
    connection: Connection,
    plan: Plan,
    row: TuningJobRow,
    chosen: Mapping[int, dict[str, str]],
    now: float,
) -> list[int]:
    current = tuning_jobs.get(connection, row.id, is_locked=True)
    if current is None or current.status != Status.IN_PROGRESS or current.end_status is not None:
        return []
    if len(tuning_jobs.trials(connection, row.id)) + 1 != min(chosen):
        return []  # another server was quicker
    tags = list_tags(connection, row.arn)
    started = []
    for number, tuned in sorted(chosen.items()):
        index = place_of(plan, number)[0]
        definition = plan.definitions[index]
        name = f"{row.name}-{number:03d}-{secrets.token_hex(4)}"
        arn = training_job_arn(row.region, ACCOUNT_ID, name)
        job_id = tuning_jobs.add_trial(
            connection,
            row,
            number=number,
            definition=index,
            tuned=tuned,
            name=name,
            arn=arn,
            request=training_request(definition.request, name, definition.metric, tuned),
            now=now,
        )
        announce(connection, job_id, at=now)
        started.append(job_id)
        if tags:
            add_tags(connection, arn, tags)
    return started


Known = tuple[dict[str, str], float]
"""Static and tuned hyperparameters of a parent's training job, and its value."""


def _parents(tools: SupervisedTools, plan: Plan, row: TuningJobRow) -> list[list[Known]]:
    """What the parents of a warm start found, one list each."""
    if not plan.parents:
        return []

    def read(connection: Connection) -> list[list[Known]]:
        found: list[list[Known]] = []
        for name in plan.parents:
            parent = tuning_jobs.named(connection, row.region, name)
            if parent is None:  # deleted since
                continue
            static: Mapping[str, Any] = plan_of(orjson.loads(parent.request)).definitions[0].static
            found.append(
                [
                    ({**static, **orjson.loads(trial.tuned)}, trial.value)
                    for trial in tuning_jobs.trials(connection, parent.id)
                    if trial.value is not None
                ]
            )
        return found

    return tools.database.read(read)


def _observations(
    plan: Plan, index: int, trials: Sequence[TrialRow], parents: Sequence[Sequence[Known]]
) -> tuple[list[Observation], list[Observation]]:
    """Own trials and those of the parents, their values on one scale.

    On other data values are not comparable. There each tuning job's values are centred and scaled by its own
    mean and standard deviation, so that what was good among its own counts as good.
    """
    own = [(orjson.loads(trial.tuned), trial.value) for trial in trials if trial.definition == index]
    if not plan.parents or plan.is_identical:
        earlier = [Observation(tuned, value) for parent in parents for tuned, value in parent]
        return [Observation(tuned, value) for tuned, value in own], earlier
    earlier = [
        Observation(tuned, value)
        for parent in parents
        for (tuned, _), value in zip(parent, _standardised([value for _, value in parent]), strict=True)
    ]
    known = iter(_standardised([value for _, value in own if value is not None]))
    return [Observation(tuned, None if value is None else next(known)) for tuned, value in own], earlier


def _standardised(values: Sequence[float]) -> list[float]:
    import statistics  # the server starts without it

    if len(values) < 2:
        return [0.0 for _ in values]
    mean, spread = statistics.fmean(values), statistics.pstdev(values)
    return [0.0 if spread == 0 else (value - mean) / spread for value in values]
