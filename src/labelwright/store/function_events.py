"""Events of asynchronous invocations: accepted, and kept until they were dealt with."""

from __future__ import annotations

import dataclasses

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.function_tables import function_events

__all__ = ["EventRow", "add", "claim", "finish", "next_due", "postpone", "release"]

_e = function_events


@dataclasses.dataclass(frozen=True, slots=True)
class EventRow:
    """An event and how often it was tried; ``id`` is the request id of every attempt."""

    id: str
    arn: str
    event: bytes = dataclasses.field(repr=False)
    n_attempts: int
    due_at: float


def add(connection: Connection, row: EventRow) -> None:
    """Accept an event."""
    connection.execute(sa.insert(_e), dataclasses.asdict(row))


def claim(connection: Connection, *, now: float, lease_s: float, limit: int) -> list[EventRow]:
    """Take events that are due; they are due again when the lease ends, unless they are finished."""
    due = (
        sa.select(_e.c.id)
        .where(_e.c.due_at <= now)
        .order_by(_e.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(due).scalars())
    if not ids:
        return []
    connection.execute(sa.update(_e).where(_e.c.id.in_(ids)).values(due_at=now + lease_s))
    rows = connection.execute(sa.select(_e).where(_e.c.id.in_(ids)))
    return [EventRow(row.id, row.arn, bytes(row.event), row.n_attempts, row.due_at) for row in rows]


def next_due(connection: Connection) -> float | None:
    """When the next event is due; None when there is none."""
    due: float | None = connection.execute(sa.select(sa.func.min(_e.c.due_at))).scalar()
    return due


def postpone(connection: Connection, event_id: str, *, n_attempts: int, due_at: float) -> None:
    """Try an event again later."""
    connection.execute(sa.update(_e).where(_e.c.id == event_id).values(n_attempts=n_attempts, due_at=due_at))


def finish(connection: Connection, event_id: str) -> None:
    """Forget an event."""
    connection.execute(sa.delete(_e).where(_e.c.id == event_id))


def release(connection: Connection, *, now: float) -> None:
    """Make all events due: whoever had taken them is gone."""
    connection.execute(sa.update(_e).where(_e.c.due_at > now).values(due_at=now))
