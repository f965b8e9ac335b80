"""Labels of the machine: from the program's predictions to output lines, files and counters.

``auto.jsonl`` of a run holds one object a line, in manifest order: ``{"id", "confidence", "label"}``. The
label is a class index, a list of boxes, or the name of a mask file in the run's folder.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.core.labeling_job import Status
from labelwright.engine import paths
from labelwright.engine.automated import places
from labelwright.engine.automated.inputs import file_chunks
from labelwright.engine.budget import n_machine_labels_affordable
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools, read_lines
from labelwright.manifests import merge_line
from labelwright.store import automated, data_objects, labeling_jobs, labels
from labelwright.store.automated import PassRow, Role
from labelwright.store.data_objects import ObjectRow
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.labeling_tables import data_objects as objects_table
from labelwright.tasks import LabelFile

__all__ = ["keep_labels"]

_PAGE = 500


def keep_labels(tools: Tools, job: JobRow, facts: JobFacts, current: PassRow, folder: Path) -> bool:
    """Write out and keep the labels of a pass, page by page; what was kept before is passed over.

    Returns
    -------
    bool
        False when the job may not go on.
    """
    if (folder / "auto.jsonl").stat().st_size == 0:
        return True
    _write_annotator_output(tools, job, facts, current, folder)
    first = current.n_applied
    with (folder / "auto.jsonl").open("rb") as file:
        for page in _pages(itertools.islice(file, first, None)):
            made = _labels(facts, current, folder, page, first=first)
            for writing in [tools.io.submit(_put, tools, item) for _, _, files in made for item in files]:
                writing.result()
            keep = partial(
                _keep,
                job_id=job.id,
                facts=facts,
                iteration=current.iteration,
                first=first,
                made=made,
                now=tools.clock(),
            )
            n_kept = tools.database.write(keep)
            if n_kept is None:
                return False
            first += n_kept
            if n_kept < len(page):
                break  # the budget is used up
    return True


def _pages(lines: Iterable[bytes]) -> Iterator[list[dict[str, Any]]]:
    source = iter(lines)
    while page := [orjson.loads(line) for line in itertools.islice(source, _PAGE)]:
        yield page


_Made = tuple[int, bytes, tuple[LabelFile, ...]]


def _labels(
    facts: JobFacts, current: PassRow, folder: Path, page: Sequence[Mapping[str, Any]], *, first: int
) -> list[_Made]:
    """The same for every call: dates follow from the pass's and the place in the file."""
    from labelwright.tasks.machine import machine_label  # late: it loads numpy, which a server starts without

    at = round((current.labeled_at or 0.0) * 1_000_000)
    made = []
    for i, item in enumerate(page, first):
        label = machine_label(
            facts.algorithm,
            item,
            categories=facts.categories,
            names=facts.names,
            object_no=item["id"],
            creation_date=paths.creation_date(at + i),
            output_folder=paths.label_folder_uri(facts.output_uri),
            read=lambda name: (folder / name).read_bytes(),
        )
        made.append((int(item["id"]), orjson.dumps(label.content), label.files))
    return made


def _put(tools: Tools, file: LabelFile) -> None:
    tools.blobs.put(file.uri, file.data, content_type=file.content_type)


def _keep(
    connection: Connection,
    *,
    job_id: int,
    facts: JobFacts,
    iteration: int,
    first: int,
    made: Sequence[_Made],
    now: float,
) -> int | None:
    """How many labels were kept; None when the job may not go on."""
    job = labeling_jobs.get(connection, job_id)
    current = automated.get_pass(connection, job_id, iteration)
    if job is None or job.status != Status.IN_PROGRESS or current is None or current.n_applied != first:
        return None
    affordable = n_machine_labels_affordable(connection, job, facts)
    paid = made if affordable is None else made[:affordable]
    contents = {number: content for number, content, _ in paid}
    # A label is never put over another: only objects that nobody has or had are labeled.
    moved = data_objects.set_state(
        connection, job_id, contents, expected=ObjectState.PENDING, state=ObjectState.LABELED
    )
    labels.insert_machine(connection, job_id, [(number, contents[number]) for number in moved])
    automated.add_members(connection, job_id, moved, role=Role.AUTO, iteration=iteration)
    labeling_jobs.add_counts(connection, job_id, now=now, n_machine=len(moved))
    automated.set_pass(connection, job_id, iteration, n_applied=first + len(paid))
    return len(paid)


def _write_annotator_output(
    tools: Tools, job: JobRow, facts: JobFacts, current: PassRow, folder: Path
) -> None:
    path = folder / "auto_annotator_output.txt"
    first = 0
    lan = facts.names.label_attribute_name
    with (folder / "auto.jsonl").open("rb") as file, path.open("wb") as out:
        for page in _pages(file):
            made = _labels(facts, current, folder, page, first=first)
            rows = tools.database.read(
                partial(_rows, job_id=job.id, numbers=[number for number, _, _ in made])
            )
            lines = read_lines(tools.blobs, facts.manifest_uri, rows)
            out.writelines(
                b"%d %s\n" % (number, merge_line(raw, content, label_attribute_name=lan))
                for raw, (number, content, _) in zip(lines, made, strict=True)
            )
            first += len(page)
    tools.blobs.put(
        places.auto_annotator_uri(facts.output_uri, current.iteration),
        file_chunks(path),
        content_type="text/plain",
    )


def _rows(connection: Connection, *, job_id: int, numbers: Sequence[int]) -> list[ObjectRow]:
    t = objects_table.c
    query = (
        sa.select(t.object_no, t.position, t.length, t.iteration)
        .where(t.job_id == job_id, t.object_no.in_(list(numbers)))
        .order_by(t.object_no)
    )
    return [ObjectRow(*row) for row in connection.execute(query)]
