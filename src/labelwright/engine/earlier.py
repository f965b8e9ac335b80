"""Objects that a job consolidated before: their answers tell how good its workers are.

A group of at most 50 objects says little about a worker. Algorithms that judge workers are therefore given
the answers to earlier objects of the job as well. Which ones these are follows from the database alone, and
all are of groups that were formed before this one, so a group done again after a crash gets the same ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import orjson
from sqlalchemy.engine import Connection

from labelwright.blobs import Blobs
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import read_lines
from labelwright.store import lineage
from labelwright.store.answers import AnswerRow, answers_of
from labelwright.store.data_objects import ObjectRow
from labelwright.store.db import Database
from labelwright.tasks import Answer, ObjectAnswers, certainty_of

__all__ = ["bare", "earlier_objects"]


def earlier_objects(
    database: Database, blobs: Blobs, facts: JobFacts, limit: int, *, before_group: int | None = None
) -> list[ObjectAnswers]:
    """The labeled objects furthest into the manifest, with their answers.

    Parameters
    ----------
    limit : int
    before_group : int, optional
        Only objects of groups that were formed before this one.

    Returns
    -------
    list of ObjectAnswers
        In manifest order. Where labels are estimated from classes alone the manifest lines are left out.
    """
    if limit <= 0:
        return []

    def load(connection: Connection) -> tuple[list[ObjectRow], list[AnswerRow]]:
        rows = lineage.lately_grouped(connection, facts.id, before_group=before_group, limit=limit)
        return rows, list(answers_of(connection, facts.id, [row.object_no for row in rows]))

    rows, answers = database.read(load)
    by_object: dict[int, list[AnswerRow]] = defaultdict(list)
    for answer in answers:
        by_object[answer.object_no].append(answer)
    if certainty_of(facts.type) == "posterior":
        return [bare(row.object_no, by_object[row.object_no], {}) for row in rows]
    lines = read_lines(blobs, facts.manifest_uri, rows)
    return [
        bare(row.object_no, by_object[row.object_no], orjson.loads(line))
        for row, line in zip(rows, lines, strict=True)
    ]


def bare(number: int, answers: Sequence[AnswerRow], line: dict[str, object]) -> ObjectAnswers:
    """An object with its answers alone: nothing is read for it, and nothing may be written."""
    return ObjectAnswers(
        object_no=number,
        answers=[Answer(answer.worker_id, orjson.loads(answer.answer)) for answer in answers],
        creation_date="",
        response_uri="",
        line=line,
        output_folder="",
        image_size=lambda: None,
        read=lambda _uri: None,
    )
