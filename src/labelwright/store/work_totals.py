"""Running totals of human work, by job and worker, and a job's progress by the minute.

They follow the outbox: `add_up` adds the rows after the cursor ``totals`` and moves the cursor, in one
transaction. What is not added up yet is added by `of_job` when it is asked, in the same statement, so its
answer is exact at any moment, whether anybody adds up or not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.core.labeling_job import Status
from labelwright.store import outbox as feed
from labelwright.store.event_tables import OutboxKind, event_cursors, job_progress, outbox, work_totals
from labelwright.store.labeling_tables import data_objects, labeling_jobs, tasks

__all__ = [
    "CURSOR",
    "Point",
    "TeamWork",
    "Work",
    "active_workers",
    "add_up",
    "keep_progress",
    "n_out",
    "n_waiting",
    "of_job",
    "of_jobs",
    "of_teams",
    "progress",
]

CURSOR = "totals"
"""Name of the cursor of the totals."""


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """Human work on a job.

    Attributes
    ----------
    n_accepted, n_submitted, n_declined, n_returned : int
        Tasks.
    seconds, seconds_squared : float
        Sum of the time spent on submitted tasks and of its square.
    n_workers : int
        Workers who have taken a task.
    """

    n_accepted: int = 0
    n_submitted: int = 0
    n_declined: int = 0
    n_returned: int = 0
    seconds: float = 0.0
    seconds_squared: float = 0.0
    n_workers: int = 0


_ADD_UP = sa.text(
    "INSERT INTO work_totals (job_id, worker_id, n_accepted, n_submitted, n_declined, n_returned, seconds, "
    "seconds_squared, last_at) "
    "SELECT job_id, worker_id, SUM(CASE WHEN kind = 1 THEN 1 ELSE 0 END), "
    "SUM(CASE WHEN kind = 2 THEN 1 ELSE 0 END), SUM(CASE WHEN kind = 3 THEN 1 ELSE 0 END), "
    "SUM(CASE WHEN kind = 4 THEN 1 ELSE 0 END), COALESCE(SUM(seconds), 0), "
    "COALESCE(SUM(seconds * seconds), 0), MAX(CASE WHEN kind > 1 THEN at ELSE 0 END) "
    "FROM outbox WHERE id > :after AND id <= :end AND kind BETWEEN 1 AND 4 GROUP BY job_id, worker_id "
    "ON CONFLICT (job_id, worker_id) DO UPDATE SET "
    "n_accepted = work_totals.n_accepted + excluded.n_accepted, "
    "n_submitted = work_totals.n_submitted + excluded.n_submitted, "
    "n_declined = work_totals.n_declined + excluded.n_declined, "
    "n_returned = work_totals.n_returned + excluded.n_returned, "
    "seconds = work_totals.seconds + excluded.seconds, "
    "seconds_squared = work_totals.seconds_squared + excluded.seconds_squared, "
    "last_at = CASE WHEN excluded.last_at > work_totals.last_at THEN excluded.last_at "
    "ELSE work_totals.last_at END"
)


def add_up(connection: Connection, *, end: int, limit: int, now: float) -> int:
    """Add the outbox's rows up to ``end``, which must be within its `horizon`; how many there were.

    Parameters
    ----------
    limit : int
        Greatest number of positions in this transaction.
    """
    # Locked on PostgreSQL, so that two servers do not add the same rows.
    query = sa.select(event_cursors.c.position).where(event_cursors.c.name == CURSOR).with_for_update()
    after = connection.execute(query).scalar()
    if after is None:
        feed.keep_cursor(connection, CURSOR, position=0, now=now)
        after = int(connection.execute(query).scalar_one())
    end = min(end, after + limit)
    if end <= after:
        return 0
    connection.execute(_ADD_UP, {"after": after, "end": end})
    job_ids = connection.execute(
        sa.select(outbox.c.job_id).where(outbox.c.id > after, outbox.c.id <= end).distinct()
    ).scalars()
    _keep_progress(connection, labeling_jobs.c.id.in_(list(job_ids)), now=now)
    feed.keep_cursor(connection, CURSOR, position=end, now=now)
    return int(end - after)


def keep_progress(connection: Connection, *, now: float) -> None:
    """Note the counters of all jobs in progress: models label without a worker doing anything."""
    _keep_progress(connection, labeling_jobs.c.status == Status.IN_PROGRESS.value, now=now)


_PROGRESS = sa.text(
    "INSERT INTO job_progress (job_id, minute, n_human, n_machine, n_failed) "
    "VALUES (:id, :minute, :n_human, :n_machine, :n_failed) ON CONFLICT (job_id, minute) DO UPDATE SET "
    "n_human = excluded.n_human, n_machine = excluded.n_machine, n_failed = excluded.n_failed"
)


def _keep_progress(connection: Connection, which: sa.ColumnElement[bool], *, now: float) -> None:
    t = labeling_jobs.c
    rows = connection.execute(sa.select(t.id, t.n_human, t.n_machine, t.n_failed).where(which)).mappings()
    values = [{**row, "minute": int(now // 60)} for row in rows]
    if values:
        connection.execute(_PROGRESS, values)


_OF_JOB = sa.text(
    "SELECT SUM(a), SUM(s), SUM(d), SUM(r), SUM(sec), SUM(sq), COUNT(DISTINCT worker_id) FROM ("
    "SELECT n_accepted AS a, n_submitted AS s, n_declined AS d, n_returned AS r, seconds AS sec, "
    "seconds_squared AS sq, worker_id FROM work_totals WHERE job_id = :job_id "
    "UNION ALL SELECT CASE WHEN kind = 1 THEN 1 ELSE 0 END, CASE WHEN kind = 2 THEN 1 ELSE 0 END, "
    "CASE WHEN kind = 3 THEN 1 ELSE 0 END, CASE WHEN kind = 4 THEN 1 ELSE 0 END, COALESCE(seconds, 0), "
    "COALESCE(seconds * seconds, 0), worker_id FROM outbox WHERE kind BETWEEN 1 AND 4 AND job_id = :job_id "
    "AND id > COALESCE((SELECT position FROM event_cursors WHERE name = 'totals'), 0)) AS all_work"
)


def of_job(connection: Connection, job_id: int) -> Work:
    """All human work on a job so far, exactly."""
    row = connection.execute(_OF_JOB, {"job_id": job_id}).one()
    return Work(
        n_accepted=int(row[0] or 0),
        n_submitted=int(row[1] or 0),
        n_declined=int(row[2] or 0),
        n_returned=int(row[3] or 0),
        seconds=float(row[4] or 0.0),
        seconds_squared=float(row[5] or 0.0),
        n_workers=int(row[6] or 0),
    )


def of_jobs(connection: Connection, job_ids: Collection[int]) -> dict[int, Work]:
    """The work on some jobs; what was done in the last second or two may be missing."""
    t = work_totals.c
    query = (
        sa.select(
            t.job_id,
            *(
                sa.func.sum(column)
                for column in (
                    t.n_accepted,
                    t.n_submitted,
                    t.n_declined,
                    t.n_returned,
                    t.seconds,
                    t.seconds_squared,
                )
            ),
            sa.func.count(),
        )
        .where(t.job_id.in_(list(job_ids)))
        .group_by(t.job_id)
    )
    return {
        row[0]: Work(int(row[1]), int(row[2]), int(row[3]), int(row[4]), float(row[5]), float(row[6]), row[7])
        for row in connection.execute(query)
    }


def n_out(connection: Connection, job_id: int) -> int:
    """Tasks of a job that may still be handed in: free slots of open objects, and live tasks."""
    free: int = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(data_objects.c.n_free), 0)).where(
            data_objects.c.job_id == job_id,
            sa.text("state IN (1, 2, 3)"),
            data_objects.c.state == sa.literal_column(str(int(ObjectState.OPEN))),
        )
    ).scalar_one()
    live: int = connection.execute(
        sa.select(sa.func.count())
        .select_from(tasks)
        .where(tasks.c.job_id == job_id, sa.text("tasks.is_live"))
    ).scalar_one()
    return int(free) + int(live)


def n_waiting(connection: Connection, job_id: int) -> int:
    """Answers to objects of a job that are not consolidated yet."""
    answers: int = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(data_objects.c.n_answers), 0)).where(
            data_objects.c.job_id == job_id, sa.text("state IN (1, 2, 3)")
        )
    ).scalar_one()
    return int(answers)


@dataclasses.dataclass(frozen=True, slots=True)
class TeamWork:
    """Human work by work team; what was done in the last second or two may be missing."""

    workteam_arn: str
    n_accepted: int
    n_submitted: int
    n_declined: int
    n_returned: int
    seconds: float


def of_teams(connection: Connection, *, limit: int) -> list[TeamWork]:
    """The work of the teams with the most submitted tasks."""
    t = work_totals.c
    n_submitted = sa.func.sum(t.n_submitted)
    query = (
        sa.select(
            labeling_jobs.c.workteam_arn,
            sa.func.sum(t.n_accepted),
            n_submitted,
            sa.func.sum(t.n_declined),
            sa.func.sum(t.n_returned),
            sa.func.sum(t.seconds),
        )
        .join(labeling_jobs, labeling_jobs.c.id == t.job_id)
        .group_by(labeling_jobs.c.workteam_arn)
        .order_by(n_submitted.desc(), labeling_jobs.c.workteam_arn)
        .limit(limit)
    )
    return [
        TeamWork(row[0], int(row[1]), int(row[2]), int(row[3]), int(row[4]), float(row[5]))
        for row in connection.execute(query)
    ]


def active_workers(connection: Connection, *, since: float) -> int:
    """How many workers submitted, returned or declined a task since then."""
    t = work_totals.c
    query = sa.select(sa.func.count(t.worker_id.distinct())).where(t.last_at >= since)
    count: int = connection.execute(query).scalar_one()
    return count


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """A job's counters at a time (epoch seconds)."""

    at: float
    n_human: int
    n_machine: int
    n_failed: int


def progress(connection: Connection, job_id: int, *, n_points: int) -> list[Point]:
    """How the counters of a job grew, evenly thinned to about ``n_points``, oldest first."""
    t = job_progress.c
    first, last = connection.execute(
        sa.select(sa.func.min(t.minute), sa.func.max(t.minute)).where(t.job_id == job_id)
    ).one()
    if first is None:
        return []
    width = max(1, -(-(last - first + 1) // max(1, n_points)))
    # Of every stretch of `width` minutes the last row: counters only grow.
    kept = (
        sa.select(sa.func.max(t.minute))
        .where(t.job_id == job_id)
        .group_by((t.minute - first) // sa.literal_column(str(width)))
    )
    query = (
        sa.select(t.minute, t.n_human, t.n_machine, t.n_failed)
        .where(t.job_id == job_id, t.minute.in_(kept))
        .order_by(t.minute)
    )
    return [Point(float(60 * row[0] + 60), row[1], row[2], row[3]) for row in connection.execute(query)]


# The statements above name the kinds by number.
if [int(kind) for kind in OutboxKind] != [0, 1, 2, 3, 4, 5]:
    raise AssertionError("the numbers of OutboxKind are part of the statements")
