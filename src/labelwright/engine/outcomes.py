"""The one place where the answers of a frozen group become outcomes."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from labelwright.engine import paths
from labelwright.engine.calls import Key
from labelwright.engine.earlier import earlier_objects
from labelwright.engine.facts import JobFacts
from labelwright.engine.failures import call_failed, odd_answer
from labelwright.engine.members import Member, object_answers
from labelwright.engine.tools import Tools
from labelwright.errors import InvalidRequest
from labelwright.functions import PAYLOAD_BYTES_MAX
from labelwright.store.data_objects import GroupRow
from labelwright.tasks import Failure, Outcome, n_earlier_of
from labelwright.tasks.own_functions import label_of, parse_labels

__all__ = ["Outcomes", "call_key", "outcomes_of"]

_log = logging.getLogger(__name__)

_ANSWER_BYTES_MAX = 64 << 20  # Lambda's own limit is less; what is between is taken with a warning


class Outcomes(NamedTuple):
    """One outcome per member, in their order, made with the answers to so many earlier objects."""

    outcomes: Iterable[Outcome]
    n_earlier: int


def outcomes_of(tools: Tools, facts: JobFacts, group: GroupRow, members: Sequence[Member]) -> Outcomes:
    """What becomes of a group.

    Everything a custom function reads (worker-response files, the consolidation request) is written already.
    The same group may come again after a crash: the outcomes must be the same then.

    Raises
    ------
    CallPending
        When the job's own function has to answer first; the group is to be consolidated again then.
    """
    if facts.post_function:
        return Outcomes(_from_function(tools, facts, group, members), 0)
    objects = [object_answers(tools, facts, member) for member in members]
    n_earlier = n_earlier_of(facts.type, facts.categories, facts.names)
    earlier = earlier_objects(tools.database, tools.blobs, facts, n_earlier, before_group=group.id)
    outcomes = facts.type.consolidate([*objects, *earlier], facts.categories, facts.names)
    return Outcomes(itertools.islice(outcomes, len(members)), len(earlier))


def call_key(group: GroupRow) -> Key:
    """What a group's call is known by."""
    return group.job_id, "post", group.id


def _from_function(
    tools: Tools, facts: JobFacts, group: GroupRow, members: Sequence[Member]
) -> list[Outcome]:
    arn = facts.post_function
    tools.calls.start(
        call_key(group),
        arn,
        orjson.dumps(_event(facts, group)),
        timeout_s=tools.settings.post_function_timeout_s,
        answer_bytes_max=_ANSWER_BYTES_MAX,
    )
    ended = tools.calls.take(call_key(group))
    if ended.answer is None:
        text = call_failed(arn, ended.code, facts.request["RoleArn"], ended.detail)
        return [Failure(text) for _ in members]
    if len(ended.answer) > PAYLOAD_BYTES_MAX:
        _log.warning(
            "a function answered more than Lambda would let through",
            extra={"action": "consolidate", "function": arn, "n_bytes": len(ended.answer)},
        )
    try:
        contents, repeated = parse_labels(ended.answer)
    except InvalidRequest as error:
        return [Failure(odd_answer(arn, error.message)) for _ in members]
    if repeated:
        _log.warning(
            "a function answered objects more than once; the last answer counts",
            extra={"action": "consolidate", "function": arn, "objects": sorted(repeated)[:20]},
        )
    outcomes = [
        label_of(
            contents.pop(str(member.row.object_no), None),
            line=member.line,
            creation_date=member.creation_date,
            names=facts.names,
        )
        for member in members
    ]
    if contents:
        _log.warning(
            "a function answered objects that it was not asked about",
            extra={"action": "consolidate", "function": arn, "objects": sorted(contents)[:20]},
        )
    return outcomes


def _event(facts: JobFacts, group: GroupRow) -> dict[str, Any]:
    """What the function is told; the answers are in the file it names."""
    event: dict[str, Any] = {"version": "2018-10-16", "labelingJobArn": facts.arn}
    if facts.categories.labels:
        event["labelCategories"] = list(facts.categories.labels)
    event["labelAttributeName"] = facts.names.label_attribute_name
    event["roleArn"] = facts.request["RoleArn"]
    event["outputConfig"] = f"{facts.output_uri}/annotations"
    key_id = facts.request["OutputConfig"].get("KmsKeyId")
    if key_id:
        event["kmsKeyId"] = key_id
    uri = paths.consolidation_request_uri(facts.output_uri, group.iteration, group.stamp)
    event["payload"] = {"s3Uri": uri}
    return event
