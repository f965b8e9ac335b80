"""Objects of jobs with a pre-annotation function: each is sent to the function before workers can take it.

A few calls run side by side, ahead of the objects that are opened. What the function makes of an object is
kept in the transaction that opens it, so an open object always has its input, and a crash costs calls only.
"""

from __future__ import annotations

from functools import partial

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.core.labeling_job import Status
from labelwright.engine.calls import CallPending, Key
from labelwright.engine.facts import JobFacts
from labelwright.engine.failures import call_failed, failure_content, is_call_failure, odd_answer
from labelwright.engine.media import problem_with
from labelwright.engine.tools import Tools, read_lines
from labelwright.errors import InvalidRequest
from labelwright.store import data_objects, labeling_jobs, labels, task_inputs
from labelwright.store.data_objects import ObjectRow
from labelwright.store.labeling_jobs import JobRow
from labelwright.tasks.own_functions import parse_task_input

__all__ = ["ProbeFailed", "prepare_pending"]

_AHEAD = 64  # calls of a job at a time, running and waiting for a thread
_PROBE = 10  # objects; when the function fails for all of them the job fails


class ProbeFailed(Exception):
    """The function failed for every one of the first objects; the message is the job's FailureReason."""


def prepare_pending(tools: Tools, job: JobRow, facts: JobFacts) -> bool:
    """Start calls for pending objects of the current batch and open those whose calls have ended.

    Returns
    -------
    bool
        True when objects were opened (or given up, or skipped). False when there is nothing to do before a
        call has ended, or nothing at all.

    Raises
    ------
    ProbeFailed
    """
    limit = _n_ahead(tools, job, facts)
    waiting = tools.database.read(
        partial(
            data_objects.pending_in_batch,
            job_id=job.id,
            first_no=job.batch_first_no,
            end_no=job.next_object_no,
            limit=limit,
        )
    )
    tools.calls.drop(job.id, "pre", but={_key(job, row) for row in waiting})  # another server was quicker
    new = [row for row in waiting if not tools.calls.is_known(_key(job, row))]
    given_up = _start(tools, job, facts, new)
    inputs: list[tuple[int, bytes]] = []
    skipped: list[int] = []
    for row in waiting:
        try:
            ended = tools.calls.take(_key(job, row))
        except CallPending:
            continue
        if ended.answer is None:
            text = call_failed(facts.pre_function, ended.code, facts.request["RoleArn"], ended.detail)
            given_up.append((row.object_no, text))
            continue
        try:
            task_input = parse_task_input(ended.answer)
        except InvalidRequest as error:
            given_up.append((row.object_no, odd_answer(facts.pre_function, error.message)))
            continue
        if task_input is None:
            skipped.append(row.object_no)
        else:
            inputs.append((row.object_no, orjson.dumps(task_input)))
    if not (inputs or skipped or given_up):
        return False
    failures = [(number, failure_content(facts.names.metadata_name, text)) for number, text in given_up]
    tools.database.write(
        partial(_keep, tools=tools, job=job, facts=facts, inputs=inputs, skipped=skipped, failures=failures)
    )
    return True


def _key(job: JobRow, row: ObjectRow) -> Key:
    return job.id, "pre", row.object_no


def _start(tools: Tools, job: JobRow, facts: JobFacts, rows: list[ObjectRow]) -> list[tuple[int, str]]:
    """Start calls for objects that can be shown; the others with the reason."""
    if not rows:
        return []
    lines = [orjson.loads(raw) for raw in read_lines(tools.blobs, facts.manifest_uri, rows)]
    media = facts.type.media
    checks = []
    for line in lines:
        source = line.get("source-ref") if line.get("source") is None or media == "any" else line["source"]
        is_file = media != "text" and source is not None
        checks.append(tools.io.submit(problem_with, tools.blobs, source, media) if is_file else None)
    given_up: list[tuple[int, str]] = []
    for row, line, check in zip(rows, lines, checks, strict=True):
        problem = None if check is None else check.result()
        if problem is None and facts.type.audits_labels:
            found = facts.type.problem_with(line, facts.names.label_attribute_name)
            problem = None if found is None else f"ClientError: {found}"
        if problem is not None:
            given_up.append((row.object_no, problem))
            continue
        event = {"version": "2018-10-16", "labelingJobArn": facts.arn, "dataObject": line}
        tools.calls.start(
            _key(job, row),
            facts.pre_function,
            orjson.dumps(event),
            timeout_s=tools.settings.pre_function_timeout_s,
        )
    return given_up


def _keep(
    connection: Connection,
    *,
    tools: Tools,
    job: JobRow,
    facts: JobFacts,
    inputs: list[tuple[int, bytes]],
    skipped: list[int],
    failures: list[tuple[int, bytes]],
) -> None:
    current = labeling_jobs.get(connection, job.id)
    if current is None or current.status != Status.IN_PROGRESS or current.iteration != job.iteration:
        return
    task_inputs.put(connection, job.id, inputs)
    data_objects.open_objects(
        connection,
        job.id,
        [number for number, _ in inputs],
        iteration=job.iteration,
        n_workers=facts.n_workers,
    )
    data_objects.set_state(
        connection,
        job.id,
        skipped,
        expected=ObjectState.PENDING,
        state=ObjectState.SKIPPED,
        iteration=job.iteration,
    )
    labels.give_up(
        connection,
        job.id,
        failures,
        expected=ObjectState.PENDING,
        now=tools.clock(),
        iteration=job.iteration,
    )


def _n_ahead(tools: Tools, job: JobRow, facts: JobFacts) -> int:
    """How many calls may be under way: few until the function has been seen to work in this job.

    Raises
    ------
    ProbeFailed
        When it has been seen not to.
    """
    if job.iteration > 1 or job.n_human_here:
        return _AHEAD

    def look(connection: Connection) -> tuple[bool, list[bytes]]:
        states = data_objects.states_between(connection, job.id, job.batch_first_no, job.next_object_no)
        works = any(n for state, n in states.items() if state not in _UNDECIDED)
        if works or not states.get(ObjectState.FAILED):
            return works, []
        contents = labels.between(connection, job.id, job.batch_first_no, job.next_object_no)
        return works, list(contents.values())

    works, contents = tools.database.read(look)
    if works:
        return _AHEAD
    reasons = [reason for content in contents if (reason := is_call_failure(facts.pre_function, content))]
    if len(reasons) >= _PROBE:
        raise ProbeFailed(reasons[0])
    return _PROBE - len(reasons)


_UNDECIDED = frozenset({ObjectState.PENDING, ObjectState.FAILED, ObjectState.KEPT})
