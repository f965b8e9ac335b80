"""The outbox: rows about what has happened, read in the order in which it was committed.

A reader keeps a cursor: all rows up to it are dealt with. It moves its cursor after it has dealt with a row,
so whatever is killed in between, a row is dealt with at least once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.answers import Identity
from labelwright.store.db import Database
from labelwright.store.event_tables import OutboxKind, event_cursors, outbox, resource_events
from labelwright.store.labeling_tables import job_events, labeling_jobs, tasks, worker_identities

__all__ = [
    "OutboxRow",
    "cursor",
    "first_cursor",
    "horizon",
    "keep_cursor",
    "last",
    "page",
    "prune",
    "pruned",
    "slowest",
]

_o, _c, _r = outbox, event_cursors, resource_events

_PRUNED = "pruned"


@dataclasses.dataclass(frozen=True, slots=True)
class OutboxRow:
    """One row with what its events say.

    Attributes
    ----------
    id : int
        Position in the outbox.
    kind : OutboxKind
    at : float
        Epoch seconds.
    job_name, job_arn, region, workteam_arn, reference_code : str
        The job it belongs to; of rows about other resources their name, ARN and region.
    resource_kind : str
        Of rows about other resources: ``training-job`` ...
    event_id, name, detail : int or None, str, str
        Of rows about jobs: row id and name of the job event, and its detail as JSON text or "".
    task_id, worker_id, accepted_at : str, str, float or None
        Of rows about tasks.
    identity : Identity or None
        Who the worker is, if the directory knows.
    """

    id: int
    kind: OutboxKind
    at: float
    job_name: str
    job_arn: str
    region: str
    workteam_arn: str
    reference_code: str
    event_id: int | None = None
    name: str = ""
    detail: str = ""
    task_id: str = ""
    worker_id: str = ""
    accepted_at: float | None = None
    identity: Identity | None = None
    resource_kind: str = ""


def horizon(database: Database) -> int:
    """Position up to which the outbox is complete: nothing at or below it will be added any more.

    SQLite commits one transaction after the other, so that is its last row. PostgreSQL gives out numbers
    before it commits, and with two servers a smaller one may come later; so there all writers are waited
    for, for as long as they take to commit, before the last row is looked up.
    """
    with database.engine.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE")
        return last(connection)


_LAST = sa.select(sa.func.coalesce(sa.func.max(_o.c.id), 0))


def last(connection: Connection) -> int:
    """Position of the last row; on PostgreSQL smaller ones may still come, see `horizon`."""
    return int(connection.execute(_LAST).scalar_one())


_PAGE = (
    sa.select(
        _o.c.id,
        _o.c.kind,
        _o.c.at,
        sa.func.coalesce(labeling_jobs.c.name, _r.c.name).label("name"),
        sa.func.coalesce(labeling_jobs.c.arn, _r.c.arn).label("arn"),
        sa.func.coalesce(labeling_jobs.c.region, _r.c.region).label("region"),
        labeling_jobs.c.workteam_arn,
        labeling_jobs.c.reference_code,
        _o.c.job_event_id,
        job_events.c.name.label("event_name"),
        sa.func.coalesce(job_events.c.detail, _r.c.detail).label("detail"),
        _r.c.kind.label("resource_kind"),
        _o.c.task_id,
        _o.c.worker_id,
        tasks.c.accepted_at,
        worker_identities.c.public_id,
        worker_identities.c.provider,
        worker_identities.c.issuer,
        worker_identities.c.subject,
    )
    .select_from(
        _o.outerjoin(labeling_jobs, labeling_jobs.c.id == _o.c.job_id)
        .outerjoin(
            job_events,
            sa.and_(job_events.c.id == _o.c.job_event_id, _o.c.kind == int(OutboxKind.JOB)),
        )
        .outerjoin(_r, sa.and_(_r.c.id == _o.c.job_event_id, _o.c.kind == int(OutboxKind.RESOURCE)))
        .outerjoin(tasks, tasks.c.id == _o.c.task_id)
        .outerjoin(worker_identities, worker_identities.c.worker_id == _o.c.worker_id)
    )
    .where(
        _o.c.id > sa.bindparam("after"),
        _o.c.id <= sa.bindparam("end"),
        sa.or_(labeling_jobs.c.id.is_not(None), _r.c.id.is_not(None)),
    )
    .order_by(_o.c.id)
    .limit(sa.bindparam("size"))
)


def page(
    connection: Connection,
    *,
    after: int,
    end: int,
    limit: int,
    job_id: int | None = None,
    kinds: Collection[OutboxKind] = tuple(OutboxKind),
) -> list[OutboxRow]:
    """Rows with a position in (after, end], oldest first, at most ``limit``."""
    query = _PAGE
    if job_id is not None:
        query = query.where(_o.c.job_id == job_id)
    if set(kinds) != set(OutboxKind):
        query = query.where(_o.c.kind.in_([int(kind) for kind in kinds]))
    found = connection.execute(query, {"after": after, "end": end, "size": limit})
    return [
        OutboxRow(
            id=row.id,
            kind=OutboxKind(row.kind),
            at=row.at,
            job_name=row.name,
            job_arn=row.arn,
            region=row.region,
            workteam_arn=row.workteam_arn or "",
            reference_code=row.reference_code or "",
            event_id=row.job_event_id,
            name=row.event_name or "",
            detail=row.detail or "",
            task_id=row.task_id or "",
            worker_id=row.worker_id or "",
            accepted_at=row.accepted_at,
            identity=(
                None
                if row.public_id is None
                else Identity(row.public_id, row.provider, row.issuer, row.subject)
            ),
            resource_kind=row.resource_kind or "",
        )
        for row in found
    ]


def cursor(connection: Connection, name: str) -> int | None:
    """Where a reader is; None for one that was never there."""
    position: int | None = connection.execute(sa.select(_c.c.position).where(_c.c.name == name)).scalar()
    return position


def first_cursor(connection: Connection, name: str, *, position: int, now: float) -> int:
    """Where a reader is; one that was never there begins at ``position``. Marks it as alive."""
    known = cursor(connection, name)
    keep_cursor(connection, name, position=position if known is None else known, now=now)
    return position if known is None else known


_KEEP = sa.text(
    "INSERT INTO event_cursors (name, position, seen_at) VALUES (:name, :position, :now) "
    "ON CONFLICT (name) DO UPDATE SET position = excluded.position, seen_at = excluded.seen_at "
    "WHERE event_cursors.position <= excluded.position"
)


def keep_cursor(connection: Connection, name: str, *, position: int, now: float) -> None:
    """Move a reader's cursor; never back."""
    connection.execute(_KEEP, {"name": name, "position": position, "now": now})


def slowest(connection: Connection, *, alive_since: float) -> int | None:
    """The least position of the readers that were there since then; None when there is no reader."""
    query = sa.select(sa.func.min(_c.c.position)).where(_c.c.name != _PRUNED, _c.c.seen_at >= alive_since)
    position: int | None = connection.execute(query).scalar()
    return position


def pruned(connection: Connection) -> int:
    """Position up to which rows about tasks are deleted."""
    return cursor(connection, _PRUNED) or 0


def prune(connection: Connection, *, up_to: int, limit: int, now: float) -> int:
    """Delete rows about tasks and resources up to a position; how many were looked at, at most ``limit``.

    Rows about jobs stay: they are the story of the jobs, and few.
    """
    start = pruned(connection)
    end = min(up_to, start + limit)
    if end <= start:
        return 0
    told = sa.select(_o.c.job_event_id).where(
        _o.c.id > start, _o.c.id <= end, _o.c.kind == int(OutboxKind.RESOURCE)
    )
    connection.execute(sa.delete(_r).where(_r.c.id.in_(told)))
    connection.execute(sa.delete(_o).where(_o.c.id > start, _o.c.id <= end, _o.c.kind != int(OutboxKind.JOB)))
    keep_cursor(connection, _PRUNED, position=end, now=now)
    return end - start
