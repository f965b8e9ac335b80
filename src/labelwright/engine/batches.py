"""Sending objects to workers in batches, and closing what has waited too long."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.core.labeling_job import Status
from labelwright.engine.budget import n_objects_affordable
from labelwright.engine.facts import JobFacts
from labelwright.engine.failures import EXPIRED, failure_content
from labelwright.engine.media import problem_with
from labelwright.engine.preparing import prepare_pending
from labelwright.engine.tools import Tools, read_lines
from labelwright.store import batches, data_objects, human_tasks, labeling_jobs, labels, task_inputs
from labelwright.store.data_objects import ObjectRow
from labelwright.store.labeling_jobs import JobRow

__all__ = ["close_overdue", "open_pending", "plan_batch", "withdraw_all"]

_SLICE = 200  # objects whose media are checked together, and opened in one transaction


def open_pending(tools: Tools, job: JobRow, facts: JobFacts) -> bool:
    """Open the next slice of the current batch. False when all of it is open, or calls have to end first."""
    if job.batch_first_no >= job.next_object_no:
        return False
    if facts.pre_function:
        return prepare_pending(tools, job, facts)
    waiting = tools.database.read(
        partial(
            data_objects.pending_in_batch,
            job_id=job.id,
            first_no=job.batch_first_no,
            end_no=job.next_object_no,
            limit=_SLICE,
            reserved_for=job.iteration if facts.algorithm else None,
        )
    )
    if waiting:
        _open_slice(tools, job, facts, waiting)
    return bool(waiting)


def plan_batch(tools: Tools, job: JobRow, facts: JobFacts) -> bool:
    """Begin the next batch. False when there is none, or when answers that are in may make it unnecessary."""
    next_one = partial(data_objects.plan_batch, job_id=job.id, from_no=job.next_object_no, size=1)
    if tools.database.read(next_one) is None:
        return False
    return tools.database.write(partial(_plan_batch, job_id=job.id, facts=facts, now=tools.clock()))


def _plan_batch(connection: Connection, *, job_id: int, facts: JobFacts, now: float) -> bool:
    job = labeling_jobs.get(connection, job_id)
    if job is None or job.status != Status.IN_PROGRESS:
        return True  # look again: something changed
    counts = data_objects.active_counts(connection, job_id)
    if counts.n_open:
        return False
    # Never more than the stopping conditions still need: answers that are not needed cost money.
    needed = facts.stopping.n_still_needed(job.counters)
    size = facts.batch_size
    if needed is not None:
        size = min(size, needed - counts.n_ready - counts.n_grouped)
    affordable = n_objects_affordable(connection, job, facts)
    if affordable is not None:
        size = min(size, affordable)
    if size <= 0:
        return False
    planned = data_objects.plan_batch(connection, job_id, from_no=job.next_object_no, size=size)
    if planned is None:
        return False
    first_no, end_no = planned
    if facts.pre_function:
        task_inputs.delete_before(connection, job_id, first_no)  # nobody is shown these objects any more
    batches.begin(connection, job_id, iteration=job.iteration + 1, first_no=first_no, end_no=end_no, now=now)
    labeling_jobs.set_columns(
        connection,
        job_id,
        iteration=job.iteration + 1,
        batch_first_no=first_no,
        batch_opened_at=now,
        next_object_no=end_no,
    )
    labeling_jobs.add_event(
        connection,
        job_id,
        at=now,
        name="BATCH_ANNOTATION_STATUS_EVALUATED",
        detail={"status": "SUBMITTED", "iteration": job.iteration + 1},
    )
    return True


def _open_slice(tools: Tools, job: JobRow, facts: JobFacts, waiting: list[ObjectRow]) -> None:
    problems: list[str | None] = [None] * len(waiting)
    kind, media = facts.type, facts.type.media
    if media != "text" or kind.audits_labels:
        lines = [orjson.loads(raw) for raw in read_lines(tools.blobs, facts.manifest_uri, waiting)]
        # A source that wins over source-ref is looked at only where it must be a file.
        sources = [
            line.get("source-ref") if line.get("source") is None or media == "any" else line["source"]
            for line in lines
        ]
        checks = [
            None if source is None else tools.io.submit(problem_with, tools.blobs, source, media)
            for source in sources
        ]
        problems = [None if check is None else check.result() for check in checks]
        if kind.audits_labels:
            problems = [_audit_problem(facts, line) or p for line, p in zip(lines, problems, strict=True)]
    name = facts.names.metadata_name
    good = [row.object_no for row, problem in zip(waiting, problems, strict=True) if problem is None]
    bad = [
        (row.object_no, failure_content(name, problem))
        for row, problem in zip(waiting, problems, strict=True)
        if problem is not None
    ]

    def keep(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if current is None or current.status != Status.IN_PROGRESS or current.iteration != job.iteration:
            return
        data_objects.open_objects(
            connection, job.id, good, iteration=job.iteration, n_workers=facts.n_workers
        )
        labels.give_up(
            connection,
            job.id,
            bad,
            expected=ObjectState.PENDING,
            now=tools.clock(),
            iteration=job.iteration,
        )

    tools.database.write(keep)


def _audit_problem(facts: JobFacts, line: dict[str, Any]) -> str | None:
    problem = facts.type.problem_with(line, facts.names.label_attribute_name)
    return None if problem is None else f"ClientError: {problem}"


def close_overdue(tools: Tools, job: JobRow, facts: JobFacts) -> None:
    """The batch's lifetime is over: objects with an answer go to consolidation, the others have failed."""
    content = failure_content(facts.names.metadata_name, EXPIRED)
    now = tools.clock()

    def close(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if current is None or current.status != Status.IN_PROGRESS or current.iteration != job.iteration:
            return
        human_tasks.withdraw(connection, job.id, now=now)
        data_objects.close_with_answers(connection, job.id)
        failed = [(number, content) for number in data_objects.unanswered(connection, job.id)]
        labels.give_up(
            connection, job.id, failed, expected=ObjectState.OPEN, now=now, iteration=job.iteration
        )

    tools.database.write(close)


def withdraw_all(tools: Tools, job: JobRow) -> None:
    """The job ends early: nobody works on any longer; what was never answered is as if never sent."""
    now = tools.clock()

    def withdraw(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if current is None or current.status != job.status:
            return
        human_tasks.withdraw(connection, job.id, now=now)
        data_objects.close_with_answers(connection, job.id)
        data_objects.without_answer_back_to_pending(connection, job.id)

    tools.database.write(withdraw)
