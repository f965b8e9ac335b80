"""The steps of a transform job, for the supervisor.

::

    waiting ──claim──> claimed ──start──> running, publishing ──ended──> published ──> terminal ──> cleared
       │                  ^                  │ lost
       └ stop             └── next attempt ──┘
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy.engine import Connection

from labelwright.core.failure_reasons import INTERNAL_ERROR, client_error
from labelwright.core.transform_job import TERMINAL, Ended, Event, Halted, Status
from labelwright.engine.stepping import NOW
from labelwright.engine.supervisor import SupervisedTools
from labelwright.engine.training.launching import host_of
from labelwright.engine.transform import KIND
from labelwright.engine.transform.programs import program, program_name, program_names, spool_folder
from labelwright.engine.transform.publishing import publish_some
from labelwright.engine.transform.telling import transition
from labelwright.errors import AccessRefused, InvalidRequest, NotFound
from labelwright.hosting.transform.spool import SpoolDamaged
from labelwright.store import transform_jobs
from labelwright.store.transform_jobs import TransformJobRow
from labelwright.work import State
from labelwright.work import Status as Found

__all__ = ["TransformJobs"]

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.5
_WAIT_S: Final = 2.0
_OTHER_HOST_S: Final = 30.0
_HEARTBEAT_S: Final = 60.0
_HOST_LOST_S: Final = 600.0
_IDLE_ATTEMPTS_MAX: Final = 3  # programs that were lost one after the other and finished nothing


class TransformJobs:
    """Looks after transform jobs (`labelwright.engine.supervisor.Kind`)."""

    name = KIND

    def unfinished(self, connection: Connection) -> Sequence[int]:
        """Jobs that have not ended, and those whose folders are still there."""
        return transform_jobs.unfinished(connection)

    def advance(self, tools: SupervisedTools, key: int) -> float | None:
        """Do the next step for a job."""
        row = tools.database.read(partial(transform_jobs.get, job_id=key))
        if row is None or row.is_settled:
            return None
        if row.host is not None and row.host != host_of(tools.settings):
            return _look_after_other(tools, row)
        if row.status in TERMINAL:
            return _settle(tools, row)
        if row.status == Status.STOPPING:
            return _halt(tools, row)
        if row.host is None:
            return _claim(tools, row)
        try:
            if publish_some(tools, row):
                return NOW
        except (NotFound, AccessRefused, InvalidRequest) as error:
            return _give_up(tools, row, client_error(f"Data upload failed: {error}"))
        except SpoolDamaged:
            # After the machine went down, what was written last may be lost. A new program sees to it.
            found = tools.runners["transform"].poll(program_name(row))
            if found.state is State.RUNNING:
                return tools.clock() + _POLL_S
            _next_attempt(tools, row, found)
            return NOW
        return _run(tools, row)


def _claim(tools: SupervisedTools, row: TransformJobRow) -> float:
    """Give a job that waits a place, in the order in which jobs were created."""
    now = tools.clock()
    runner = tools.runners["transform"]
    is_next = tools.database.read(transform_jobs.first_waiting) == row.id
    if not is_next or runner.n_running() >= runner.n_at_once:
        return now + _WAIT_S
    claim = partial(transform_jobs.claim, job_id=row.id, host=host_of(tools.settings), now=now)
    tools.database.write(claim)
    return NOW


def _run(tools: SupervisedTools, row: TransformJobRow) -> float:
    now = tools.clock()
    runner, name = tools.runners["transform"], program_name(row)
    found = runner.poll(name)
    match found.state:
        case State.ABSENT:
            spool_folder(tools, row).mkdir(mode=0o700, parents=True, exist_ok=True)
            if runner.start(name, program(tools, row)):
                follower = tools.database.read(transform_jobs.first_waiting)
                if follower is not None:
                    tools.wake(KIND, follower)
        case State.RUNNING:
            if row.seen_at is None or now >= row.seen_at + _HEARTBEAT_S:
                _set(tools, row, seen_at=now)
        case State.SUCCEEDED:
            # It ended after the look at its spool: what it wrote last is published before the job ends.
            if publish_some(tools, row):
                return NOW
            reason = (found.result or {}).get("failure_reason")
            _apply(tools, row, Ended(at=now, failure_reason=reason))
            return NOW
        case State.FAILED | State.STOPPED:
            _next_attempt(tools, row, found)
            return NOW
    return now + _POLL_S


def _next_attempt(tools: SupervisedTools, row: TransformJobRow, found: Found) -> None:
    """Go on with a new program where a lost one was, unless several in a row finished nothing."""
    _log.warning(
        "the program of a transform job was lost",
        extra={
            "action": "transform",
            "job": row.name,
            "attempt": row.attempt,
            "reason": found.reason,
            "log": found.log_tail,
        },
    )
    if row.n_idle_attempts + 1 >= _IDLE_ATTEMPTS_MAX:
        _apply(tools, row, Ended(at=tools.clock(), failure_reason=INTERNAL_ERROR))
        return
    _set(tools, row, attempt=row.attempt + 1, n_idle_attempts=row.n_idle_attempts + 1)


def _halt(tools: SupervisedTools, row: TransformJobRow) -> float:
    """End the program of a job that is to stop; what it was at is not stored."""
    if row.host is not None and not tools.runners["transform"].stop(program_name(row)):
        return tools.clock() + _POLL_S
    _apply(tools, row, Halted(at=tools.clock()))
    return NOW


def _give_up(tools: SupervisedTools, row: TransformJobRow, reason: str) -> float:
    """The outputs have nowhere to go."""
    if not tools.runners["transform"].stop(program_name(row)):
        return tools.clock() + _POLL_S
    _apply(tools, row, Ended(at=tools.clock(), failure_reason=reason))
    return NOW


def _settle(tools: SupervisedTools, row: TransformJobRow) -> float | None:
    """Remove what the job's programs left on this machine."""
    runner = tools.runners["transform"]
    for name in program_names(row, runner.names()):
        if not runner.remove(name):
            return tools.clock() + _POLL_S
    shutil.rmtree(spool_folder(tools, row), ignore_errors=True)
    _set(tools, row, is_settled=True)
    follower = tools.database.read(transform_jobs.first_waiting)
    if follower is not None:
        tools.wake(KIND, follower)
    return None


def _look_after_other(tools: SupervisedTools, row: TransformJobRow) -> float:
    """A job of another server; when that has not been there for long, it is begun again here."""
    now = tools.clock()
    if row.seen_at is not None and now - row.seen_at < _HOST_LOST_S:
        return now + _OTHER_HOST_S

    def take_over(connection: Connection) -> None:
        current = transform_jobs.get(connection, row.id)
        if current is not None and (current.host, current.seen_at) == (row.host, row.seen_at):
            transform_jobs.set_columns(
                connection, row.id, host=host_of(tools.settings), seen_at=now, attempt=row.attempt + 1
            )

    tools.database.write(take_over)
    return NOW


def _apply(tools: SupervisedTools, row: TransformJobRow, event: Event) -> None:
    """Change the status, unless somebody was quicker and stopped the job: the next step sees to that."""

    def change(connection: Connection) -> None:
        current = transform_jobs.get(connection, row.id)
        if current is not None and current.status not in TERMINAL:
            transition(connection, row.id, event)

    tools.database.write(change)


def _set(tools: SupervisedTools, row: TransformJobRow, **values: Any) -> None:
    tools.database.write(lambda connection: transform_jobs.set_columns(connection, row.id, **values))
