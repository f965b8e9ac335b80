"""Tables about what has happened: the outbox, how far each reader of it is, and running totals.

Every change that somebody may want to hear of leaves a row in ``outbox``, in the transaction that makes the
change. Triggers write those rows, for two reasons: no code path can forget one, a bulk withdrawal included;
and a trigger costs the desk a few microseconds, where a statement of its own would cost fifty.

::

    job_events (insert) ──────────┐
    tasks (accepted, ended) ──────┴──> outbox ──> sinks, each with a cursor of its own
                                          └─────> work_totals, job_progress (cursor ``totals``)

Rows about tasks are deleted once every reader is past them; rows about jobs are few, and stay. Training jobs,
tuning jobs and the like have one place each where they change; it adds to ``resource_events`` and ``outbox``
itself (`labelwright.store.resource_events`), and those rows are deleted as those about tasks are.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.store.schema import Time, metadata

__all__ = ["OutboxKind", "event_cursors", "job_progress", "outbox", "resource_events", "work_totals"]


class OutboxKind(IntEnum):
    """What a row of the outbox is about."""

    JOB = 0  # a row of job_events
    ACCEPTED = 1
    SUBMITTED = 2
    DECLINED = 3
    RETURNED = 4  # released, lease ran out, or withdrawn
    RESOURCE = 5  # a row of resource_events


# SQLite numbers rows by itself only when the type is INTEGER.
_Big = sa.BigInteger().with_variant(sa.Integer, "sqlite")

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", _Big, primary_key=True),
    sa.Column("job_id", sa.Integer, nullable=False),
    sa.Column("kind", sa.SmallInteger, nullable=False),  # OutboxKind
    sa.Column("at", Time, nullable=False),
    sa.Column("job_event_id", sa.Integer),  # job_events.id, or resource_events.id of a RESOURCE
    sa.Column("task_id", sa.Text),  # tasks.id
    sa.Column("worker_id", sa.Text),
    sa.Column("seconds", sa.Double),  # time spent, of submitted tasks
)

resource_events = sa.Table(
    # Changes of what is no labeling job; a row goes when its row of the outbox does.
    "resource_events",
    metadata,
    sa.Column("id", _Big, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # training-job ...
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("arn", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),  # JSON of the event's detail
)

event_cursors = sa.Table(
    # How far a reader of the outbox is: all rows up to `position` are dealt with.
    "event_cursors",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("seen_at", Time, nullable=False),  # when its reader was last there
)

work_totals = sa.Table(
    # What each worker has done in each job, up to the cursor `totals`.
    "work_totals",
    metadata,
    sa.Column("job_id", sa.Integer, primary_key=True),
    sa.Column("worker_id", sa.Text, primary_key=True),
    sa.Column("n_accepted", sa.BigInteger, nullable=False),
    sa.Column("n_submitted", sa.BigInteger, nullable=False),
    sa.Column("n_declined", sa.BigInteger, nullable=False),
    sa.Column("n_returned", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),  # of submitted tasks
    sa.Column("seconds_squared", sa.Double, nullable=False),  # sum of squares, for the spread
    sa.Column("last_at", Time, nullable=False),  # last submitted, declined or returned task
    sqlite_with_rowid=False,
)

job_progress = sa.Table(
    # A job's counters as they were when a minute ended; at most one row a minute in which something happened.
    "job_progress",
    metadata,
    sa.Column("job_id", sa.Integer, primary_key=True),
    sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),  # epoch seconds // 60
    sa.Column("n_human", sa.BigInteger, nullable=False),
    sa.Column("n_machine", sa.BigInteger, nullable=False),
    sa.Column("n_failed", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_ENDED_KIND = "CASE NEW.state WHEN 'submitted' THEN 2 WHEN 'declined' THEN 3 ELSE 4 END"
_INTO = "INSERT INTO outbox (job_id, kind, at, task_id, worker_id, seconds)"
_ACCEPTED = f"{_INTO} VALUES (NEW.job_id, 1, NEW.accepted_at, NEW.id, NEW.worker_id, NULL);"
_ENDED = f"{_INTO} VALUES (NEW.job_id, {_ENDED_KIND}, NEW.ended_at, NEW.id, NEW.worker_id, NEW.time_spent_s);"
_JOB = "INSERT INTO outbox (job_id, kind, at, job_event_id) VALUES (NEW.job_id, 0, NEW.at, NEW.id);"
# A task that was only reserved and goes back was never anybody's work.
_IS_ENDED = "OLD.is_live AND NOT NEW.is_live AND (NEW.accepted_at IS NOT NULL OR NEW.state = 'declined')"
_IS_ACCEPTED = "OLD.accepted_at IS NULL AND NEW.accepted_at IS NOT NULL"

_SQLITE = (
    f"CREATE TRIGGER outbox_of_job_events AFTER INSERT ON job_events BEGIN {_JOB} END",
    f"CREATE TRIGGER outbox_of_new_tasks AFTER INSERT ON tasks WHEN NEW.accepted_at IS NOT NULL "
    f"BEGIN {_ACCEPTED} END",
    # One trigger, so that a task handed in from the reserve is accepted before it is submitted.
    f"CREATE TRIGGER outbox_of_tasks AFTER UPDATE OF state, is_live, accepted_at ON tasks "
    f"WHEN ({_IS_ACCEPTED}) OR ({_IS_ENDED}) BEGIN "
    + _ACCEPTED.replace("VALUES (", "SELECT ").replace(");", f" WHERE {_IS_ACCEPTED};")
    + " "
    + _ENDED.replace("VALUES (", "SELECT ").replace(");", f" WHERE {_IS_ENDED};")
    + " END",
)
_POSTGRES = (
    f"CREATE OR REPLACE FUNCTION outbox_of_job_events() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN {_JOB} RETURN NULL; END $$",
    "CREATE TRIGGER outbox_of_job_events AFTER INSERT ON job_events FOR EACH ROW "
    "EXECUTE FUNCTION outbox_of_job_events()",
    f"CREATE OR REPLACE FUNCTION outbox_of_new_tasks() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN {_ACCEPTED} RETURN NULL; END $$",
    "CREATE TRIGGER outbox_of_new_tasks AFTER INSERT ON tasks FOR EACH ROW "
    "WHEN (NEW.accepted_at IS NOT NULL) EXECUTE FUNCTION outbox_of_new_tasks()",
    f"CREATE OR REPLACE FUNCTION outbox_of_tasks() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN IF {_IS_ACCEPTED} THEN {_ACCEPTED} END IF; "
    f"IF {_IS_ENDED} THEN {_ENDED} END IF; RETURN NULL; END $$",
    "CREATE TRIGGER outbox_of_tasks AFTER UPDATE OF state, is_live, accepted_at ON tasks FOR EACH ROW "
    f"WHEN (({_IS_ACCEPTED}) OR ({_IS_ENDED})) EXECUTE FUNCTION outbox_of_tasks()",
)


@sa.event.listens_for(metadata, "after_create")
def _create_triggers(_: sa.MetaData, connection: Connection, **options: Any) -> None:
    """Made after all tables, because they join three of them, and only together with the outbox."""
    if outbox not in (options.get("tables") or ()):
        return
    statements = _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        connection.exec_driver_sql(statement)
