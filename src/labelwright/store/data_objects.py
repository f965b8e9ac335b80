"""Data objects of a job: import, opening in batches, closing, groups.

States and slots are those of `labelwright.core.human_task`; every function is one step of a transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.store.labeling_tables import consolidation_groups, data_objects

__all__ = [
    "ActiveCounts",
    "GroupRow",
    "ObjectRow",
    "active_counts",
    "answered",
    "close_with_answers",
    "delete_some",
    "freeze_group",
    "group_objects",
    "in_iteration",
    "insert_lines",
    "is_answered",
    "n_bytes_as_lines",
    "last_group",
    "open_objects",
    "pending_in_batch",
    "plan_batch",
    "ready_numbers",
    "set_state",
    "span",
    "states_between",
    "unanswered",
    "undone_groups",
    "without_answer_back_to_pending",
]

_t = data_objects
_g = consolidation_groups


def _state(state: ObjectState) -> Any:
    # As text, not as a parameter: only so does SQLite see that a partial index may be used.
    return sa.literal_column(str(int(state)))


_PENDING, _OPEN, _READY, _GROUPED = (
    _state(s) for s in (ObjectState.PENDING, ObjectState.OPEN, ObjectState.READY, ObjectState.GROUPED)
)


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectRow:
    """Where an object's line lies in our copy of the manifest (bytes), and its iteration."""

    object_no: int
    position: int
    length: int
    iteration: int | None


_INSERT = (
    "INSERT INTO data_objects (job_id, object_no, state, position, length, n_free, n_answers, n_declined)"
    " VALUES "
)
_ROW = "(?, ?, ?, ?, ?, 0, 0, 0)"
_ROWS_A_STATEMENT = 500  # measured: one row a statement takes two and a half times as long


def insert_lines(connection: Connection, rows: list[tuple[int, int, int, int, int]]) -> None:
    """Add objects, given as (job id, number, state PENDING or KEPT, byte position, byte length)."""
    is_qmark = connection.dialect.paramstyle == "qmark"
    for first in range(0, len(rows), _ROWS_A_STATEMENT):
        part = rows[first : first + _ROWS_A_STATEMENT]
        sql = _INSERT + ",".join([_ROW] * len(part))
        connection.exec_driver_sql(
            sql if is_qmark else sql.replace("?", "%s"), tuple(chain.from_iterable(part))
        )


def delete_some(connection: Connection, job_id: int, limit: int) -> int:
    """Remove up to ``limit`` objects of a job that failed to initialize; how many there were."""
    last = connection.execute(
        sa.select(_t.c.object_no).where(_t.c.job_id == job_id).order_by(_t.c.object_no).limit(limit)
    ).scalars()
    numbers = list(last)
    if numbers:
        connection.execute(sa.delete(_t).where(_t.c.job_id == job_id, _t.c.object_no <= numbers[-1]))
    return len(numbers)


_SPAN = sa.select(_t.c.object_no, _t.c.position, _t.c.length, _t.c.iteration).where(
    _t.c.job_id == sa.bindparam("job_id"), _t.c.object_no == sa.bindparam("object_no")
)


def span(connection: Connection, job_id: int, object_no: int) -> ObjectRow | None:
    """Where one object's line lies."""
    row = connection.execute(_SPAN, {"job_id": job_id, "object_no": object_no}).first()
    return None if row is None else ObjectRow(*row)


@dataclasses.dataclass(frozen=True, slots=True)
class ActiveCounts:
    """How many objects of a job are being worked on."""

    n_open: int
    n_ready: int
    n_grouped: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.n_open + self.n_ready + self.n_grouped


def active_counts(connection: Connection, job_id: int) -> ActiveCounts:
    """Count the open, ready and grouped objects (at most a batch)."""
    query = (
        sa.select(_t.c.state, sa.func.count())
        .where(_t.c.job_id == job_id, sa.text("state IN (1, 2, 3)"))
        .group_by(_t.c.state)
    )
    counts = {int(state): int(n) for state, n in connection.execute(query)}
    return ActiveCounts(
        n_open=counts.get(ObjectState.OPEN, 0),
        n_ready=counts.get(ObjectState.READY, 0),
        n_grouped=counts.get(ObjectState.GROUPED, 0),
    )


def plan_batch(connection: Connection, job_id: int, *, from_no: int, size: int) -> tuple[int, int] | None:
    """The next objects to send out.

    Returns
    -------
    (first, end) or None
        ``[first, end)`` holds the next ``size`` pending objects (fewer at the end of the manifest); None when
        no pending object is left from ``from_no`` on.
    """
    numbers = (
        sa.select(_t.c.object_no)
        .where(_t.c.job_id == job_id, _t.c.object_no >= from_no, _t.c.state == _PENDING)
        .order_by(_t.c.object_no)
        .limit(size)
        .subquery()
    )
    first, last = connection.execute(
        sa.select(sa.func.min(numbers.c.object_no), sa.func.max(numbers.c.object_no))
    ).one()
    return None if first is None else (int(first), int(last) + 1)


def pending_in_batch(
    connection: Connection,
    job_id: int,
    *,
    first_no: int,
    end_no: int,
    limit: int,
    reserved_for: int | None = None,
) -> list[ObjectRow]:
    """Objects of the current batch that have not been opened yet, in manifest order.

    Parameters
    ----------
    reserved_for : int, optional
        Only those that were reserved for this iteration: batches of automated labeling have gaps.
    """
    query = (
        sa.select(_t.c.object_no, _t.c.position, _t.c.length, _t.c.iteration)
        .where(
            _t.c.job_id == job_id,
            _t.c.object_no >= first_no,
            _t.c.object_no < end_no,
            _t.c.state == _PENDING,
        )
        .order_by(_t.c.object_no)
        .limit(limit)
    )
    if reserved_for is not None:
        query = query.where(_t.c.iteration == reserved_for, sa.text("iteration IS NOT NULL"))
    return [ObjectRow(*row) for row in connection.execute(query)]


def in_iteration(
    connection: Connection, job_id: int, *, iteration: int, after: int, end_no: int, limit: int
) -> list[ObjectRow]:
    """Objects of a batch, those with a number in (after, end_no), in manifest order."""
    query = (
        sa.select(_t.c.object_no, _t.c.position, _t.c.length, _t.c.iteration)
        .where(
            _t.c.job_id == job_id,
            _t.c.object_no > after,
            _t.c.object_no < end_no,
            _t.c.iteration == iteration,
        )
        .order_by(_t.c.object_no)
        .limit(limit)
    )
    return [ObjectRow(*row) for row in connection.execute(query)]


def open_objects(
    connection: Connection, job_id: int, numbers: Iterable[int], *, iteration: int, n_workers: int
) -> int:
    """Make the tasks of pending objects available; how many were opened."""
    result = connection.execute(
        sa.update(_t)
        .where(_t.c.job_id == job_id, _t.c.object_no.in_(list(numbers)), _t.c.state == _PENDING)
        .values(state=_OPEN, iteration=iteration, n_free=n_workers)
    )
    return result.rowcount


def set_state(
    connection: Connection,
    job_id: int,
    numbers: Iterable[int],
    *,
    expected: ObjectState,
    state: ObjectState,
    **values: Any,
) -> list[int]:
    """Move objects from one state to another; the numbers of those that were in the expected one."""
    rows = connection.execute(
        sa.update(_t)
        .where(_t.c.job_id == job_id, _t.c.object_no.in_(list(numbers)), _t.c.state == _state(expected))
        .values(state=int(state), n_free=0, **values)
        .returning(_t.c.object_no)
    )
    return sorted(rows.scalars())


def states_between(connection: Connection, job_id: int, first_no: int, end_no: int) -> dict[int, int]:
    """How many objects of a range are in each state."""
    query = (
        sa.select(_t.c.state, sa.func.count())
        .where(_t.c.job_id == job_id, _t.c.object_no >= first_no, _t.c.object_no < end_no)
        .group_by(_t.c.state)
    )
    return {int(state): int(n) for state, n in connection.execute(query)}


def n_bytes_as_lines(connection: Connection, job_id: int) -> int:
    """Bytes of a job's manifest when every line is ended by a line feed and nothing else lies between."""
    total = sa.func.coalesce(sa.func.sum(_t.c.length), 0) + sa.func.count()
    return int(connection.execute(sa.select(total).where(_t.c.job_id == job_id)).scalar_one())


def is_answered(connection: Connection, job_id: int, object_no: int) -> bool:
    """Whether an object has an answer."""
    query = sa.select(_t.c.n_answers).where(_t.c.job_id == job_id, _t.c.object_no == object_no)
    return bool(connection.execute(query).scalar())


def unanswered(connection: Connection, job_id: int) -> list[int]:
    """Numbers of the open objects without an answer."""
    return _open_numbers(connection, job_id, _t.c.n_answers == 0)


def answered(connection: Connection, job_id: int) -> list[int]:
    """Numbers of the open objects with at least one answer."""
    return _open_numbers(connection, job_id, _t.c.n_answers > 0)


def _open_numbers(connection: Connection, job_id: int, condition: Any) -> list[int]:
    query = (
        sa.select(_t.c.object_no)
        .where(_t.c.job_id == job_id, sa.text("state IN (1, 2, 3)"), _t.c.state == _OPEN, condition)
        .order_by(_t.c.object_no)
    )
    return list(connection.execute(query).scalars())


def close_with_answers(connection: Connection, job_id: int) -> None:
    """Close the open objects that have an answer: they wait for consolidation."""
    connection.execute(
        sa.update(_t)
        .where(_t.c.job_id == job_id, sa.text("state IN (1, 2, 3)"), _t.c.state == _OPEN, _t.c.n_answers > 0)
        .values(state=_READY, n_free=0)
    )


def without_answer_back_to_pending(connection: Connection, job_id: int) -> None:
    """The job stops: open objects without an answer are as if never sent."""
    connection.execute(
        sa.update(_t)
        .where(_t.c.job_id == job_id, sa.text("state IN (1, 2, 3)"), _t.c.state == _OPEN, _t.c.n_answers == 0)
        .values(state=_PENDING, n_free=0)
    )


def ready_numbers(connection: Connection, job_id: int, limit: int | None) -> list[tuple[int, int]]:
    """(number, iteration) of objects that wait for consolidation, in manifest order."""
    query = (
        sa.select(_t.c.object_no, _t.c.iteration)
        .where(_t.c.job_id == job_id, sa.text("state IN (1, 2, 3)"), _t.c.state == _READY)
        .order_by(_t.c.object_no)
        .limit(limit)
    )
    return [(int(number), int(iteration)) for number, iteration in connection.execute(query)]


@dataclasses.dataclass(frozen=True, slots=True)
class GroupRow:
    """A consolidation group: its objects' answers are frozen since ``frozen_at``."""

    id: int
    job_id: int
    iteration: int
    frozen_at: float
    stamp: str
    is_done: bool


_GROUP = sa.select(_g.c.id, _g.c.job_id, _g.c.iteration, _g.c.frozen_at, _g.c.stamp, _g.c.is_done)


def freeze_group(
    connection: Connection,
    job_id: int,
    numbers: Sequence[int],
    *,
    iteration: int,
    frozen_at: float,
    stamp: str,
) -> int:
    """Put ready objects into a new group; its row id."""
    group_id: int = connection.execute(
        sa.insert(_g).returning(_g.c.id),
        {
            "job_id": job_id,
            "iteration": iteration,
            "frozen_at": frozen_at,
            "stamp": stamp,
            "is_done": False,
        },
    ).scalar_one()
    set_state(
        connection,
        job_id,
        numbers,
        expected=ObjectState.READY,
        state=ObjectState.GROUPED,
        group_id=group_id,
    )
    return group_id


def last_group(connection: Connection, job_id: int, iteration: int) -> tuple[float | None, str | None]:
    """When the job's last group was frozen, and the latest stamp of an iteration; None when there is none."""
    frozen_at, stamp = connection.execute(
        sa.select(
            sa.func.max(_g.c.frozen_at), sa.func.max(sa.case((_g.c.iteration == iteration, _g.c.stamp)))
        ).where(_g.c.job_id == job_id)
    ).one()
    return frozen_at, stamp


def undone_groups(connection: Connection, job_id: int) -> list[GroupRow]:
    """Groups whose labels have not been kept yet, oldest first."""
    query = _GROUP.where(_g.c.job_id == job_id, _g.c.is_done.is_(sa.false())).order_by(_g.c.id)
    return [GroupRow(*row) for row in connection.execute(query)]


def group_objects(connection: Connection, group: GroupRow) -> list[ObjectRow]:
    """The objects of a group that is being consolidated, in manifest order."""
    query = (
        sa.select(_t.c.object_no, _t.c.position, _t.c.length, _t.c.iteration)
        .where(
            _t.c.job_id == group.job_id,
            sa.text("state IN (1, 2, 3)"),
            _t.c.state == _GROUPED,
            _t.c.group_id == group.id,
        )
        .order_by(_t.c.object_no)
    )
    return [ObjectRow(*row) for row in connection.execute(query)]
