"""An object of a consolidation group: its row, its manifest line, its answers, the names of its files."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import orjson

from labelwright.blobs import Blobs
from labelwright.engine import paths
from labelwright.engine.facts import JobFacts
from labelwright.engine.media import image_size_of, read_small
from labelwright.engine.tools import Tools
from labelwright.store.answers import AnswerRow
from labelwright.store.data_objects import ObjectRow
from labelwright.tasks import Answer, ObjectAnswers

__all__ = ["Member", "answers_as_read", "object_answers"]


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """An object of a group with everything its files need.

    Attributes
    ----------
    row : ObjectRow
    line : dict
        The manifest line.
    answers : list of AnswerRow
        In order of submission.
    response_uri : str
        Where its worker-response file is.
    creation_date : str
        Different for every object of the group.
    """

    row: ObjectRow
    line: dict[str, Any]
    answers: list[AnswerRow]
    response_uri: str
    creation_date: str


def object_answers(tools: Tools, facts: JobFacts, member: Member) -> ObjectAnswers:
    """A member as task types see it."""
    return answers_as_read(tools.blobs, facts, member)


def answers_as_read(blobs: Blobs, facts: JobFacts, member: Member) -> ObjectAnswers:
    """A member as task types see it, by the object store alone."""
    source = member.line.get("source")
    source = member.line.get("source-ref") if source is None else source
    return ObjectAnswers(
        object_no=member.row.object_no,
        answers=[Answer(answer.worker_id, orjson.loads(answer.answer)) for answer in member.answers],
        creation_date=member.creation_date,
        response_uri=member.response_uri,
        line=member.line,
        output_folder=paths.label_folder_uri(facts.output_uri),
        image_size=partial(image_size_of, blobs, str(source)),
        read=partial(read_small, blobs),
    )
