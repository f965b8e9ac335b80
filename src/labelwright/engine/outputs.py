"""The output manifest and the current batch's intermediate files, written anew and put atomically."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.engine import paths
from labelwright.engine.facts import JobFacts
from labelwright.engine.tools import Tools, read_lines
from labelwright.manifests import merge_labels, merge_line
from labelwright.store import batches, data_objects, labeling_jobs, labels
from labelwright.store.batches import BatchRow
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.labeling_tables import labeling_jobs as jobs_table

__all__ = ["write_first_manifest", "write_manifest"]

_PAGE = 500


def write_manifest(tools: Tools, job: JobRow, facts: JobFacts, *, is_final: bool) -> None:
    """Write the output manifest with the labels there are now.

    It stays marked as out of date if labels were added while it was written.
    """
    n_before = _n_done(job)
    with tools.database.engine.connect() as connection:
        tools.blobs.put(
            paths.output_manifest_uri(facts.output_uri),
            merge_labels(
                tools.blobs.stream(facts.manifest_uri),
                labels.stream(connection, job.id),
                label_attribute_name=facts.names.label_attribute_name,
            ),
        )
        written = batches.out_of_date(connection, job.id)
        for batch in written:
            _write_intermediate(tools, connection, facts, batch)

    def keep(connection: Connection) -> None:
        batches.mark_written(connection, job.id, written)
        _keep_written(connection, job_id=job.id, n_before=n_before, now=tools.clock(), is_final=is_final)

    tools.database.write(keep)


def write_first_manifest(tools: Tools, job: JobRow, facts: JobFacts) -> None:
    """Write the output manifest of a job that has just begun, so that it is there from then on.

    Where no line would change, which is when every byte of the input is a line's or a line feed's, the store
    copies it.
    """
    n_bytes = tools.database.read(lambda connection: data_objects.n_bytes_as_lines(connection, job.id))
    target = paths.output_manifest_uri(facts.output_uri)
    if n_bytes == job.manifest_bytes:
        tools.blobs.copy(facts.manifest_uri, target)
    else:
        lines = merge_labels(
            tools.blobs.stream(facts.manifest_uri), (), label_attribute_name=facts.names.label_attribute_name
        )
        tools.blobs.put(target, lines)
    # As if an interval ago: the first labels need not wait for the second manifest.
    written_at = tools.clock() - tools.settings.manifest_interval_s
    tools.database.write(
        lambda connection: labeling_jobs.set_columns(connection, job.id, manifest_written_at=written_at)
    )


def _n_done(job: JobRow) -> int:
    return job.n_human + job.n_machine + job.n_failed


def _keep_written(connection: Connection, *, job_id: int, n_before: int, now: float, is_final: bool) -> None:
    t = jobs_table
    connection.execute(sa.update(t).where(t.c.id == job_id).values(manifest_written_at=now))
    connection.execute(
        sa.update(t)
        .where(t.c.id == job_id, t.c.n_human + t.c.n_machine + t.c.n_failed == n_before)
        .values(manifest_is_stale=sa.false())
    )
    if is_final:
        labeling_jobs.add_event(connection, job_id, at=now, name="EXPORTED_LABELED_MANIFEST")


def _write_intermediate(tools: Tools, connection: Connection, facts: JobFacts, batch: BatchRow) -> None:
    for name, has_ids in (("annotations.manifest", False), ("annotations.json", True)):
        tools.blobs.put(
            paths.intermediate_uri(facts.output_uri, batch.iteration, name),
            _batch_lines(tools, connection, facts, batch, has_ids=has_ids),
        )


def _batch_lines(
    tools: Tools, connection: Connection, facts: JobFacts, batch: BatchRow, *, has_ids: bool
) -> Iterator[bytes]:
    after = batch.first_no - 1
    lan = facts.names.label_attribute_name
    while True:
        rows = data_objects.in_iteration(
            connection, facts.id, iteration=batch.iteration, after=after, end_no=batch.end_no, limit=_PAGE
        )
        if not rows:
            return
        contents = labels.between(connection, facts.id, rows[0].object_no, rows[-1].object_no + 1)
        block: list[bytes] = []
        for row, raw in zip(rows, read_lines(tools.blobs, facts.manifest_uri, rows), strict=True):
            content = contents.get(row.object_no)
            line = raw if content is None else merge_line(raw, content, label_attribute_name=lan)
            if has_ids:
                key = "source-ref" if orjson.loads(raw).get("source") is None else "source"
                about = {"datasetObjectId": str(row.object_no), "inputAttribute": key}
                line = merge_line(line, orjson.dumps(about))
            block.append(line)
        block.append(b"")
        yield b"\n".join(block)
        after = rows[-1].object_no
