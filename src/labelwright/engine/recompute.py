"""Labels of a job made again from the answers that are there, with another algorithm. Nobody is asked again.

A new augmented manifest is written; the job, its labels and its files stay as they are. Beside the manifest
comes ``<output>.lineage.json``, which says how its labels were made. Labels of models, labels that came with
the input and objects without answers are taken over unchanged.

Estimating workers over a whole job instead of groups of at most 50 objects is what makes this worth while.
Single classes are estimated with all objects at once, in about 30 bytes an answer and ``16 * n_classes``
bytes an object (ten million objects, five answers, ten classes: 3 GB). Other labels are estimated in blocks
of ``block_size`` objects, whose answers are held: a few kilobytes each, for boxes and spans as long as their
JSON. Masks stand alone. ``compatible`` is run on groups of 50 objects in manifest order.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import orjson
from sqlalchemy.engine import Connection

from labelwright.blobs import Blobs
from labelwright.core.limits import GROUP_SIZE
from labelwright.engine import paths
from labelwright.engine.facts import JobFacts, facts_of
from labelwright.engine.lineage import parameters_of
from labelwright.engine.members import Member, answers_as_read
from labelwright.engine.tools import read_lines
from labelwright.errors import BlobNotFound, InvalidRequest, NotFound
from labelwright.manifests import dumps, merge_labels
from labelwright.store import labels, lineage
from labelwright.store.answers import AnswerRow, answers_of
from labelwright.store.data_objects import ObjectRow
from labelwright.store.db import Database
from labelwright.store.labeling_jobs import JobRow
from labelwright.tasks import COMPATIBLE, Label, ObjectAnswers, algorithms_of
from labelwright.tasks._classes import SingleLabelClassification

__all__ = ["BLOCK_SIZE", "Recomputed", "recompute"]

BLOCK_SIZE = 2000
_PAGE = 500


@dataclasses.dataclass(slots=True)
class Recomputed:
    """What came of it.

    Attributes
    ----------
    output_uri, lineage_uri : str
    n_objects : int
        Labels that were made again.
    n_changed : int
        Of these, labels whose value differs from the one in the job.
    n_kept : int
        Labels and failures that were taken over.
    """

    output_uri: str
    lineage_uri: str
    n_objects: int = 0
    n_changed: int = 0
    n_kept: int = 0


def recompute(
    database: Database,
    blobs: Blobs,
    job: JobRow,
    *,
    algorithm: str,
    output_uri: str,
    now: float,
    block_size: int = BLOCK_SIZE,
) -> Recomputed:
    """Write a job's labels again with another algorithm.

    Parameters
    ----------
    database : Database
    blobs : Blobs
        Where the job's input is and the output goes.
    job : JobRow
        In whatever status, once it has been initialized; of a running job the labels there are so far.
    algorithm : str
        One of the task type's.
    output_uri : str
        Where the new manifest goes, ``s3://...``; nothing may be there yet.
    now : float
        Epoch seconds; the lineage tells it. Labels are dated by the last answer they are made of, so the same
        answers give the same bytes whenever they are made again.
    block_size : int
        Objects estimated together where a whole job does not fit into memory.

    Raises
    ------
    InvalidRequest
        For an algorithm that the task type does not have, a job whose labels a function of the user's own
        makes, an output that exists, or a job that has not begun.
    """
    facts = facts_of(job)
    _check(blobs, job, facts, algorithm, output_uri)
    facts = dataclasses.replace(facts, names=dataclasses.replace(facts.names, algorithm=algorithm))
    result = Recomputed(output_uri, f"{output_uri}.lineage.json")
    with database.engine.connect() as connection:
        maker = _Maker(blobs, connection, facts, output_uri, block_size)
        lines = merge_labels(
            blobs.stream(facts.manifest_uri),
            _contents(connection, job.id, maker.made(), result, facts.names.label_attribute_name),
            label_attribute_name=facts.names.label_attribute_name,
        )
        blobs.put(output_uri, lines)
    about = {
        "job": job.name,
        "job_arn": job.arn,
        "job_status": job.status,
        "label_attribute_name": facts.names.label_attribute_name,
        "algorithm": algorithm,
        "version": algorithms_of(facts.type)[algorithm],
        "parameters": {**parameters_of(facts), "objects_estimated_together": maker.n_together},
        "input_manifest": facts.manifest_uri,
        "manifest": output_uri,
        "made_at": now,
        "labels_made_again": result.n_objects,
        "labels_changed": result.n_changed,
        "labels_taken_over": result.n_kept,
    }
    blobs.put(result.lineage_uri, dumps(about), content_type="application/json")
    return result


def _check(blobs: Blobs, job: JobRow, facts: JobFacts, algorithm: str, output_uri: str) -> None:
    known = algorithms_of(facts.type)
    if facts.post_function or facts.type_name == "Custom":
        raise InvalidRequest(
            f"The labels of the job {job.name} are not made by an algorithm of ours, so there is nothing to "
            "recompute; its answers are in annotations/worker-response.",
            field="job",
            value=job.name,
        )
    if algorithm not in known:
        raise InvalidRequest(
            f"The algorithm {algorithm!r} is none for {facts.type_name}; there are {', '.join(known)}.",
            field="algorithm",
            value=algorithm,
            rule=f"one of {', '.join(known)}",
        )
    if not job.manifest_uri or job.index_position < job.manifest_bytes:
        raise InvalidRequest(
            f"The labeling job {job.name} is {job.status} and has no labels to make again.",
            field="job",
            value=job.name,
        )
    if not output_uri.startswith("s3://") or not output_uri.partition("://")[2].partition("/")[2]:
        raise InvalidRequest(
            f"The output {output_uri!r} must be s3://<bucket>/<key>.", field="output", value=output_uri
        )
    try:
        blobs.head(output_uri)
    except (BlobNotFound, NotFound):
        return
    raise InvalidRequest(
        f"The output {output_uri} exists; nothing is written over. Name another one.",
        field="output",
        value=output_uri,
        rule="must not exist",
    )


def _contents(
    connection: Connection,
    job_id: int,
    made: Iterator[tuple[int, bytes]],
    result: Recomputed,
    label_attribute_name: str,
) -> Iterator[tuple[int, bytes]]:
    """New contents where there are some, else the job's; in manifest order."""
    number, content = next(made, (None, b""))
    for at, before in labels.stream(connection, job_id):
        while number is not None and number < at:  # labeled while we were at it
            number, content = next(made, (None, b""))
        if number == at:
            result.n_objects += 1
            old, new = orjson.loads(before), orjson.loads(content)
            result.n_changed += old.get(label_attribute_name) != new.get(label_attribute_name)
            yield at, content
            number, content = next(made, (None, b""))
        else:
            result.n_kept += 1
            yield at, before


class _Maker:
    """Makes contents in manifest order; files of labels go beside the new manifest."""

    def __init__(
        self,
        blobs: Blobs,
        connection: Connection,
        facts: JobFacts,
        output_uri: str,
        block_size: int,
    ) -> None:
        self._blobs, self._connection, self._facts = blobs, connection, facts
        self._folder = f"{output_uri}.files"
        self._is_whole = facts.names.algorithm != COMPATIBLE and isinstance(
            facts.type, SingleLabelClassification
        )
        self._block = GROUP_SIZE if facts.names.algorithm == COMPATIBLE else block_size
        self.n_together: int | str = "all" if self._is_whole else self._block

    def made(self) -> Iterator[tuple[int, bytes]]:
        """(number, content) of every object whose answers were consolidated and give a label."""
        if self._is_whole:
            yield from self._whole()
            return
        block: list[ObjectAnswers] = []
        for page in self._pages(min(self._block, _PAGE)):
            block += page
            if len(block) >= self._block:
                yield from self._labels(block[: self._block])
                block = block[self._block :]
        if block:
            yield from self._labels(block)

    def _labels(self, objects: list[ObjectAnswers]) -> Iterator[tuple[int, bytes]]:
        outcomes = self._facts.type.consolidate(objects, self._facts.categories, self._facts.names)
        for item, outcome in zip(objects, outcomes, strict=True):
            if isinstance(outcome, Label):
                for file in outcome.files:
                    self._blobs.put(file.uri, file.data, content_type=file.content_type)
                yield item.object_no, dumps(outcome.content)

    def _whole(self) -> Iterator[tuple[int, bytes]]:
        kind, facts = self._facts.type, self._facts
        if not isinstance(kind, SingleLabelClassification):  # told apart before
            raise TypeError(type(kind).__name__)
        numbers, tasks, workers, given = array("q"), array("q"), array("q"), array("q")
        names: dict[str, int] = {}
        for page in self._pages(_PAGE, has_lines=False):
            for item in page:
                for worker, index in kind.votes(item, facts.categories):
                    tasks.append(len(numbers))
                    workers.append(names.setdefault(worker, len(names)))
                    given.append(index)
                numbers.append(item.object_no)
        if not tasks:
            return
        found, confidences = kind.estimated_whole(
            np.array(tasks, dtype=np.int64),
            np.array(workers, dtype=np.int64),
            np.array(given, dtype=np.int64),
            n_objects=len(numbers),
            categories=facts.categories,
            names=facts.names,
        )
        i = 0
        for page in self._pages(_PAGE):
            for item in page:
                while i < len(numbers) and numbers[i] < item.object_no:
                    i += 1
                # Objects that were consolidated since the answers were read are left out.
                is_known = i < len(numbers) and numbers[i] == item.object_no
                if is_known and kind.votes(item, facts.categories):
                    label = kind.label(
                        item, (int(found[i]), round(float(confidences[i]), 2)), facts.categories, facts.names
                    )
                    yield item.object_no, dumps(label.content)

    def _pages(self, size: int, *, has_lines: bool = True) -> Iterator[list[ObjectAnswers]]:
        """Consolidated objects with their answers, in manifest order."""
        after = -1
        while True:
            rows = list(lineage.grouped(self._connection, self._facts.id, after=after, limit=size))
            if not rows:
                return
            yield self._page(rows, has_lines=has_lines)
            after = rows[-1].object_no

    def _page(self, rows: list[ObjectRow], *, has_lines: bool) -> list[ObjectAnswers]:
        numbers = [row.object_no for row in rows]
        answers: dict[int, list[AnswerRow]] = defaultdict(list)
        for answer in answers_of(self._connection, self._facts.id, numbers):
            answers[answer.object_no].append(answer)
        lines = read_lines(self._blobs, self._facts.manifest_uri, rows) if has_lines else [b"{}"] * len(rows)
        return [
            dataclasses.replace(
                answers_as_read(
                    self._blobs,
                    self._facts,
                    Member(row, orjson.loads(line), own, "", _date(row, own)),
                ),
                output_folder=self._folder,
            )
            for row, line in zip(rows, lines, strict=True)
            for own in (answers[row.object_no],)
        ]


def _date(row: ObjectRow, answers: Sequence[AnswerRow]) -> str:
    last = max((answer.submitted_at for answer in answers), default=0.0)
    return paths.creation_date(round(last * 1_000_000) + row.object_no % 1000)  # objects differ, as in groups
