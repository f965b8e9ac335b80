"""Transform jobs: rows, status changes through the core machine, listings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core import transform_job as machine
from labelwright.core.transform_job import JobState, Status
from labelwright.errors import NameInUse, NotFound
from labelwright.store.listing import Listing, narrowed, sort_column
from labelwright.store.transform_tables import transform_jobs

__all__ = [
    "Listing",
    "TransformJobRow",
    "claim",
    "create",
    "first_waiting",
    "get",
    "list_jobs",
    "named",
    "newest",
    "set_columns",
    "transition",
    "unfinished",
]

_t = transform_jobs


@dataclasses.dataclass(frozen=True, slots=True)
class TransformJobRow:
    """One row of ``transform_jobs``; the columns are described with the table."""

    id: int
    region: str
    name: str
    name_lower: str
    arn: str
    request: str
    model: str
    status: str
    failure_reason: str | None
    created_at: float
    modified_at: float
    started_at: float | None
    ended_at: float | None
    host: str | None
    seen_at: float | None
    attempt: int
    n_idle_attempts: int
    n_done: int
    n_failed: int
    is_settled: bool

    @property
    def state(self) -> JobState:
        """What the status machine needs."""
        return JobState(Status(self.status), self.failure_reason, self.ended_at)


_SELECT = sa.select(*(_t.c[field.name] for field in dataclasses.fields(TransformJobRow)))


def create(
    connection: Connection,
    *,
    region: str,
    name: str,
    arn: str,
    request: Mapping[str, Any],
    model: Mapping[str, Any],
    now: float,
) -> int:
    """Add a job that is in progress.

    Returns
    -------
    int
        Its row id.

    Raises
    ------
    NameInUse
        When a transform job of the region has this name, compared without case.
    """
    taken = named(connection, region, name)
    if taken is not None:
        raise NameInUse(
            "Transform job names must be unique within an AWS account and region, and a transform job with "
            f"this name already exists ({taken.arn})"
        )
    row = {
        "region": region,
        "name": name,
        "name_lower": name.lower(),
        "arn": arn,
        "request": orjson.dumps(request).decode(),
        "model": orjson.dumps(model).decode(),
        "status": Status.IN_PROGRESS.value,
        "created_at": now,
        "modified_at": now,
    }
    job_id: int = connection.execute(sa.insert(_t).returning(_t.c.id), row).scalar_one()
    return job_id


def get(connection: Connection, job_id: int) -> TransformJobRow | None:
    """A job by its row id."""
    row = connection.execute(_SELECT.where(_t.c.id == job_id)).first()
    return None if row is None else TransformJobRow(*row)


def named(connection: Connection, region: str, name: str) -> TransformJobRow | None:
    """A job by its name, compared without case."""
    row = connection.execute(_SELECT.where(_t.c.region == region, _t.c.name_lower == name.lower())).first()
    return None if row is None else TransformJobRow(*row)


def newest(connection: Connection, *, limit: int) -> list[TransformJobRow]:
    """The jobs of all regions, newest first."""
    query = _SELECT.order_by(_t.c.created_at.desc(), _t.c.id.desc()).limit(limit)
    return [TransformJobRow(*row) for row in connection.execute(query)]


def unfinished(connection: Connection) -> list[int]:
    """Row ids of the jobs that need somebody, oldest first."""
    query = sa.select(_t.c.id).where(sa.not_(_t.c.is_settled)).order_by(_t.c.id)
    return list(connection.execute(query).scalars())


def first_waiting(connection: Connection) -> int | None:
    """Row id of the oldest job that waits for a place; None when none does."""
    query = sa.select(sa.func.min(_t.c.id)).where(
        sa.not_(_t.c.is_settled), _t.c.host.is_(None), _t.c.status == Status.IN_PROGRESS.value
    )
    first: int | None = connection.execute(query).scalar()
    return first


def claim(connection: Connection, job_id: int, *, host: str, now: float) -> bool:
    """Take a job that waits for a server; False when another has it, or it is no longer wanted."""
    done = connection.execute(
        sa.update(_t)
        .where(_t.c.id == job_id, _t.c.host.is_(None), _t.c.status == Status.IN_PROGRESS.value)
        .values(host=host, seen_at=now, attempt=1, started_at=now, modified_at=now)
    )
    return done.rowcount == 1


def transition(connection: Connection, job_id: int, event: machine.Event) -> JobState:
    """Run an event through the status machine and keep what comes out.

    Raises
    ------
    InvalidRequest, IllegalTransition
        See `labelwright.core.transform_job.apply`.
    NotFound
        When there is no such job.
    """
    row = connection.execute(_SELECT.where(_t.c.id == job_id).with_for_update()).first()
    if row is None:
        raise NotFound(f"There is no transform job with the row id {job_id}.", kind="transform job")
    state = machine.apply(TransformJobRow(*row).state, event)
    set_columns(
        connection,
        job_id,
        status=state.status.value,
        failure_reason=state.failure_reason,
        ended_at=state.ended_at,
        modified_at=event.at,
    )
    return state


def set_columns(connection: Connection, job_id: int, **values: Any) -> None:
    """Set columns of a job's row."""
    connection.execute(sa.update(_t).where(_t.c.id == job_id).values(**values))


# -- listings -----------------------------------------------------------------------------------------


def list_jobs(connection: Connection, listing: Listing, limit: int) -> list[tuple[TransformJobRow, Any]]:
    """Jobs with the value they are sorted by, at most ``limit``; see `Listing`."""
    query = narrowed(_SELECT, listing, _t.c, limit)
    rows = [TransformJobRow(*row) for row in connection.execute(query)]
    return [(row, getattr(row, sort_column(listing))) for row in rows]
