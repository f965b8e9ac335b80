"""Labeling jobs: rows, status changes through the core machine, counters, events, listings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core import labeling_job as machine
from labelwright.core.labeling_job import JobState, Status, StopCause
from labelwright.core.stopping import Counters
from labelwright.errors import NameInUse, NotFound
from labelwright.store import listing as listings
from labelwright.store.labeling_tables import job_events, labeling_jobs

__all__ = [
    "JobRow",
    "Listing",
    "add_counts",
    "add_event",
    "create",
    "get",
    "has_event",
    "list_jobs",
    "named",
    "set_columns",
    "transition",
    "unfinished",
]

_t = labeling_jobs


@dataclasses.dataclass(frozen=True, slots=True)
class JobRow:
    """One row of ``labeling_jobs``; the columns are described with the table."""

    id: int
    region: str
    name: str
    name_lower: str
    arn: str
    reference_code: str
    workteam_arn: str
    request: str
    n_workers: int
    status: str
    failure_reason: str | None
    stop_cause: str | None
    stop_requested_at: float | None
    task_type: str
    template: str | None
    label_categories: str | None
    manifest_uri: str | None
    manifest_bytes: int
    index_position: int
    n_bad_lines: int
    bad_lines: str | None
    n_objects: int
    n_human: int
    n_machine: int
    n_failed: int
    n_human_here: int
    n_machine_here: int
    iteration: int
    batch_first_no: int
    batch_opened_at: float | None
    next_object_no: int
    manifest_written_at: float | None
    manifest_is_stale: bool
    created_at: float
    modified_at: float
    ended_at: float | None

    @property
    def counters(self) -> Counters:
        """The counters as the core counts them."""
        return Counters(
            n_objects=self.n_objects,
            n_human=self.n_human,
            n_machine=self.n_machine,
            n_failed=self.n_failed,
            n_human_here=self.n_human_here,
        )

    @property
    def state(self) -> JobState:
        """What the status machine needs."""
        return JobState(
            status=Status(self.status),
            stop_cause=StopCause(self.stop_cause) if self.stop_cause else None,
            failure_reason=self.failure_reason,
            ended_at=self.ended_at,
        )


_COLUMNS = [_t.c[field.name] for field in dataclasses.fields(JobRow)]
_SELECT = sa.select(*_COLUMNS)
_BY_ID = _SELECT.where(_t.c.id == sa.bindparam("job_id"))
_BY_NAME = _SELECT.where(_t.c.region == sa.bindparam("region"), _t.c.name_lower == sa.bindparam("name_lower"))


def _row(row: Any) -> JobRow:
    return JobRow(*row)


def create(
    connection: Connection,
    *,
    region: str,
    name: str,
    arn: str,
    reference_code: str,
    workteam_arn: str,
    request: Mapping[str, Any],
    n_workers: int,
    task_type: str,
    now: float,
) -> int:
    """Add a job in status Initializing.

    Returns
    -------
    int
        Its row id.

    Raises
    ------
    NameInUse
        When a job of the region has this name, compared without case; finished jobs count.
    """
    if named(connection, region, name) is not None:
        raise NameInUse(
            f"A labeling job named {name!r} exists already in {region} (names are compared without case, and "
            "finished jobs keep theirs). Choose another LabelingJobName."
        )
    job_id: int = connection.execute(
        sa.insert(_t).returning(_t.c.id),
        {
            "region": region,
            "name": name,
            "name_lower": name.lower(),
            "arn": arn,
            "reference_code": reference_code,
            "workteam_arn": workteam_arn,
            "request": orjson.dumps(request).decode(),
            "n_workers": n_workers,
            "status": Status.INITIALIZING.value,
            "task_type": task_type,
            "created_at": now,
            "modified_at": now,
        },
    ).scalar_one()
    add_event(connection, job_id, at=now, name="CREATED")
    return job_id


def get(connection: Connection, job_id: int) -> JobRow | None:
    """A job by its row id."""
    row = connection.execute(_BY_ID, {"job_id": job_id}).first()
    return None if row is None else _row(row)


def named(connection: Connection, region: str, name: str) -> JobRow | None:
    """A job by its name, compared without case."""
    row = connection.execute(_BY_NAME, {"region": region, "name_lower": name.lower()}).first()
    return None if row is None else _row(row)


def unfinished(connection: Connection) -> list[int]:
    """Row ids of the jobs that have not ended, oldest first."""
    open_states = [Status.INITIALIZING.value, Status.IN_PROGRESS.value, Status.STOPPING.value]
    query = sa.select(_t.c.id).where(_t.c.status.in_(open_states)).order_by(_t.c.id)
    return list(connection.execute(query).scalars())


def transition(connection: Connection, job_id: int, event: machine.Event) -> tuple[machine.Effect, ...]:
    """Run one event through the status machine and keep what comes out.

    Returns
    -------
    tuple of Effect
        Empty when nothing changed.

    Raises
    ------
    IllegalTransition
        When the event cannot happen in the job's status.
    NotFound
        When there is no such job.
    """
    row = connection.execute(_BY_ID.with_for_update(), {"job_id": job_id}).first()
    if row is None:
        raise NotFound(f"There is no labeling job with the row id {job_id}.", kind="labeling job")
    old = _row(row).state
    new, effects = machine.apply(old, event)
    if new == old:
        return ()
    set_columns(
        connection,
        job_id,
        status=new.status.value,
        stop_cause=new.stop_cause.value if new.stop_cause else None,
        failure_reason=new.failure_reason[:1024] if new.failure_reason else None,
        ended_at=new.ended_at,
        modified_at=event.at,
    )
    if isinstance(event, machine.StopRequested):
        set_columns(connection, job_id, stop_requested_at=event.at)
    for effect in effects:
        if effect is machine.Effect.RECORD_CONDITION:
            add_event(connection, job_id, at=event.at, name="STOPPING_CONDITION_REACHED")
    detail = {"status": new.status.value}
    if new.failure_reason:
        detail["reason"] = new.failure_reason
    add_event(connection, job_id, at=event.at, name="STATUS_CHANGED", detail=detail)
    return effects


def set_columns(connection: Connection, job_id: int, **values: Any) -> None:
    """Set columns of a job's row."""
    connection.execute(sa.update(_t).where(_t.c.id == job_id).values(**values))


_ADD = (
    sa.update(_t)
    .where(_t.c.id == sa.bindparam("b_job"))
    .values(
        n_human=_t.c.n_human + sa.bindparam("b_human"),
        n_machine=_t.c.n_machine + sa.bindparam("b_machine"),
        n_machine_here=_t.c.n_machine_here + sa.bindparam("b_machine"),
        n_failed=_t.c.n_failed + sa.bindparam("b_failed"),
        n_human_here=_t.c.n_human_here + sa.bindparam("b_human_here"),
        manifest_is_stale=sa.true(),
        modified_at=sa.bindparam("b_now"),
    )
)


def add_counts(
    connection: Connection,
    job_id: int,
    *,
    now: float,
    n_human: int = 0,
    n_machine: int = 0,
    n_failed: int = 0,
    n_human_here: int = 0,
) -> None:
    """Add to the counters; the output manifest is out of date from now on."""
    connection.execute(
        _ADD,
        {
            "b_job": job_id,
            "b_human": n_human,
            "b_machine": n_machine,
            "b_failed": n_failed,
            "b_human_here": n_human_here,
            "b_now": now,
        },
    )


def add_event(
    connection: Connection, job_id: int, *, at: float, name: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Append to the job's story."""
    connection.execute(
        sa.insert(job_events),
        {"job_id": job_id, "at": at, "name": name, "detail": orjson.dumps(detail).decode() if detail else ""},
    )


def has_event(connection: Connection, job_id: int, name: str) -> bool:
    """Whether the job's story has an event of this name."""
    query = (
        sa.select(job_events.c.id).where(job_events.c.job_id == job_id, job_events.c.name == name).limit(1)
    )
    return connection.execute(query).first() is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Listing(listings.Listing):
    """What to list: two filters more than of other jobs."""

    workteam_arn: str | None = None
    reference_code_contains: str = ""


def list_jobs(connection: Connection, listing: Listing, limit: int) -> list[tuple[JobRow, Any]]:
    """Jobs with the value they are sorted by, at most ``limit``."""
    query = listings.narrowed(_SELECT, listing, _t.c, limit)
    if listing.workteam_arn is not None:
        query = query.where(_t.c.workteam_arn == listing.workteam_arn)
    if listing.reference_code_contains:
        query = query.where(_t.c.reference_code.contains(listing.reference_code_contains, autoescape=True))
    rows = [_row(row) for row in connection.execute(query)]
    return [(row, getattr(row, listings.sort_column(listing))) for row in rows]
