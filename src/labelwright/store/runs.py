"""Runs: programs that work for a job outside the server process, as rows that outlive their folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.automated_tables import runs

__all__ = [
    "COMPLETED",
    "FAILED",
    "IN_PROGRESS",
    "STOPPED",
    "RunRow",
    "add",
    "all_of_region",
    "by_name",
    "end",
    "last",
    "last_that_trained",
    "named",
    "names_of_job",
    "set_columns",
    "unfinished_of_job",
]

IN_PROGRESS, COMPLETED, FAILED, STOPPED = "InProgress", "Completed", "Failed", "Stopped"
"""Statuses, spelled as ``TrainingJobStatus``."""

_t = runs


@dataclasses.dataclass(frozen=True, slots=True)
class RunRow:
    """One row of ``runs``; the columns are described with the table."""

    id: int
    region: str
    name: str
    arn: str
    job_id: int
    iteration: int
    attempt: int
    host: str
    status: str
    created_at: float
    started_at: float | None
    modified_at: float
    ended_at: float | None
    failure_reason: str | None
    detail: str


_SELECT = sa.select(*(_t.c[field.name] for field in dataclasses.fields(RunRow)))


def add(
    connection: Connection,
    *,
    region: str,
    name: str,
    arn: str,
    job_id: int,
    iteration: int,
    attempt: int,
    host: str,
    now: float,
) -> None:
    """Add a run in progress; its program is started afterwards, so that none runs that nobody knows."""
    row = {
        "region": region,
        "name": name,
        "arn": arn,
        "job_id": job_id,
        "iteration": iteration,
        "attempt": attempt,
        "host": host,
        "status": IN_PROGRESS,
        "created_at": now,
        "modified_at": now,
    }
    connection.execute(sa.insert(_t), row)


def named(connection: Connection, region: str, name: str) -> RunRow | None:
    """A run by its name."""
    row = connection.execute(_SELECT.where(_t.c.region == region, _t.c.name == name.lower())).first()
    return None if row is None else RunRow(*row)


def by_name(connection: Connection, name: str) -> RunRow | None:
    """A run by its name, whatever its region."""
    row = connection.execute(_SELECT.where(_t.c.name == name)).first()
    return None if row is None else RunRow(*row)


def names_of_job(connection: Connection, job_id: int) -> list[str]:
    """Names of all runs of a job, oldest first."""
    return list(
        connection.execute(sa.select(_t.c.name).where(_t.c.job_id == job_id).order_by(_t.c.id)).scalars()
    )


def last(connection: Connection, job_id: int, iteration: int) -> RunRow | None:
    """The latest attempt of an iteration."""
    query = _SELECT.where(_t.c.job_id == job_id, _t.c.iteration == iteration)
    row = connection.execute(query.order_by(_t.c.attempt.desc()).limit(1)).first()
    return None if row is None else RunRow(*row)


def last_that_trained(connection: Connection, job_id: int, *, until: int) -> RunRow | None:
    """The latest run of a job, up to one by its id, that came out with a model of its own."""
    is_trained = _t.c.detail.contains('"training_s"', autoescape=True)
    query = _SELECT.where(_t.c.job_id == job_id, _t.c.id <= until, _t.c.status == COMPLETED, is_trained)
    row = connection.execute(query.order_by(_t.c.id.desc()).limit(1)).first()
    return None if row is None else RunRow(*row)


def unfinished_of_job(connection: Connection, job_id: int) -> list[RunRow]:
    """Runs of a job that have not ended."""
    query = _SELECT.where(_t.c.job_id == job_id, _t.c.status == IN_PROGRESS).order_by(_t.c.id)
    return [RunRow(*row) for row in connection.execute(query)]


def all_of_region(connection: Connection, region: str) -> list[RunRow]:
    """Every run of a region, oldest first."""
    query = _SELECT.where(_t.c.region == region).order_by(_t.c.created_at, _t.c.id)
    return [RunRow(*row) for row in connection.execute(query)]


def set_columns(connection: Connection, run_id: int, **values: Any) -> None:
    """Set columns of a run."""
    connection.execute(sa.update(_t).where(_t.c.id == run_id).values(**values))


def end(
    connection: Connection,
    run_id: int,
    *,
    status: str,
    now: float,
    failure_reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """End a run in progress; False when it had ended before."""
    values: dict[str, Any] = {"status": status, "ended_at": now, "modified_at": now}
    if failure_reason:
        values["failure_reason"] = failure_reason[:1024]
    if detail is not None:
        values["detail"] = orjson.dumps(detail).decode()
    done = connection.execute(
        sa.update(_t).where(_t.c.id == run_id, _t.c.status == IN_PROGRESS).values(**values)
    )
    return done.rowcount > 0
