"""Consolidation groups: freeze, write what went in, consolidate, write what came out, keep the labels.

Everything a step writes follows from the group's row and its frozen answers, so that a step that was cut off
is simply done again: same names, same bytes.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.limits import GROUP_SIZE
from labelwright.engine import paths
from labelwright.engine.facts import JobFacts
from labelwright.engine.failures import failure_content
from labelwright.engine.lineage import record_group
from labelwright.engine.members import Member
from labelwright.engine.outcomes import call_key, outcomes_of
from labelwright.engine.tools import Tools, read_lines
from labelwright.manifests import dumps
from labelwright.store import data_objects, labels
from labelwright.store.answers import AnswerRow, Identity, answers_of
from labelwright.store.data_objects import GroupRow, ObjectRow
from labelwright.store.labeling_jobs import JobRow
from labelwright.tasks import Failure, Label

__all__ = ["consolidate_group", "fail_group", "form_groups"]

_log = logging.getLogger(__name__)

_LARGE_ANSWER_BYTES = 1_000_000
_GROUP_SPACING_S = 0.0001  # objects of one group are dated 1 microsecond apart


def form_groups(
    connection: Connection,
    job_id: int,
    *,
    now: float,
    growing_iteration: int | None,
    among: frozenset[int] | None = None,
) -> int:
    """Put ready objects into groups.

    Parameters
    ----------
    growing_iteration : int or None
        Of this one, only full groups are formed: more of its objects will become ready.
    among : frozenset of int, optional
        Only these objects are taken.

    Returns
    -------
    int
        How many groups were formed.
    """
    n_formed = 0
    while True:
        ready = data_objects.ready_numbers(connection, job_id, GROUP_SIZE if among is None else None)
        if among is not None:
            ready = [item for item in ready if item[0] in among][:GROUP_SIZE]
        if not ready:
            return n_formed
        iteration = ready[0][1]
        numbers = [number for number, own in ready if own == iteration]  # groups never mix iterations
        if len(numbers) < GROUP_SIZE and iteration == growing_iteration:
            return n_formed
        last_at, last_stamp = data_objects.last_group(connection, job_id, iteration)
        frozen_at = now if last_at is None else max(now, last_at + _GROUP_SPACING_S)
        # Worker-response files are dated the full second after the last answer, these later still.
        second = math.ceil(frozen_at) + 1
        while last_stamp is not None and paths.file_stamp(second) <= last_stamp:
            second += 1
        data_objects.freeze_group(
            connection,
            job_id,
            numbers,
            iteration=iteration,
            frozen_at=frozen_at,
            stamp=paths.file_stamp(second),
        )
        n_formed += 1


def consolidate_group(tools: Tools, job: JobRow, facts: JobFacts, group: GroupRow) -> None:
    """Steps 2-7 for one frozen group. What a label refers to is written before the label is."""
    members = _members(tools, facts, group)
    if not tools.calls.is_known(call_key(group)):  # else they were written before the call began
        _write_request(tools, facts, group, members)

    outcomes, n_earlier = outcomes_of(tools, facts, group, members)
    labeled: list[tuple[int, bytes]] = []
    failed: list[tuple[int, bytes]] = []
    response: list[dict[str, Any]] = []
    for member, outcome in zip(members, outcomes, strict=True):
        number = member.row.object_no
        match outcome:
            case Label(content=content, files=label_files):
                for file in label_files:
                    tools.blobs.put(file.uri, file.data, content_type=file.content_type)
                labeled.append((number, dumps(content)))
                response.append(
                    {"datasetObjectId": str(number), "consolidatedAnnotation": {"content": content}}
                )
            case Failure(reason=reason):
                is_whole = reason.startswith("ClientError: ")
                text = reason if is_whole else f"ClientError: Annotation consolidation failed: {reason}"
                failed.append((number, failure_content(facts.names.metadata_name, text)))
    response_uri = paths.consolidation_response_uri(facts.output_uri, group.iteration, group.stamp)
    _put_json(tools, response_uri, dumps(response))
    _finish(tools, group, labeled, failed, facts=facts, n_earlier=n_earlier)


def _write_request(tools: Tools, facts: JobFacts, group: GroupRow, members: Sequence[Member]) -> None:
    """Worker-response files, then the consolidation request that functions read."""
    files = [(member.response_uri, _worker_response(member)) for member in members]
    files += _large_answers(facts, group, members)
    writes = [tools.io.submit(_put_json, tools, uri, data) for uri, data in files]
    for write in writes:
        write.result()
    request_uri = paths.consolidation_request_uri(facts.output_uri, group.iteration, group.stamp)
    _put_json(tools, request_uri, dumps([_request_item(facts, group, member) for member in members]))


def fail_group(tools: Tools, facts: JobFacts, group: GroupRow, detail: str) -> None:
    """Give a group up after repeated trouble of ours, so that the job can go on."""
    rows = tools.database.read(partial(data_objects.group_objects, group=group))
    content = failure_content(
        facts.names.metadata_name, f"InternalServerError: Annotation consolidation failed: {detail}"
    )
    _finish(tools, group, [], [(row.object_no, content) for row in rows])


def _finish(
    tools: Tools,
    group: GroupRow,
    labeled: list[tuple[int, bytes]],
    failed: list[tuple[int, bytes]],
    *,
    facts: JobFacts | None = None,
    n_earlier: int = 0,
) -> None:
    def finish(connection: Connection) -> None:
        now = tools.clock()
        if labels.finish_group(connection, group, labeled=labeled, failed=failed, now=now) and facts:
            record_group(connection, facts, group, n_earlier=n_earlier, now=now)

    tools.database.write(finish)


def _members(tools: Tools, facts: JobFacts, group: GroupRow) -> list[Member]:
    def load(connection: Connection) -> tuple[list[ObjectRow], dict[int, list[AnswerRow]]]:
        rows = data_objects.group_objects(connection, group)
        answers: dict[int, list[AnswerRow]] = defaultdict(list)
        for answer in answers_of(connection, group.job_id, [row.object_no for row in rows]):
            answers[answer.object_no].append(answer)
        return rows, answers

    rows, answers = tools.database.read(load)
    lines = read_lines(tools.blobs, facts.manifest_uri, rows)
    stamp = paths.response_stamp(group.frozen_at)
    first_microsecond = round(group.frozen_at * 1_000_000)
    return [
        Member(
            row=row,
            line=orjson.loads(raw),
            answers=answers[row.object_no],
            response_uri=paths.worker_response_uri(facts.output_uri, group.iteration, row.object_no, stamp),
            creation_date=paths.creation_date(first_microsecond + i),
        )
        for i, (row, raw) in enumerate(zip(rows, lines, strict=True))
    ]


def _put_json(tools: Tools, uri: str, data: bytes) -> None:
    tools.blobs.put(uri, data, content_type="application/json")


def _worker_response(member: Member) -> bytes:
    # The answers are JSON already, with sorted keys; they are put in as they were kept.
    answers = b",".join(_answer_json(answer) for answer in member.answers)
    return b'{"answers":[' + answers + b"]}"


def _answer_json(answer: AnswerRow) -> bytes:
    identity = _identity(answer)
    rest: dict[str, Any] = {
        "submissionTime": paths.milliseconds(answer.submitted_at),
        "timeSpentInSeconds": round(float(answer.time_spent_s), 3),
        "workerId": identity.public_id,
    }
    if identity.provider:
        rest["workerMetadata"] = {
            "identityData": {
                "identityProviderType": identity.provider,
                "issuer": identity.issuer,
                "sub": identity.subject,
            }
        }
    accepted = orjson.dumps(paths.milliseconds(answer.accepted_at))
    head = b'{"acceptanceTime":' + accepted + b',"answerContent":' + answer.answer + b","
    return head + orjson.dumps(rest)[1:]


def _identity(answer: AnswerRow) -> Identity:
    if answer.identity is not None:
        return answer.identity
    # Not one of the directory's people; the same code every time all the same.
    code = hashlib.sha256(answer.worker_id.encode()).hexdigest()[:16]
    return Identity(f"private.unknown.{code}")


def _large_answers(facts: JobFacts, group: GroupRow, members: Sequence[Member]) -> list[tuple[str, bytes]]:
    return [
        (_large_uri(facts, group, member, i), answer.answer)
        for member in members
        for i, answer in enumerate(member.answers)
        if len(answer.answer) > _LARGE_ANSWER_BYTES
    ]


def _large_uri(facts: JobFacts, group: GroupRow, member: Member, position: int) -> str:
    return paths.large_answer_uri(facts.output_uri, group.iteration, member.row.object_no, position)


def _request_item(facts: JobFacts, group: GroupRow, member: Member) -> dict[str, Any]:
    source = member.line.get("source")
    annotations = []
    for i, answer in enumerate(member.answers):
        if len(answer.answer) > _LARGE_ANSWER_BYTES:
            uri = _large_uri(facts, group, member, i)
            data = {"s3Uri": uri, "s3uri": uri}  # published functions read either spelling
        else:
            data = {"content": answer.answer.decode()}
        annotations.append({"workerId": _identity(answer).public_id, "annotationData": data})
    return {
        "datasetObjectId": str(member.row.object_no),
        "dataObject": {"s3Uri": member.line["source-ref"]} if source is None else {"content": source},
        "annotations": annotations,
    }
