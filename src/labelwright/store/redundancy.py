"""Adaptive redundancy: answered objects that may want one more worker, and what asking so has cost and
saved."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.store.directory_tables import group_members, users, workteam_groups
from labelwright.store.labeling_tables import data_objects, tasks

__all__ = [
    "ReadyRow",
    "RedundancyCounts",
    "ask_one_more",
    "counts",
    "n_seen",
    "ready",
    "team_size",
]

_o, _t = data_objects, tasks
_READY: Any = sa.literal_column(str(int(ObjectState.READY)))
_OPEN: Any = sa.literal_column(str(int(ObjectState.OPEN)))


@dataclasses.dataclass(frozen=True, slots=True)
class ReadyRow:
    """An object that waits for consolidation; where its line lies, and how it got its answers."""

    object_no: int
    position: int
    length: int
    iteration: int | None
    n_answers: int
    n_declined: int


def ready(connection: Connection, job_id: int) -> list[ReadyRow]:
    """The objects of a job that wait for consolidation (about a batch at most), in manifest order."""
    query = (
        sa.select(_o.c.object_no, _o.c.position, _o.c.length, _o.c.iteration, _o.c.n_answers, _o.c.n_declined)
        .where(_o.c.job_id == job_id, sa.text("state IN (1, 2, 3)"), _o.c.state == _READY)
        .order_by(_o.c.object_no)
    )
    return [ReadyRow(*row) for row in connection.execute(query)]


def ask_one_more(connection: Connection, job_id: int, answers: Mapping[int, int]) -> list[int]:
    """Open ready objects again for one more worker; those that were still as they were reviewed.

    Parameters
    ----------
    answers : mapping of int to int
        Number of answers by object number, when it was reviewed.
    """
    opened: list[int] = []
    for n_answers in sorted(set(answers.values())):
        numbers = [number for number, n in answers.items() if n == n_answers]
        rows = connection.execute(
            sa.update(_o)
            .where(
                _o.c.job_id == job_id,
                _o.c.object_no.in_(numbers),
                _o.c.state == _READY,
                _o.c.n_answers == n_answers,
            )
            .values(state=_OPEN, n_free=1)
            .returning(_o.c.object_no)
        )
        opened += rows.scalars()
    return sorted(opened)


def n_seen(connection: Connection, job_id: int, numbers: Sequence[int]) -> dict[int, int]:
    """How many workers hold, answered or declined each object; they are not offered it again."""
    query = (
        sa.select(_t.c.object_no, sa.func.count())
        .where(
            _t.c.job_id == job_id,
            _t.c.object_no.in_(list(numbers)),
            sa.text("tasks.state IN ('reserved', 'working', 'paused', 'submitted', 'declined')"),
        )
        .group_by(_t.c.object_no)
    )
    return {int(number): int(n) for number, n in connection.execute(query)}


def team_size(connection: Connection, workteam_arn: str) -> int:
    """How many enabled workers a private team has."""
    query = (
        sa.select(sa.func.count(sa.distinct(users.c.id)))
        .select_from(workteam_groups)
        .join(
            group_members,
            (group_members.c.pool_id == workteam_groups.c.pool_id)
            & (group_members.c.group_name == workteam_groups.c.group_name),
        )
        .join(users, users.c.id == group_members.c.user_id)
        .where(workteam_groups.c.workteam_arn == workteam_arn, users.c.is_enabled)
    )
    return int(connection.execute(query).scalar_one())


@dataclasses.dataclass(frozen=True, slots=True)
class RedundancyCounts:
    """What adaptive redundancy did in a job so far.

    Objects that were closed before all workers of the first round had answered are left out: time ran out, or
    workers declined, and nothing was decided about them.

    Attributes
    ----------
    n_objects : int
        Objects with all the answers they will get.
    n_answers : int
        Their answers.
    n_asked_more : int
        Objects for which at least one more worker was asked.
    n_extra : int
        Answers beyond those asked for at first.
    n_saved : int
        Answers that asking the most workers for every one of these objects would have taken in addition.
    """

    n_objects: int = 0
    n_answers: int = 0
    n_asked_more: int = 0
    n_extra: int = 0
    n_saved: int = 0


def counts(connection: Connection, job_id: int, *, n_workers: int, n_workers_max: int) -> RedundancyCounts:
    """Count the answers of a job; one pass over its objects.

    Parameters
    ----------
    n_workers, n_workers_max : int
        How many are asked at first, and at most.
    """
    query = (
        sa.select(_o.c.n_answers, sa.func.count())
        .where(
            _o.c.job_id == job_id,
            _o.c.state.in_([int(ObjectState.GROUPED), int(ObjectState.LABELED)]),
            _o.c.n_answers >= n_workers,
        )
        .group_by(_o.c.n_answers)
    )
    return _summed(connection.execute(query), n_workers, n_workers_max)


def _summed(rows: Iterable[Sequence[int]], n_workers: int, n_workers_max: int) -> RedundancyCounts:
    total = RedundancyCounts()
    for n_answers, n_objects in rows:
        n_extra = max(0, n_answers - n_workers)
        total = RedundancyCounts(
            n_objects=total.n_objects + n_objects,
            n_answers=total.n_answers + n_answers * n_objects,
            n_asked_more=total.n_asked_more + (n_objects if n_extra else 0),
            n_extra=total.n_extra + n_extra * n_objects,
            n_saved=total.n_saved + max(0, n_workers_max - n_answers) * n_objects,
        )
    return total
