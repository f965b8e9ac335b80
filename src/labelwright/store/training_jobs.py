"""Training jobs: rows, status changes through the core machine, listings.

Listings hold the trainings that labeling jobs ran as well (`labelwright.store.runs`): to a client both are
training jobs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core import training_job as machine
from labelwright.core.training_job import JobState, Secondary, Status
from labelwright.errors import NameInUse, NotFound
from labelwright.store import listing as listings
from labelwright.store.automated_tables import runs
from labelwright.store.training_tables import training_jobs, training_transitions

__all__ = [
    "Listing",
    "Summary",
    "TrainingJobRow",
    "Transition",
    "claim",
    "create",
    "delete",
    "first_waiting",
    "get",
    "list_jobs",
    "named",
    "newest",
    "next_attempt",
    "set_columns",
    "transition",
    "transitions",
    "unfinished",
]

_t, _s = training_jobs, training_transitions


@dataclasses.dataclass(frozen=True, slots=True)
class TrainingJobRow:
    """One row of ``training_jobs``; the columns are described with the table."""

    id: int
    region: str
    name: str
    name_lower: str
    arn: str
    request: str
    changes: str
    tuning_job_id: int | None
    tuning_job_arn: str | None
    keep_alive_s: int | None
    training_plan_arn: str | None
    status: str
    secondary: str
    message: str
    failure_reason: str | None
    created_at: float
    modified_at: float
    started_at: float | None
    run_started_at: float | None
    earlier_s: float
    ended_at: float | None
    host: str | None
    seen_at: float | None
    attempt: int
    launched_at: float | None
    stop_requested_at: float | None
    interrupted_at: float | None
    progress_position: int
    metrics_position: int
    is_settled: bool
    deleted_at: float | None

    @property
    def state(self) -> JobState:
        """What the status machine needs."""
        return JobState(
            status=Status(self.status),
            secondary=Secondary(self.secondary),
            message=self.message,
            started_at=self.started_at,
            run_started_at=self.run_started_at,
            earlier_s=self.earlier_s,
            ended_at=self.ended_at,
            failure_reason=self.failure_reason,
        )


_SELECT = sa.select(*(_t.c[field.name] for field in dataclasses.fields(TrainingJobRow)))


@dataclasses.dataclass(frozen=True, slots=True)
class Transition:
    """One step of the secondary status; ``ended_at`` is None for the one a job is in."""

    status: str
    message: str
    started_at: float
    ended_at: float | None


def create(
    connection: Connection,
    *,
    region: str,
    name: str,
    arn: str,
    request: Mapping[str, Any],
    now: float,
    tuning_job_id: int | None = None,
    tuning_job_arn: str | None = None,
) -> int:
    """Add a job that is Starting.

    Returns
    -------
    int
        Its row id.

    Raises
    ------
    NameInUse
        When a training job of the region has or had this name, compared without case.
    """
    taken = connection.execute(
        sa.union_all(
            sa.select(_t.c.arn).where(_t.c.region == region, _t.c.name_lower == name.lower()),
            sa.select(runs.c.arn).where(runs.c.region == region, runs.c.name == name.lower()),
        )
    ).scalar()
    if taken is not None:
        raise NameInUse(
            "Training job names must be unique within an AWS account and region, and a training job with "
            f"this name already exists ({taken})"
        )
    state = machine.first_state()
    resources = request.get("ResourceConfig") or {}
    job_id: int = connection.execute(
        sa.insert(_t).returning(_t.c.id),
        {
            "region": region,
            "name": name,
            "name_lower": name.lower(),
            "arn": arn,
            "request": orjson.dumps(request).decode(),
            "tuning_job_id": tuning_job_id,
            "tuning_job_arn": tuning_job_arn,
            "keep_alive_s": resources.get("KeepAlivePeriodInSeconds"),
            "training_plan_arn": resources.get("TrainingPlanArn"),
            "status": state.status.value,
            "secondary": state.secondary.value,
            "message": state.message,
            "created_at": now,
            "modified_at": now,
        },
    ).scalar_one()
    _append(connection, job_id, state, now)
    return job_id


def get(connection: Connection, job_id: int) -> TrainingJobRow | None:
    """A job by its row id, also one that was deleted."""
    row = connection.execute(_SELECT.where(_t.c.id == job_id)).first()
    return None if row is None else TrainingJobRow(*row)


def named(connection: Connection, region: str, name: str) -> TrainingJobRow | None:
    """A job that is shown, by its name, compared without case."""
    query = _SELECT.where(_t.c.region == region, _t.c.name_lower == name.lower(), _t.c.deleted_at.is_(None))
    row = connection.execute(query).first()
    return None if row is None else TrainingJobRow(*row)


def newest(connection: Connection, *, limit: int) -> list[TrainingJobRow]:
    """The jobs of all regions that are shown, newest first."""
    query = _SELECT.where(_t.c.deleted_at.is_(None)).order_by(_t.c.created_at.desc(), _t.c.id.desc())
    return [TrainingJobRow(*row) for row in connection.execute(query.limit(limit))]


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


def claim(connection: Connection, job_id: int, *, host: str, n_at_once: int, now: float) -> bool:
    """Take the job that waits longest for a server.

    Returns
    -------
    bool
        False when it is not its turn, another server has it, it is no longer wanted, or the server has
        ``n_at_once`` jobs already.
    """
    if first_waiting(connection) != job_id:
        return False
    running = [Status.IN_PROGRESS.value, Status.STOPPING.value]
    n_running = connection.execute(
        sa.select(sa.func.count()).where(
            sa.not_(_t.c.is_settled), _t.c.host == host, _t.c.status.in_(running)
        )
    ).scalar_one()
    if n_running >= n_at_once:
        return False
    done = connection.execute(
        sa.update(_t)
        .where(_t.c.id == job_id, _t.c.host.is_(None), _t.c.status == Status.IN_PROGRESS.value)
        .values(host=host, seen_at=now, attempt=1, launched_at=now)
    )
    return done.rowcount > 0


def next_attempt(connection: Connection, job_id: int) -> None:
    """Count another program of a job; nothing of it is read yet."""
    set_columns(connection, job_id, attempt=_t.c.attempt + 1, progress_position=0, metrics_position=0)


def transition(connection: Connection, job_id: int, *events: machine.Event) -> JobState:
    """Run events through the status machine and keep what comes out.

    Returns
    -------
    JobState
        After the last event.

    Raises
    ------
    IllegalTransition
        For a request to stop a job that has ended.
    NotFound
        When there is no such job.
    """
    row = connection.execute(_SELECT.where(_t.c.id == job_id).with_for_update()).first()
    if row is None:
        raise NotFound(f"There is no training job with the row id {job_id}.", kind="training job")
    state = TrainingJobRow(*row).state
    for event in events:
        new = machine.apply(state, event)
        if new == state:
            continue
        if new.secondary is not state.secondary:
            _append(connection, job_id, new, event.at)
        elif new.message != state.message:
            _reword(connection, job_id, new.message)
        values: dict[str, Any] = {
            field.name: getattr(new, field.name) for field in dataclasses.fields(JobState)
        }
        values["status"], values["secondary"] = new.status.value, new.secondary.value
        values["modified_at"] = event.at
        if isinstance(event, machine.StopRequested):
            values["stop_requested_at"] = event.at
        set_columns(connection, job_id, **values)
        state = new
    return state


def transitions(connection: Connection, job_id: int) -> list[Transition]:
    """The story of a job's secondary status, oldest first."""
    rows = connection.execute(
        sa.select(_s.c.status, _s.c.message, _s.c.started_at)
        .where(_s.c.job_id == job_id)
        .order_by(_s.c.position)
    ).all()
    story = []
    for i, row in enumerate(rows):
        if i + 1 < len(rows):
            ended_at: float | None = rows[i + 1].started_at
        else:
            ended_at = row.started_at if row.status in _TERMINAL_SECONDARY else None
        story.append(Transition(row.status, row.message, row.started_at, ended_at))
    return story


def set_columns(connection: Connection, job_id: int, **values: Any) -> None:
    """Set columns of a job's row."""
    connection.execute(sa.update(_t).where(_t.c.id == job_id).values(**values))


def delete(connection: Connection, job_id: int, *, now: float) -> None:
    """Show a job no more; its name stays taken."""
    set_columns(connection, job_id, deleted_at=now)


_TERMINAL_SECONDARY = frozenset(
    {
        Secondary.COMPLETED.value,
        Secondary.FAILED.value,
        Secondary.STOPPED.value,
        Secondary.MAX_RUNTIME_EXCEEDED.value,
        Secondary.MAX_WAIT_TIME_EXCEEDED.value,
    }
)
_LAST_POSITION = sa.select(sa.func.coalesce(sa.func.max(_s.c.position), 0)).where(
    _s.c.job_id == sa.bindparam("job_id")
)


def _append(connection: Connection, job_id: int, state: JobState, at: float) -> None:
    position = connection.execute(_LAST_POSITION, {"job_id": job_id}).scalar_one() + 1
    connection.execute(
        sa.insert(_s),
        {
            "job_id": job_id,
            "position": position,
            "status": state.secondary.value,
            "message": state.message,
            "started_at": at,
        },
    )


def _reword(connection: Connection, job_id: int, message: str) -> None:
    position = connection.execute(_LAST_POSITION, {"job_id": job_id}).scalar_one()
    connection.execute(
        sa.update(_s).where(_s.c.job_id == job_id, _s.c.position == position).values(message=message)
    )


# -- listings -----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """What a listing shows of one training, whoever started it.

    Attributes
    ----------
    secondary : str or None
        None for trainings of labeling jobs.
    key : int
        Tells trainings of one sort value apart: the row id, negative for trainings of labeling jobs.
    """

    key: int
    name: str
    arn: str
    status: str
    secondary: str | None
    created_at: float
    modified_at: float
    ended_at: float | None
    keep_alive_s: int | None
    training_plan_arn: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Listing(listings.Listing):
    """What to list; ``key`` of `Summary` tells trainings of one sort value apart."""

    warm_pool_status: str | None = None
    training_plan_arn: str | None = None


def _null(kind: Any, name: str) -> sa.Label[Any]:
    return sa.cast(sa.null(), kind).label(name)


_ALL = sa.union_all(
    sa.select(
        _t.c.id.label("key"),
        _t.c.region,
        _t.c.name,
        _t.c.name_lower,
        _t.c.arn,
        _t.c.status,
        _t.c.secondary,
        _t.c.created_at,
        _t.c.modified_at,
        _t.c.ended_at,
        _t.c.keep_alive_s,
        _t.c.training_plan_arn,
    ).where(_t.c.deleted_at.is_(None)),
    sa.select(
        (-runs.c.id).label("key"),
        runs.c.region,
        runs.c.name,
        runs.c.name.label("name_lower"),
        runs.c.arn,
        runs.c.status,
        _null(sa.Text, "secondary"),
        runs.c.created_at,
        runs.c.modified_at,
        runs.c.ended_at,
        _null(sa.Integer, "keep_alive_s"),
        _null(sa.Text, "training_plan_arn"),
    ),
).subquery("trainings")


def list_jobs(connection: Connection, listing: Listing, limit: int) -> list[tuple[Summary, Any]]:
    """Trainings with the value they are sorted by, at most ``limit``."""
    a = _ALL.c
    query = sa.select(*(a[field.name] for field in dataclasses.fields(Summary)), a.name_lower)
    if listing.training_plan_arn is not None:
        query = query.where(a.training_plan_arn == listing.training_plan_arn)
    if listing.warm_pool_status is not None:
        query = query.where(_has_warm_pool(listing.warm_pool_status))
    rows = connection.execute(listings.narrowed(query, listing, a, limit, key="key")).all()
    name = listings.sort_column(listing)
    return [(Summary(*row[:-1]), getattr(row, name)) for row in rows]


def _has_warm_pool(status: str) -> sa.ColumnElement[bool]:
    """Machines are ours: while a job runs its pool is in use, afterwards there is nothing to keep."""
    running = [Status.IN_PROGRESS.value, Status.STOPPING.value]
    asked = _ALL.c.keep_alive_s.is_not(None)
    match status:
        case "InUse":
            return sa.and_(asked, _ALL.c.status.in_(running))
        case "Terminated":
            return sa.and_(asked, _ALL.c.status.not_in(running))
        case _:
            return sa.false()
