"""From a program that has ended to a job that has ended: publish what there is, decide how it ended."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.failure_reasons import INTERNAL_ERROR, client_error, is_platform_fault
from labelwright.core.training_job import Ended, Lost, Outcome, Phase, PhaseBegan, Status
from labelwright.engine.supervisor import SupervisedTools
from labelwright.engine.training.launching import deadline, wait_deadline
from labelwright.engine.training.telling import transition
from labelwright.engine.tuning import KIND as TUNING
from labelwright.errors import LabelwrightError
from labelwright.store import training_jobs
from labelwright.store.training_jobs import TrainingJobRow

__all__ = ["Memo", "end", "retry_or_fail", "sync_checkpoints", "take_result"]

_log = logging.getLogger(__name__)

_SYNC_EVERY_S = 5.0
_PUBLISH_ATTEMPTS = 5

Memo = dict[str, Any]
"""What a server process remembers of a job between steps; it can do without."""


def take_result(
    tools: SupervisedTools, row: TrainingJobRow, folder: Path, result: dict[str, Any], memo: Memo
) -> None:
    """Publish what a program left and end its job; with an internal error the job may begin once more."""
    outcome, reason = _outcome(row, result)
    if outcome is Outcome.FAILED and is_platform_fault(reason) and row.status == Status.IN_PROGRESS:
        retry_or_fail(tools, row, folder, reason, memo)
        return
    if outcome is Outcome.STOPPED and row.status == Status.IN_PROGRESS:
        # Nobody asked it to: somebody ended the program from outside, as a machine does that goes down.
        retry_or_fail(tools, row, folder, INTERNAL_ERROR, memo)
        return
    if result.get("has_model") or result.get("has_output") or outcome is not Outcome.FAILED:
        tools.database.write(
            lambda connection: transition(
                connection, row.id, PhaseBegan(at=tools.clock(), phase=Phase.UPLOADING)
            )
        )
    failure = _publish(tools, row, folder, memo)
    if failure is not None and outcome is not Outcome.FAILED:
        outcome, reason = Outcome.FAILED, failure
    end(tools, row, outcome, reason)


def retry_or_fail(tools: SupervisedTools, row: TrainingJobRow, folder: Path, reason: str, memo: Memo) -> None:
    """The program is lost through no fault of the user's: start another one, if the job allows it."""
    request = orjson.loads(row.request)
    attempts = (request.get("RetryStrategy") or {}).get("MaximumRetryAttempts", 0)
    now = tools.clock()
    sync_checkpoints(tools, row, folder, memo, is_due=True)
    if row.attempt > attempts or now >= deadline(row, request):
        end(tools, row, Outcome.FAILED, reason)
        return

    def again(connection: Connection) -> None:
        current = training_jobs.get(connection, row.id)
        if current is None or current.attempt != row.attempt or current.status != Status.IN_PROGRESS:
            return
        transition(connection, row.id, Lost(at=now))
        training_jobs.next_attempt(connection, row.id)

    tools.database.write(again)


def end(tools: SupervisedTools, row: TrainingJobRow, outcome: Outcome, reason: str | None = None) -> None:
    """End a job, however it stands by now."""
    event = Ended(at=tools.clock(), outcome=outcome, reason=reason)
    state = tools.database.write(partial(_transition, job_id=row.id, event=event))
    if row.tuning_job_id is not None:
        tools.wake(TUNING, row.tuning_job_id)
    _log.info(
        "a training job ended",
        extra={"action": "train", "job": row.name, "status": state, "reason": reason},
    )


def sync_checkpoints(
    tools: SupervisedTools, row: TrainingJobRow, folder: Path, memo: Memo, *, is_due: bool = False
) -> None:
    """Bring new checkpoints to the object store, every few seconds; what fails is tried next time."""
    request = orjson.loads(row.request)
    if not request.get("CheckpointConfig"):
        return
    now = tools.clock()
    if not is_due and now < memo.get("synced_at", 0.0) + _SYNC_EVERY_S:
        return
    memo["synced_at"] = now
    # Loaded when the first job needs it: the server starts without it.
    from labelwright.training import publish

    try:
        known = memo.setdefault("checkpoints", {})
        publish.sync_checkpoints(tools.blobs, folder, request, known, is_final=is_due)
    except (LabelwrightError, OSError) as error:
        _log.warning(
            "checkpoints could not be copied; they are tried again",
            extra={"action": "checkpoints", "job": row.name, "reason": str(error)[:300]},
        )


def _transition(connection: Connection, job_id: int, event: Ended) -> str:
    return transition(connection, job_id, event).status.value


def _outcome(row: TrainingJobRow, result: dict[str, Any]) -> tuple[Outcome, str]:
    try:
        outcome = Outcome(str(result.get("outcome")))
    except ValueError:
        return Outcome.FAILED, INTERNAL_ERROR
    if outcome is Outcome.MAX_RUNTIME_EXCEEDED:
        request = orjson.loads(row.request)
        wait = wait_deadline(row, request)
        if wait is not None and wait <= deadline(row, request):
            outcome = Outcome.MAX_WAIT_TIME_EXCEEDED
    return outcome, str(result.get("failure_reason") or INTERNAL_ERROR)


def _publish(tools: SupervisedTools, row: TrainingJobRow, folder: Path, memo: Memo) -> str | None:
    """Write the outputs; why that cannot be, when it cannot. May be repeated.

    Raises
    ------
    Exception
        Whatever the object store raised, the first few times: it may be there again soon.
    """
    from labelwright.training import publish

    request = orjson.loads(row.request)
    try:
        if request.get("CheckpointConfig"):
            known = memo.setdefault("checkpoints", {})
            publish.sync_checkpoints(tools.blobs, folder, request, known, is_final=True)
        publish.publish_outputs(tools.blobs, folder, request, row.name)
    except LabelwrightError as error:
        return client_error(f"Artifact upload failed: {error}")
    except Exception:
        memo["n_failures"] = memo.get("n_failures", 0) + 1
        if memo["n_failures"] < _PUBLISH_ATTEMPTS:
            raise
        _log.exception(
            "outputs of a training job could not be written", extra={"action": "publish", "job": row.name}
        )
        return INTERNAL_ERROR
    return None
