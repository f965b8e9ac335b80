"""The steps of a training job, for the supervisor.

::

    waiting ──claim──> claimed ──start──> running ──ended──> publish ──> terminal ──> folder removed
       │                  ^                  │ lost
       └ stop, limits     └── next attempt ──┘
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.failure_reasons import INTERNAL_ERROR
from labelwright.core.training_job import TERMINAL, Delayed, Ended, Lost, Outcome, Prepared, Secondary, Status
from labelwright.engine.stepping import NOW
from labelwright.engine.supervisor import SupervisedTools
from labelwright.engine.training import KIND
from labelwright.engine.training.ending import Memo, end, retry_or_fail, sync_checkpoints, take_result
from labelwright.engine.training.following import follow
from labelwright.engine.training.launching import (
    PROGRAM,
    deadline,
    folder_names,
    host_of,
    program,
    program_name,
    wait_deadline,
)
from labelwright.engine.training.telling import transition
from labelwright.store import training_jobs
from labelwright.store.training_jobs import TrainingJobRow
from labelwright.work import State

__all__ = ["TrainingJobs"]

_log = logging.getLogger(__name__)

_POLL_S = 1.0
_WAIT_S = 2.0
_OTHER_HOST_S = 30.0
_HEARTBEAT_S = 60.0
_HOST_LOST_S = 600.0  # another server's program that nobody looked after for so long is given up
# A program ends by itself at its deadline and when it is asked to, with two minutes for what it runs and then
# the time to pack; only one that does not is ended by force.
_OVERDUE_S = 900.0


class TrainingJobs:
    """Looks after training jobs (`labelwright.engine.supervisor.Kind`).

    Parameters
    ----------
    program : str
        The module that runs one job.
    """

    name = KIND

    def __init__(self, program: str = PROGRAM) -> None:
        self._program = program
        self._memos: dict[int, Memo] = {}

    def unfinished(self, connection: Connection) -> Sequence[int]:
        """Jobs that have not ended, and those whose folders are still there."""
        return training_jobs.unfinished(connection)

    def advance(self, tools: SupervisedTools, key: int) -> float | None:
        """Do the next step for a job."""
        row = tools.database.read(partial(training_jobs.get, job_id=key))
        if row is None or row.is_settled:
            self._memos.pop(key, None)
            return None
        if row.host is None:
            return _begin(tools, row)
        if row.host != host_of(tools.settings):
            return _look_after_other(tools, row)
        if row.status in TERMINAL:
            return _settle(tools, row)
        return self._run(tools, row, self._memos.setdefault(key, {}))

    def _run(self, tools: SupervisedTools, row: TrainingJobRow, memo: Memo) -> float:
        runner, name = tools.runners["training"], program_name(row)
        folder = runner.folder(name)
        found = runner.poll(name)
        if found.state is State.ABSENT:
            return _start(tools, row, self._program)
        has_more = follow(tools, row, folder)
        if has_more:
            return NOW
        if found.state is State.RUNNING:
            return _watch(tools, row, memo)
        if found.state is State.SUCCEEDED and found.result is not None:
            take_result(tools, row, folder, dict(found.result), memo)
            return NOW
        if row.status == Status.STOPPING:
            end(tools, row, Outcome.STOPPED)
            return NOW
        _log.warning(
            "the program of a training job was lost",
            extra={
                "action": "train",
                "job": row.name,
                "attempt": row.attempt,
                "reason": found.reason,
                "log": found.log_tail,
            },
        )
        if found.state is State.STOPPED and tools.clock() >= deadline(row, orjson.loads(row.request)):
            end(tools, row, Outcome.MAX_RUNTIME_EXCEEDED)
            return NOW
        retry_or_fail(tools, row, folder, INTERNAL_ERROR, memo)
        return NOW


def _begin(tools: SupervisedTools, row: TrainingJobRow) -> float | None:
    """Give a job that waits a place, in the order in which jobs were created."""
    now = tools.clock()
    if row.status in TERMINAL:
        return _settle(tools, row)
    if row.status == Status.STOPPING:
        end(tools, row, Outcome.STOPPED)
        return NOW
    request = orjson.loads(row.request)
    wait = wait_deadline(row, request)
    if wait is not None and now >= wait:
        end(tools, row, Outcome.MAX_WAIT_TIME_EXCEEDED)
        return NOW
    pending_s = (request.get("StoppingCondition") or {}).get("MaxPendingTimeInSeconds")
    if pending_s is not None and now >= row.created_at + pending_s:
        end(tools, row, Outcome.STOPPED)
        return NOW

    def claim(connection: Connection) -> bool:
        is_ours = training_jobs.claim(
            connection,
            row.id,
            host=host_of(tools.settings),
            n_at_once=tools.runners["training"].n_at_once,
            now=now,
        )
        if is_ours:
            transition(connection, row.id, Prepared(at=now))
        return is_ours

    if tools.database.write(claim):
        return NOW
    if row.secondary != Secondary.PENDING:
        tools.database.write(lambda connection: transition(connection, row.id, Delayed(at=now)))
    return now + _WAIT_S


def _start(tools: SupervisedTools, row: TrainingJobRow, module: str) -> float:
    now = tools.clock()
    if row.status == Status.STOPPING:
        end(tools, row, Outcome.STOPPED)
        return NOW
    runner = tools.runners["training"]
    for name in folder_names(row)[1:]:  # of attempts before this one
        if not runner.remove(name):
            return now + _POLL_S

    def prepare(connection: Connection) -> None:
        transition(connection, row.id, Prepared(at=now))
        if row.progress_position or row.metrics_position:  # of a folder that somebody has removed
            training_jobs.set_columns(connection, row.id, progress_position=0, metrics_position=0)

    tools.database.write(prepare)
    if not runner.start(program_name(row), program(tools, row, module)):
        return now + _POLL_S
    follower = tools.database.read(training_jobs.first_waiting)
    if follower is not None:
        tools.wake(KIND, follower)
    return now + _POLL_S


def _watch(tools: SupervisedTools, row: TrainingJobRow, memo: Memo) -> float:
    now = tools.clock()
    runner, name = tools.runners["training"], program_name(row)
    sync_checkpoints(tools, row, runner.folder(name), memo)
    if row.status == Status.STOPPING:
        if row.interrupted_at is None:
            runner.interrupt(name)
            tools.database.write(partial(training_jobs.set_columns, job_id=row.id, interrupted_at=now))
        elif now >= row.interrupted_at + _OVERDUE_S:
            runner.stop(name)
    elif now >= deadline(row, orjson.loads(row.request)) + _OVERDUE_S:
        runner.stop(name)
    if row.seen_at is None or now >= row.seen_at + _HEARTBEAT_S:
        tools.database.write(partial(training_jobs.set_columns, job_id=row.id, seen_at=now))
    return now + _POLL_S


def _look_after_other(tools: SupervisedTools, row: TrainingJobRow) -> float:
    """A job of another server; one that has not been there for long is gone."""
    now = tools.clock()
    if row.seen_at is not None and now - row.seen_at < _HOST_LOST_S:
        return now + _OTHER_HOST_S

    request = orjson.loads(row.request)
    attempts = (request.get("RetryStrategy") or {}).get("MaximumRetryAttempts", 0)

    def take_over(connection: Connection) -> None:
        current = training_jobs.get(connection, row.id)
        if current is None or (current.host, current.seen_at) != (row.host, row.seen_at):
            return
        training_jobs.set_columns(connection, row.id, host=host_of(tools.settings), seen_at=now)
        if current.status == Status.IN_PROGRESS and current.attempt <= attempts:
            transition(connection, row.id, Lost(at=now))
            training_jobs.next_attempt(connection, row.id)
        else:
            ended = Ended(at=now, outcome=Outcome.FAILED, reason=INTERNAL_ERROR)
            transition(connection, row.id, ended)

    tools.database.write(take_over)
    return NOW


def _settle(tools: SupervisedTools, row: TrainingJobRow) -> float | None:
    """Remove what the job's programs left on this machine."""
    for name in folder_names(row):
        if not tools.runners["training"].remove(name):
            return tools.clock() + _POLL_S
    tools.database.write(partial(training_jobs.set_columns, job_id=row.id, is_settled=True))
    return None
