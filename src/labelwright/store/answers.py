"""Answers: what workers handed in, and who they are in output files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import TaskState
from labelwright.store.labeling_tables import tasks, worker_identities

__all__ = ["AnswerRow", "Identity", "answers_of", "remember_identity"]

_t, _w = tasks, worker_identities


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Who a worker is in output files.

    Attributes
    ----------
    public_id : str
        ``private.<region>.<16 hex digits>``.
    provider, issuer, subject : str
        ``workerMetadata.identityData``; empty when the directory does not know the worker.
    """

    public_id: str
    provider: str = ""
    issuer: str = ""
    subject: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class AnswerRow:
    """A submitted answer; times are epoch seconds, ``answer`` is compact JSON with sorted keys."""

    object_no: int
    worker_id: str
    accepted_at: float
    submitted_at: float
    time_spent_s: float
    answer: bytes
    identity: Identity | None


_ANSWERS = (
    sa.select(
        _t.c.object_no,
        _t.c.worker_id,
        _t.c.accepted_at,
        _t.c.ended_at,
        _t.c.time_spent_s,
        _t.c.answer,
        _w.c.public_id,
        _w.c.provider,
        _w.c.issuer,
        _w.c.subject,
    )
    .select_from(_t.outerjoin(_w, _w.c.worker_id == _t.c.worker_id))
    .where(
        _t.c.job_id == sa.bindparam("job_id"),
        _t.c.object_no.in_(sa.bindparam("numbers", expanding=True)),
        # As in the partial index that finds an object's tasks; SQLite uses it only then.
        sa.text("tasks.state IN ('reserved', 'working', 'paused', 'submitted', 'declined')"),
        _t.c.state == TaskState.SUBMITTED.value,
    )
    .order_by(_t.c.object_no, _t.c.ended_at, _t.c.id)
)


def answers_of(connection: Connection, job_id: int, numbers: Iterable[int]) -> Iterator[AnswerRow]:
    """The answers to some objects, by object and then by time of submission."""
    for row in connection.execute(_ANSWERS, {"job_id": job_id, "numbers": list(numbers)}):
        identity = None
        if row.public_id is not None:
            identity = Identity(row.public_id, row.provider, row.issuer, row.subject)
        yield AnswerRow(
            row.object_no,
            row.worker_id,
            row.accepted_at,
            row.ended_at,
            row.time_spent_s,
            bytes(row.answer),
            identity,
        )


def remember_identity(connection: Connection, worker_id: str, identity: Identity) -> None:
    """Keep who a worker is, once: a user may be deleted while the answers stay."""
    known = connection.execute(sa.select(_w.c.worker_id).where(_w.c.worker_id == worker_id)).first()
    if known is None:
        connection.execute(
            sa.insert(_w),
            {
                "worker_id": worker_id,
                "public_id": identity.public_id,
                "provider": identity.provider,
                "issuer": identity.issuer,
                "subject": identity.subject,
            },
        )
