"""One pass: a program learns and predicts, outside this process; its labels are kept; the pass is done.

Whatever is cut off is done again with the same outcome: the run's row is written before its program starts,
files follow from the program's result alone, and labels from its result and the date that was fixed before
the first of them.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.config import ACCOUNT_ID
from labelwright.core.labeling_job import Status
from labelwright.engine.automated import places
from labelwright.engine.automated.cleaning import clean_up
from labelwright.engine.automated.inputs import file_chunks, write_inputs
from labelwright.engine.automated.labels import keep_labels
from labelwright.engine.automated.logs import copy_log
from labelwright.engine.automated.report import write_report
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools
from labelwright.store import automated, labeling_jobs, models, runs
from labelwright.store.automated import AutomatedRow, PassRow, Role
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.runs import RunRow
from labelwright.work import Limits, Program, State
from labelwright.work.identity import server_identity

__all__ = ["PROGRAM", "advance_pass", "host_of"]

_log = logging.getLogger(__name__)

PROGRAM = "labelwright.autolabel.job"
"""The module that learns and predicts."""

_NOW = 0.0
_POLL_S = 1.0
_BUSY_POLL_S = 2.0
_ATTEMPTS = 2
_HEARTBEAT_S = 20.0
_LOST_S = 600.0  # another server's run that nobody looked after for so long is given up


def host_of(tools: Tools) -> str:
    """Which server's program it is; only that one can look after it."""
    return server_identity(tools.settings.data_dir)


def advance_pass(
    tools: Tools, job: JobRow, facts: JobFacts, state: AutomatedRow, current: PassRow
) -> float | None:
    """Do the next thing for a pass that is not done.

    Returns
    -------
    float or None
        When to be called again; None when the pass has ended.
    """
    if current.status == "learning":
        return _learn(tools, job, facts, state, current)
    if current.status == "labeling":
        _label(tools, job, facts, current)
        return _NOW
    return None


def _learn(tools: Tools, job: JobRow, facts: JobFacts, state: AutomatedRow, current: PassRow) -> float:
    now = tools.clock()
    run = tools.database.read(partial(runs.last, job_id=job.id, iteration=current.iteration))
    if run is None or (run.status != runs.IN_PROGRESS and run.status != runs.COMPLETED):
        if run is not None and run.attempt >= _ATTEMPTS:
            _give_up(tools, job, current, run)
            return _NOW
        _add_run(tools, job, current.iteration, attempt=1 if run is None else run.attempt + 1)
        return _NOW
    if run.host != host_of(tools):
        if now - run.modified_at > _LOST_S:
            lost = "The server that looked after it is gone."
            tools.database.write(
                partial(runs.end, run_id=run.id, status=runs.FAILED, now=now, failure_reason=lost)
            )
            return _NOW
        return now + _BUSY_POLL_S
    found = tools.work.poll(run.name)
    if found.state is State.ABSENT and run.status == runs.IN_PROGRESS:
        return _start(tools, job, facts, state, current, run)
    copy_log(tools, run, is_over=found.state is not State.RUNNING)
    if found.state is State.RUNNING:
        if now - run.modified_at > _HEARTBEAT_S:
            tools.database.write(partial(runs.set_columns, run_id=run.id, modified_at=now))
        return now + _POLL_S
    if found.state is State.SUCCEEDED and found.result is not None:
        _take_result(tools, job, facts, current, run, dict(found.result))
        return _NOW
    reason = found.reason or "Its folder is gone."
    _log.warning(
        "a training failed",
        extra={"action": "learn", "job": job.name, "run": run.name, "reason": reason, "log": found.log_tail},
    )

    def fail(connection: Connection) -> None:
        if runs.end(
            connection, run.id, status=runs.FAILED, now=now, failure_reason=f"InternalServerError: {reason}"
        ):
            labeling_jobs.add_event(
                connection,
                job.id,
                at=now,
                name="TRAINING_FAILED",
                detail={"training-job": run.name, "attempt": run.attempt, "reason": reason},
            )

    tools.database.write(fail)
    return _NOW


def _add_run(tools: Tools, job: JobRow, iteration: int, *, attempt: int) -> None:
    name = places.run_name(job.name, iteration)

    def add(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        last = runs.last(connection, job.id, iteration)
        if (
            current is None
            or current.status != Status.IN_PROGRESS
            or (last is not None and last.attempt >= attempt)
        ):
            return
        runs.add(
            connection,
            region=job.region,
            name=name,
            arn=places.training_job_arn(job.region, ACCOUNT_ID, name),
            job_id=job.id,
            iteration=iteration,
            attempt=attempt,
            host=host_of(tools),
            now=tools.clock(),
        )

    tools.database.write(add)


def _start(
    tools: Tools, job: JobRow, facts: JobFacts, state: AutomatedRow, current: PassRow, run: RunRow
) -> float:
    now = tools.clock()
    if tools.work.n_running() >= tools.work.n_at_once:
        tools.database.write(partial(runs.set_columns, run_id=run.id, modified_at=now))
        return now + _BUSY_POLL_S
    folder = tools.work.prepare(run.name)
    content = write_inputs(tools, job, facts, state, iteration=current.iteration, folder=folder)
    content["run_name"] = run.name
    settings = tools.settings
    limits = Limits(time_s=settings.autolabel_time_limit_s, n_threads=settings.work_threads)
    if not tools.work.start(run.name, Program(PROGRAM, content, limits)):
        return now + _BUSY_POLL_S
    tools.database.write(partial(runs.set_columns, run_id=run.id, started_at=now, modified_at=now))
    return now + _POLL_S


def _take_result(
    tools: Tools, job: JobRow, facts: JobFacts, current: PassRow, run: RunRow, result: dict[str, Any]
) -> None:
    """The program has done its work: publish its files, register its model, fix the date of its labels."""
    folder = tools.work.folder(run.name)
    output, k = facts.output_uri, current.iteration
    artifact = places.model_uri(output, k, run.name)
    files = [
        (places.log_uri(output, k, run.name), "log"),
        (places.validation_output_uri(output, k), "validation.jsonl"),
        (places.inference_uri(output, k, "validation"), "validation.jsonl"),
        (places.inference_uri(output, k, "unlabeled"), "unlabeled.jsonl"),
        (places.threshold_uri(output, k), "threshold.json"),
    ]
    if result["is_fitted"]:
        files.append((artifact, "model.tar.gz"))
    for uri, name in files:
        if (folder / name).exists():
            tools.blobs.put(uri, file_chunks(folder / name))
    now = tools.clock()
    arn = places.model_arn(job.region, ACCOUNT_ID, run.name)

    def take(connection: Connection) -> None:
        row = labeling_jobs.get(connection, job.id)
        found = automated.get_pass(connection, job.id, k)
        if row is None or row.status != Status.IN_PROGRESS or found is None or found.status != "learning":
            return
        runs.end(connection, run.id, status=runs.COMPLETED, now=now, detail=result.get("metrics") or {})
        state = automated.get(connection, job.id)
        if result["is_fitted"]:
            models.add(
                connection,
                region=job.region,
                name=run.name,
                arn=arn,
                request=_model_request(job, run.name, artifact),
                now=now,
                job_id=job.id,
                algorithm=facts.algorithm,
                labels=facts.categories.labels,
                artifact_uri=artifact,
            )
            automated.set_columns(connection, job.id, model_arn=arn)
        elif state is not None and state.model_arn is None:
            automated.set_columns(connection, job.id, model_arn=state.start_model_arn)
        automated.set_columns(connection, job.id, n_labels_at_model=current.n_labels)
        automated.set_pass(
            connection, job.id, k, status="labeling", labeled_at=now, run_name=run.name, report=result
        )
        if result.get("folds_validation"):
            # A sample that did not certify the rest teaches the next model.
            automated.move_all(connection, job.id, source=Role.VALIDATION, target=Role.TRAINING)
        advice = result.get("advice")
        if advice and state is not None and advice != state.advice:
            automated.set_columns(connection, job.id, advice=advice)
            labeling_jobs.add_event(
                connection,
                job.id,
                at=now,
                name="AUTO_LABELING_ADVICE",
                detail={"iteration": k, "advice": advice},
            )

    tools.database.write(take)


def _model_request(job: JobRow, name: str, artifact: str) -> dict[str, Any]:
    return {
        "ModelName": name,
        "PrimaryContainer": {
            "Image": "labelwright/autolabel",
            "ModelDataUrl": artifact,
            "Mode": "SingleModel",
        },
        "EnableNetworkIsolation": False,
    }


def _label(tools: Tools, job: JobRow, facts: JobFacts, current: PassRow) -> None:
    """Keep the labels of the machine, then close the pass."""
    if current.run_name is None or current.labeled_at is None:
        raise AssertionError("a pass that labels has a run and a date")
    folder = tools.work.folder(current.run_name)
    if not (folder / "auto.jsonl").exists():
        # The folder was lost after the result was read: nothing more can come of it.
        _log.warning("the result of a training is gone", extra={"action": "label", "run": current.run_name})
    elif not keep_labels(tools, job, facts, current, folder):
        return  # the job is stopping
    now = tools.clock()

    def close(connection: Connection) -> None:
        row = labeling_jobs.get(connection, job.id)
        found = automated.get_pass(connection, job.id, current.iteration)
        if row is None or row.status != Status.IN_PROGRESS or found is None or found.status != "labeling":
            return
        automated.set_pass(connection, job.id, current.iteration, status="done", ended_at=now)
        threshold = found.report.get("threshold") or {}
        labeling_jobs.add_event(
            connection,
            job.id,
            at=now,
            name="AUTO_LABELING_PASS",
            detail={
                "iteration": current.iteration,
                "training-job": current.run_name,
                "labeled": found.n_applied,
                **{
                    key: threshold.get(key)
                    for key in ("value", "error_estimate", "error_upper", "confidence")
                },
            },
        )

    tools.database.write(close)
    write_report(tools, job, facts)
    clean_up(tools, job, keep=current.run_name)


def _give_up(tools: Tools, job: JobRow, current: PassRow, run: RunRow) -> None:
    now = tools.clock()
    cause = run.failure_reason or "no reason given"
    reason = f"Training failed {_ATTEMPTS} times ({cause}); people label the rest."

    def give_up(connection: Connection) -> None:
        row = labeling_jobs.get(connection, job.id)
        if row is None or row.status != Status.IN_PROGRESS:
            return
        automated.set_pass(connection, job.id, current.iteration, status="failed", ended_at=now)
        automated.set_columns(connection, job.id, stage="people", reason=reason[:1024])
        labeling_jobs.add_event(
            connection, job.id, at=now, name="AUTO_LABELING_ENDED", detail={"reason": reason[:1024]}
        )

    tools.database.write(give_up)
    _log.warning(
        "automated labeling was given up", extra={"action": "learn", "job": job.name, "reason": reason}
    )
