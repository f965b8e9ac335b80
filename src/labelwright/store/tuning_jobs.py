"""Tuning jobs and their trials: rows, status, listings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.tuning_job import Status
from labelwright.errors import NameInUse
from labelwright.store import training_jobs as jobs
from labelwright.store.listing import Listing, narrowed, sort_column
from labelwright.store.training_tables import training_jobs
from labelwright.store.tuning_tables import tuning_jobs, tuning_trials

__all__ = [
    "Listing",
    "Totals",
    "TrialRow",
    "TuningJobRow",
    "add_trial",
    "create",
    "delete",
    "end_trial",
    "get",
    "list_jobs",
    "mark_early_stop",
    "named",
    "newest",
    "set_columns",
    "totals",
    "trials",
    "unfinished",
]

_t, _r, _j = tuning_jobs, tuning_trials, training_jobs


@dataclasses.dataclass(frozen=True, slots=True)
class TuningJobRow:
    """One row of ``tuning_jobs``; the columns are described with the table."""

    id: int
    region: str
    name: str
    arn: str
    request: str
    strategy: str
    seed: int
    status: str
    end_status: str | None
    failure_reason: str | None
    created_at: float
    modified_at: float
    ended_at: float | None
    converged_at: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class TrialRow:
    """One row of ``tuning_trials`` with what is known of its training job."""

    number: int
    definition: int
    training_job_id: int
    tuned: str
    is_stopped_early: bool
    outcome: str | None
    value: float | None
    ended_no: int | None
    name: str
    arn: str
    status: str
    failure_reason: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None


_SELECT = sa.select(*(_t.c[field.name] for field in dataclasses.fields(TuningJobRow)))
_TRIALS = (
    sa.select(
        *(
            _r.c[field.name] if field.name in _r.c else _j.c[field.name]
            for field in dataclasses.fields(TrialRow)
        )
    )
    .select_from(_r.join(_j, _j.c.id == _r.c.training_job_id))
    .order_by(_r.c.number)
)


def create(
    connection: Connection,
    *,
    region: str,
    name: str,
    arn: str,
    request: Mapping[str, Any],
    seed: int,
    now: float,
) -> int:
    """Add a tuning job that is in progress.

    Returns
    -------
    int
        Its row id.

    Raises
    ------
    NameInUse
        When a tuning job of the region has or had this name, compared without case.
    """
    same = (_t.c.region == region, _t.c.name_lower == name.lower())
    taken = connection.execute(sa.select(_t.c.arn).where(*same)).scalar()
    if taken is not None:
        raise NameInUse(
            "Hyperparameter tuning job names must be unique within an AWS account and region, and a "
            f"hyperparameter tuning job with this name already exists ({taken})"
        )
    job_id: int = connection.execute(
        sa.insert(_t).returning(_t.c.id),
        {
            "region": region,
            "name": name,
            "name_lower": name.lower(),
            "arn": arn,
            "request": orjson.dumps(request).decode(),
            "strategy": request["HyperParameterTuningJobConfig"]["Strategy"],
            "seed": seed,
            "status": Status.IN_PROGRESS.value,
            "created_at": now,
            "modified_at": now,
        },
    ).scalar_one()
    return job_id


def get(connection: Connection, job_id: int, *, is_locked: bool = False) -> TuningJobRow | None:
    """A tuning job by its row id; locked for the rest of the transaction where the database can."""
    query = _SELECT.where(_t.c.id == job_id)
    row = connection.execute(query.with_for_update() if is_locked else query).first()
    return None if row is None else TuningJobRow(*row)


def named(connection: Connection, region: str, name: str) -> TuningJobRow | None:
    """A tuning job that is shown, by its name, compared without case."""
    query = _SELECT.where(_t.c.region == region, _t.c.name_lower == name.lower(), _t.c.deleted_at.is_(None))
    row = connection.execute(query).first()
    return None if row is None else TuningJobRow(*row)


def newest(connection: Connection, *, limit: int) -> list[TuningJobRow]:
    """The tuning jobs of all regions that are shown, newest first."""
    query = _SELECT.where(_t.c.deleted_at.is_(None)).order_by(_t.c.created_at.desc(), _t.c.id.desc())
    return [TuningJobRow(*row) for row in connection.execute(query.limit(limit))]


def unfinished(connection: Connection) -> list[int]:
    """Row ids of the tuning jobs that have not ended, oldest first."""
    query = sa.select(_t.c.id).where(_t.c.ended_at.is_(None)).order_by(_t.c.id)
    return list(connection.execute(query).scalars())


def set_columns(connection: Connection, job_id: int, **values: Any) -> None:
    """Set columns of a tuning job's row."""
    connection.execute(sa.update(_t).where(_t.c.id == job_id).values(**values))


def delete(connection: Connection, job_id: int, *, now: float) -> None:
    """Show a tuning job no more; its name stays taken and its training jobs stay."""
    set_columns(connection, job_id, deleted_at=now)


def trials(connection: Connection, job_id: int) -> list[TrialRow]:
    """The trials of a tuning job, in the order of their numbers."""
    return [TrialRow(*row) for row in connection.execute(_TRIALS.where(_r.c.tuning_job_id == job_id))]


@dataclasses.dataclass(frozen=True, slots=True)
class Totals:
    """Trials of a tuning job: how many there are and have ended, and between which values."""

    n: int
    n_ended: int
    least: float | None
    greatest: float | None


def totals(connection: Connection, job_ids: Sequence[int]) -> dict[int, Totals]:
    """The totals of those of some tuning jobs that have trials, by their row ids."""
    query = (
        sa.select(
            _r.c.tuning_job_id,
            sa.func.count(),
            sa.func.count(_r.c.outcome),
            sa.func.min(_r.c.value),
            sa.func.max(_r.c.value),
        )
        .where(_r.c.tuning_job_id.in_(job_ids))
        .group_by(_r.c.tuning_job_id)
    )
    return {row[0]: Totals(*row[1:]) for row in connection.execute(query)}


def add_trial(
    connection: Connection,
    row: TuningJobRow,
    *,
    number: int,
    definition: int,
    tuned: Mapping[str, str],
    name: str,
    arn: str,
    request: Mapping[str, Any],
    now: float,
) -> int:
    """Add a trial with its training job.

    Returns
    -------
    int
        Row id of the training job.
    """
    training_job_id = jobs.create(
        connection,
        region=row.region,
        name=name,
        arn=arn,
        request=request,
        now=now,
        tuning_job_id=row.id,
        tuning_job_arn=row.arn,
    )
    connection.execute(
        sa.insert(_r),
        {
            "tuning_job_id": row.id,
            "number": number,
            "definition": definition,
            "training_job_id": training_job_id,
            "tuned": orjson.dumps(tuned).decode(),
        },
    )
    set_columns(connection, row.id, modified_at=now)
    return training_job_id


def mark_early_stop(connection: Connection, job_id: int, number: int) -> None:
    """Note that a trial is stopped because it is not worth its time, not because somebody asked."""
    where = (_r.c.tuning_job_id == job_id, _r.c.number == number)
    connection.execute(sa.update(_r).where(*where).values(is_stopped_early=True))


def end_trial(
    connection: Connection, job_id: int, number: int, *, outcome: str, value: float | None, now: float
) -> None:
    """Keep how a trial ended; once."""
    last = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(_r.c.ended_no), 0)).where(_r.c.tuning_job_id == job_id)
    ).scalar_one()
    done = connection.execute(
        sa.update(_r)
        .where(_r.c.tuning_job_id == job_id, _r.c.number == number, _r.c.outcome.is_(None))
        .values(outcome=outcome, value=value, ended_no=last + 1)
    )
    if done.rowcount:
        set_columns(connection, job_id, modified_at=now)


def list_jobs(connection: Connection, listing: Listing, limit: int) -> list[tuple[TuningJobRow, Any]]:
    """Tuning jobs with the value they are sorted by, at most ``limit``."""
    query = narrowed(_SELECT.where(_t.c.deleted_at.is_(None)), listing, _t.c, limit)
    name = sort_column(listing)
    rows = connection.execute(query.add_columns(_t.c[name].label("sort_value"))).all()
    return [(TuningJobRow(*row[:-1]), row[-1]) for row in rows]
