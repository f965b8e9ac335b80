"""Tasks: taking, holding, handing in. Here the rules of `labelwright.core.human_task` meet the database.

Claiming is one UPDATE whose candidate is chosen inside the statement, so two workers never get the same
slot; on SQLite writes are serial anyway, on PostgreSQL the candidate is locked and locked ones are skipped.
The INSERT of the task follows in the same savepoint; a unique index refuses the same object twice for a
worker.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import LIVE, ObjectState, TaskState
from labelwright.core.labeling_job import Status
from labelwright.store.directory_tables import group_members, users, workteam_groups
from labelwright.store.labeling_tables import data_objects, labeling_jobs, tasks

__all__ = [
    "Claimed",
    "EndedObject",
    "TaskRow",
    "available",
    "claim",
    "decline",
    "expire",
    "get",
    "has_job",
    "jobs_of_worker",
    "live_of_worker",
    "next_expiry",
    "open_job",
    "pause",
    "release",
    "start",
    "submit",
    "withdraw",
]

_t, _o, _j = tasks, data_objects, labeling_jobs

# Predicates as text: only so does SQLite see that its partial indexes may be used.
_IS_LIVE = sa.text("tasks.is_live")
_SEEN = sa.text("tasks.state IN ('reserved', 'working', 'paused', 'submitted', 'declined')")
_OPEN: Any = sa.literal_column(str(int(ObjectState.OPEN)))
_READY: Any = sa.literal_column(str(int(ObjectState.READY)))
_LIVE_STATES = sorted(state.value for state in LIVE)


@dataclasses.dataclass(frozen=True, slots=True)
class TaskRow:
    """One task, without its answer."""

    id: str
    job_id: int
    object_no: int
    worker_id: str
    state: str
    taken_at: float
    accepted_at: float | None
    expires_at: float
    answer_sha256: str | None

    @property
    def is_live(self) -> bool:
        """Whether it holds a slot of its object."""
        return self.state in _LIVE_STATES


_TASK = sa.select(
    _t.c.id,
    _t.c.job_id,
    _t.c.object_no,
    _t.c.worker_id,
    _t.c.state,
    _t.c.taken_at,
    _t.c.accepted_at,
    _t.c.expires_at,
    _t.c.answer_sha256,
)
_TASK_BY_ID = _TASK.where(_t.c.id == sa.bindparam("task_id"))
_TASKS_OF_WORKER = _TASK.where(
    _t.c.worker_id == sa.bindparam("worker_id"), _t.c.job_id == sa.bindparam("job_id"), _IS_LIVE
)


def get(connection: Connection, task_id: str) -> TaskRow | None:
    """A task by its id."""
    row = connection.execute(_TASK_BY_ID, {"task_id": task_id}).first()
    return None if row is None else TaskRow(*row)


def live_of_worker(connection: Connection, worker_id: str, job_id: int) -> list[TaskRow]:
    """The tasks of a job that a worker holds."""
    rows = connection.execute(_TASKS_OF_WORKER, {"worker_id": worker_id, "job_id": job_id})
    return [TaskRow(*row) for row in rows]


# -- whose job is it -------------------------------------------------------------------------------

_TEAMS = (
    sa.select(workteam_groups.c.workteam_arn)
    .join(
        group_members,
        (group_members.c.pool_id == workteam_groups.c.pool_id)
        & (group_members.c.group_name == workteam_groups.c.group_name),
    )
    .join(users, users.c.id == group_members.c.user_id)
    .where(group_members.c.user_id == sa.bindparam("worker_id"), users.c.is_enabled)
)
_OPEN_JOB = (
    sa.select(_j.c.id)
    .where(
        _j.c.name_lower == sa.bindparam("name_lower"),
        _j.c.status == Status.IN_PROGRESS.value,
        _j.c.workteam_arn.in_(_TEAMS),
    )
    .order_by(_j.c.id)
    .limit(1)
)
_ANY_JOB = (
    sa.select(_j.c.id)
    .where(_j.c.name_lower == sa.bindparam("name_lower"), _j.c.workteam_arn.in_(_TEAMS))
    .limit(1)
)
_JOBS_OF_WORKER = (
    sa.select(_j.c.id)
    .where(_j.c.status == Status.IN_PROGRESS.value, _j.c.workteam_arn.in_(_TEAMS))
    .order_by(_j.c.created_at, _j.c.id)
)


def open_job(connection: Connection, worker_id: str, job_name: str) -> int | None:
    """Row id of the job with this name if it is in progress and given to a team of the worker."""
    found: int | None = connection.execute(
        _OPEN_JOB, {"worker_id": worker_id, "name_lower": job_name.lower()}
    ).scalar()
    return found


def has_job(connection: Connection, worker_id: str, job_name: str) -> bool:
    """Whether a job of this name, in whatever status, is given to a team of the worker."""
    row = connection.execute(_ANY_JOB, {"worker_id": worker_id, "name_lower": job_name.lower()})
    return row.first() is not None


def jobs_of_worker(connection: Connection, worker_id: str) -> list[int]:
    """Row ids of the jobs in progress that are given to a team of the worker, oldest first."""
    return list(connection.execute(_JOBS_OF_WORKER, {"worker_id": worker_id}).scalars())


_SEEN_BY_WORKER: Any = (
    sa.select(sa.literal_column("1"))
    .where(
        _t.c.job_id == _o.c.job_id,
        _t.c.object_no == _o.c.object_no,
        _t.c.worker_id == sa.bindparam("worker_id"),
        _SEEN,
    )
    .correlate(_o)
)
_AVAILABLE = (
    sa.select(sa.func.count())
    .select_from(_o)
    .where(_o.c.job_id == sa.bindparam("job_id"), sa.text("n_free > 0"), ~_SEEN_BY_WORKER.exists())
)


def available(connection: Connection, worker_id: str, job_id: int) -> int:
    """How many objects the worker could take now."""
    count: int = connection.execute(_AVAILABLE, {"worker_id": worker_id, "job_id": job_id}).scalar_one()
    return count


# -- taking ----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """An object just taken: its number and where its line lies."""

    object_no: int
    position: int
    length: int


_c = data_objects.alias("candidate")
_CANDIDATE = (
    sa.select(_c.c.object_no)
    .where(
        _c.c.job_id == sa.bindparam("b_job"),
        sa.text("candidate.n_free > 0"),
        ~sa.select(sa.literal_column("1"))
        .where(
            _t.c.job_id == _c.c.job_id,
            _t.c.object_no == _c.c.object_no,
            _t.c.worker_id == sa.bindparam("b_worker"),
            _SEEN,
        )
        .correlate(_c)
        .exists(),
    )
    .order_by(_c.c.n_free, _c.c.object_no)
    .limit(sa.literal_column("1"))
    .with_for_update(skip_locked=True, of=_c)
)
_CLAIM = (
    sa.update(_o)
    .where(
        _o.c.job_id == sa.bindparam("b_job"),
        _o.c.object_no == _CANDIDATE.scalar_subquery(),
        _o.c.n_free > sa.literal_column("0"),
    )
    .values(n_free=_o.c.n_free - sa.literal_column("1"))
    .returning(_o.c.object_no, _o.c.position, _o.c.length)
)
_INSERT = sa.insert(_t)


def claim(
    connection: Connection,
    *,
    job_id: int,
    worker_id: str,
    task_id: str,
    state: TaskState,
    now: float,
    expires_at: float,
) -> Claimed | None:
    """Take the next object of a job for a worker: closest to completion first, then in manifest order.

    Parameters
    ----------
    state : TaskState
        RESERVED, or WORKING to start the clock at once.

    Returns
    -------
    Claimed or None
        None when there is nothing this worker could take now.
    """
    row = connection.execute(_CLAIM, {"b_job": job_id, "b_worker": worker_id}).first()
    if row is None:
        return None
    connection.execute(
        _INSERT,
        {
            "id": task_id,
            "job_id": job_id,
            "object_no": row.object_no,
            "worker_id": worker_id,
            "state": state.value,
            "is_live": True,
            "taken_at": now,
            "accepted_at": now if state is TaskState.WORKING else None,
            "expires_at": expires_at,
        },
    )
    return Claimed(row.object_no, row.position, row.length)


_START = (
    sa.update(_t)
    .where(
        _t.c.id == sa.bindparam("b_task"),
        _t.c.worker_id == sa.bindparam("b_worker"),
        _IS_LIVE,
        _t.c.expires_at > sa.bindparam("b_now"),
    )
    .values(
        state=TaskState.WORKING.value,
        accepted_at=sa.func.coalesce(_t.c.accepted_at, sa.bindparam("b_now")),
        # The clock starts with the first start; resuming does not turn it back.
        expires_at=sa.case((_t.c.accepted_at.is_(None), sa.bindparam("b_expires")), else_=_t.c.expires_at),
    )
)


def start(connection: Connection, *, task_id: str, worker_id: str, now: float, expires_at: float) -> bool:
    """Reserved or paused -> working. False when the worker does not hold the task (any more)."""
    result = connection.execute(
        _START, {"b_task": task_id, "b_worker": worker_id, "b_now": now, "b_expires": expires_at}
    )
    return result.rowcount == 1


_PAUSE = (
    sa.update(_t)
    .where(
        _t.c.id == sa.bindparam("b_task"),
        _t.c.worker_id == sa.bindparam("b_worker"),
        _t.c.state.in_([TaskState.WORKING.value, TaskState.PAUSED.value]),
        _t.c.expires_at > sa.bindparam("b_now"),
    )
    .values(state=TaskState.PAUSED.value)
)


def pause(connection: Connection, *, task_id: str, worker_id: str, now: float) -> bool:
    """Working -> paused; the lease goes on. False when the worker does not work on the task (any more)."""
    result = connection.execute(_PAUSE, {"b_task": task_id, "b_worker": worker_id, "b_now": now})
    return result.rowcount == 1


# -- handing in and giving back --------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class EndedObject:
    """The object of a task that just ended, as it is now."""

    job_id: int
    object_no: int
    is_closed: bool
    is_unanswered: bool

    @property
    def is_given_up(self) -> bool:
        """Closed without an answer: the caller must record the failure."""
        return self.is_closed and self.is_unanswered


_WORKED_S = sa.bindparam("b_now", type_=sa.Double) - sa.func.coalesce(_t.c.accepted_at, _t.c.taken_at)
_SPENT_S = sa.bindparam("b_spent", type_=sa.Double)
_NOT_MEASURED_S = 1e300  # cut to the time the task was held
_SUBMIT = (
    sa.update(_t)
    .where(
        _t.c.id == sa.bindparam("b_task"),
        _t.c.worker_id == sa.bindparam("b_worker"),
        _IS_LIVE,
        _t.c.expires_at > sa.bindparam("b_now"),
    )
    .values(
        state=TaskState.SUBMITTED.value,
        is_live=sa.false(),
        accepted_at=sa.func.coalesce(_t.c.accepted_at, _t.c.taken_at),
        ended_at=sa.bindparam("b_now"),
        # Nobody can have worked longer than the task was held.
        time_spent_s=sa.case((_SPENT_S > _WORKED_S, _WORKED_S), else_=_SPENT_S),
        answer=sa.bindparam("b_answer"),
        answer_sha256=sa.bindparam("b_sha256"),
    )
    .returning(_t.c.job_id, _t.c.object_no)
)
_COUNT_ANSWER = (
    sa.update(_o)
    .where(
        _o.c.job_id == sa.bindparam("b_job"),
        _o.c.object_no == sa.bindparam("b_object"),
        _o.c.state == _OPEN,
    )
    .values(
        n_answers=_o.c.n_answers + sa.literal_column("1"),
        state=sa.case(
            (_o.c.n_answers + sa.literal_column("1") >= sa.bindparam("b_workers"), _READY), else_=_o.c.state
        ),
    )
    .returning(_o.c.state, _o.c.n_answers, _o.c.n_declined)
)


def submit(
    connection: Connection,
    *,
    task_id: str,
    worker_id: str,
    answer: bytes,
    answer_sha256: str,
    n_workers: int,
    now: float,
    time_spent_s: float | None,
) -> EndedObject | None:
    """Keep an answer and count it.

    Returns
    -------
    EndedObject or None
        None when the worker does not hold the task (any more), or its lease ran out: nothing is kept.
    """
    ended = connection.execute(
        _SUBMIT,
        {
            "b_task": task_id,
            "b_worker": worker_id,
            "b_now": now,
            "b_spent": _NOT_MEASURED_S if time_spent_s is None else time_spent_s,
            "b_answer": answer,
            "b_sha256": answer_sha256,
        },
    ).first()
    if ended is None:
        return None
    job_id, object_no = ended
    counted = connection.execute(
        _COUNT_ANSWER, {"b_job": job_id, "b_object": object_no, "b_workers": n_workers}
    ).first()
    if counted is None:
        # Closing an object withdraws its live tasks in the same transaction, so this cannot be.
        raise RuntimeError(f"object {object_no} of job {job_id} is closed but had a live task")
    state, n_answers, n_declined = counted
    if state == ObjectState.OPEN and n_declined >= n_workers:
        return _close_if_done(connection, job_id, object_no)
    return EndedObject(job_id, object_no, is_closed=state == ObjectState.READY, is_unanswered=n_answers == 0)


def _end(state: TaskState) -> sa.Update:
    return (
        sa.update(_t)
        .where(_t.c.id == sa.bindparam("b_task"), _t.c.worker_id == sa.bindparam("b_worker"), _IS_LIVE)
        .values(state=state.value, is_live=sa.false(), ended_at=sa.bindparam("b_now"))
        .returning(_t.c.job_id, _t.c.object_no)
    )


_RELEASE = _end(TaskState.RETURNED)
_DECLINE = _end(TaskState.DECLINED)
# An object that n workers declined takes no new workers: n_wanted is not stored with it, the caller knows it.
_GIVE_BACK = (
    sa.update(_o)
    .where(
        _o.c.job_id == sa.bindparam("b_job"),
        _o.c.object_no == sa.bindparam("b_object"),
        _o.c.state == _OPEN,
    )
    .values(
        n_declined=_o.c.n_declined + sa.bindparam("b_declined"),
        n_free=sa.case(
            (_o.c.n_declined + sa.bindparam("b_declined") >= sa.bindparam("b_workers"), 0),
            else_=_o.c.n_free + sa.literal_column("1"),
        ),
    )
    .returning(_o.c.n_declined)
)


def release(
    connection: Connection, *, task_id: str, worker_id: str, n_workers: int, now: float
) -> EndedObject | None:
    """Give a task back to the pool. None when the worker does not hold it (any more)."""
    return _give_back(connection, _RELEASE, task_id, worker_id, n_workers=n_workers, n_declined=0, now=now)


def decline(
    connection: Connection, *, task_id: str, worker_id: str, n_workers: int, now: float
) -> EndedObject | None:
    """Give a task up for good. None when the worker does not hold it (any more).

    Once as many workers declined as the object asks for, it is closed as soon as nobody works on it.
    """
    return _give_back(connection, _DECLINE, task_id, worker_id, n_workers=n_workers, n_declined=1, now=now)


def _give_back(
    connection: Connection,
    statement: sa.Executable,
    task_id: str,
    worker_id: str,
    *,
    n_workers: int,
    n_declined: int,
    now: float,
) -> EndedObject | None:
    ended = connection.execute(statement, {"b_task": task_id, "b_worker": worker_id, "b_now": now}).first()
    if ended is None:
        return None
    return _slot_back(connection, ended[0], ended[1], n_workers=n_workers, n_declined=n_declined)


def _slot_back(
    connection: Connection, job_id: int, object_no: int, *, n_workers: int, n_declined: int
) -> EndedObject:
    row = connection.execute(
        _GIVE_BACK,
        {"b_job": job_id, "b_object": object_no, "b_declined": n_declined, "b_workers": n_workers},
    ).first()
    if row is not None and row.n_declined >= n_workers:
        return _close_if_done(connection, job_id, object_no)
    return EndedObject(job_id, object_no, is_closed=False, is_unanswered=False)


def _close_if_done(connection: Connection, job_id: int, object_no: int) -> EndedObject:
    """Close an object that takes no more workers, unless somebody still works on it."""
    n_live = connection.execute(
        sa.select(sa.func.count())
        .select_from(_t)
        .where(_t.c.job_id == job_id, _t.c.object_no == object_no, _SEEN, _t.c.state.in_(_LIVE_STATES))
    ).scalar_one()
    if n_live:
        return EndedObject(job_id, object_no, is_closed=False, is_unanswered=False)
    state = sa.case((_o.c.n_answers > 0, int(ObjectState.READY)), else_=int(ObjectState.FAILED))
    row = connection.execute(
        sa.update(_o)
        .where(_o.c.job_id == job_id, _o.c.object_no == object_no, _o.c.state == _OPEN)
        .values(state=state, n_free=0)
        .returning(_o.c.n_answers)
    ).first()
    return EndedObject(
        job_id, object_no, is_closed=row is not None, is_unanswered=row is not None and row.n_answers == 0
    )


_DUE = (
    sa.select(_t.c.id, _t.c.job_id, _t.c.object_no, _j.c.n_workers)
    .join(_j, _j.c.id == _t.c.job_id)
    .where(_IS_LIVE, _t.c.expires_at <= sa.bindparam("b_now"))
)


def expire(connection: Connection, *, now: float, limit: int = 1000) -> list[EndedObject]:
    """Return the tasks whose lease ran out to the pool; the objects they showed."""
    ended: list[EndedObject] = []
    for task_id, job_id, object_no, n_workers in connection.execute(_DUE.limit(limit), {"b_now": now}).all():
        returned = connection.execute(
            sa.update(_t)
            .where(_t.c.id == task_id, _IS_LIVE, _t.c.expires_at <= now)
            .values(state=TaskState.RETURNED.value, is_live=sa.false(), ended_at=now)
        )
        if returned.rowcount:
            ended.append(_slot_back(connection, job_id, object_no, n_workers=n_workers, n_declined=0))
    return ended


def next_expiry(connection: Connection) -> float | None:
    """When the next lease runs out."""
    found: float | None = connection.execute(sa.select(sa.func.min(_t.c.expires_at)).where(_IS_LIVE)).scalar()
    return found


def withdraw(connection: Connection, job_id: int, *, now: float, numbers: Sequence[int] | None = None) -> int:
    """Take back the live tasks of a job, or of some of its objects; how many there were."""
    statement = (
        sa.update(_t)
        .where(_t.c.job_id == job_id, _IS_LIVE)
        .values(state=TaskState.WITHDRAWN.value, is_live=sa.false(), ended_at=now)
    )
    if numbers is not None:
        statement = statement.where(_t.c.object_no.in_(list(numbers)))
    return connection.execute(statement).rowcount
