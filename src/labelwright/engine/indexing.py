"""Finding the objects of a manifest, block by block.

Every block is one transaction that also moves ``index_position``, so that an import that was killed goes on
where it stopped, memory does not grow with the manifest, and other writers get their turn in between.
"""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Iterator

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.engine.facts import JobFacts
from labelwright.engine.kept_labels import KeptLabels
from labelwright.engine.line_checks import check_line
from labelwright.engine.tools import Tools
from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import parse_object
from labelwright.manifests.constants import LINE_BYTES_MAX
from labelwright.store import data_objects, labeling_jobs
from labelwright.store.labeling_jobs import JobRow

__all__ = ["bad_manifest_reason", "index_block"]

_BLOCK_BYTES = 1 << 20
_N_SHOWN = 5  # bad lines kept word for word; all are counted

_DOUBT = "KEPT_LABEL_MISMATCH"

_PENDING, _KEPT = int(ObjectState.PENDING), int(ObjectState.KEPT)


@dataclasses.dataclass(slots=True)
class _Found:
    """What one block holds."""

    rows: list[tuple[int, int, int, int, int]] = dataclasses.field(default_factory=list)
    n_good: int = 0
    n_bad: int = 0
    n_kept_human: int = 0
    n_kept_machine: int = 0
    reasons: list[str] = dataclasses.field(default_factory=list)
    doubt: str | None = None
    end: int = 0


def index_block(tools: Tools, job: JobRow, facts: JobFacts) -> None:
    """Index the next block of the job's manifest copy."""
    start, total = job.index_position, job.manifest_bytes
    size = _BLOCK_BYTES
    while True:
        data = tools.blobs.read_range(facts.manifest_uri, start, min(size, total - start))
        is_last = start + len(data) >= total
        complete = data if is_last else data[: data.rfind(b"\n") + 1]
        # Blank lines are allowed at the end of the file only: whether these are, the next block tells.
        usable = complete if is_last else _without_blank_tail(complete)
        if usable or is_last:
            break
        if size > LINE_BYTES_MAX:
            _give_up_reading(tools, job, start)
            return
        size *= 4
    found = _look_at(usable, job, facts, start=start, is_last=is_last)
    tools.database.write(lambda connection: _keep(connection, job, found, now=tools.clock()))


def _without_blank_tail(data: bytes) -> bytes:
    kept = data.rstrip(b" \t\r\n")
    return data[: data.find(b"\n", len(kept)) + 1] if kept else b""


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    position = start
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line feed is no line
    for line in lines:
        begin = position
        position += len(line) + 1
        if line[-1:] == b"\r":
            line = line[:-1]
        if begin == 0 and line.startswith(codecs.BOM_UTF8):
            begin, line = 3, line[3:]
        yield begin, line


def _look_at(data: bytes, job: JobRow, facts: JobFacts, *, start: int, is_last: bool) -> _Found:
    found = _Found(end=job.manifest_bytes if is_last else start + len(data))
    if is_last:
        data = data.rstrip(b" \t\r\n")
    if not data:
        return found
    lan, metadata = facts.names.label_attribute_name, facts.names.metadata_name
    lan_text = f'"{lan}"'.encode()
    kind, job_id = facts.type, job.id
    number = job.n_objects + job.n_bad_lines  # of lines before this block
    rows, is_clean = found.rows, job.n_bad_lines == 0
    kept = KeptLabels(facts)
    for position, raw in _lines(data, start):
        number += 1
        try:
            if not raw or raw.isspace():
                raise ManifestError("the line is blank; blank lines are allowed at the end of the file only.")
            line = parse_object(raw, number)
            check_line(kind, facts.type_name, line, label_attribute_name=lan, number=number)
        except (ManifestError, InvalidRequest) as error:
            found.n_bad += 1
            is_clean = False
            if len(found.reasons) < _N_SHOWN:
                found.reasons.append(f"line {number}: {error.message}")
            continue
        found.n_good += 1
        state = _PENDING
        # Most lines hold no label; a substring search is quicker than a look into every parsed line.
        may_be_kept = lan_text in raw or b"\\" in raw
        if may_be_kept and line.get(lan) is not None and kept.counts(line, number=number):
            state = _KEPT
            about = line.get(metadata)
            is_machine = isinstance(about, dict) and about.get("human-annotated") == "no"
            found.n_kept_machine += is_machine
            found.n_kept_human += not is_machine
        if is_clean:
            rows.append((job_id, number - 1, state, position, len(raw)))
    found.doubt = kept.doubt
    return found


def _keep(connection: Connection, job: JobRow, found: _Found, *, now: float) -> None:
    current = labeling_jobs.get(connection, job.id)
    if current is None or current.index_position != job.index_position or current.status != job.status:
        return  # somebody else indexed this block, or the job was stopped meanwhile
    data_objects.insert_lines(connection, found.rows)
    reasons = orjson.loads(job.bad_lines) if job.bad_lines else []
    labeling_jobs.set_columns(
        connection,
        job.id,
        index_position=found.end,
        n_objects=job.n_objects + found.n_good,
        n_human=job.n_human + found.n_kept_human,
        n_machine=job.n_machine + found.n_kept_machine,
        n_bad_lines=job.n_bad_lines + found.n_bad,
        bad_lines=orjson.dumps([*reasons, *found.reasons][:_N_SHOWN]).decode(),
        modified_at=now,
    )
    if found.doubt is not None and not labeling_jobs.has_event(connection, job.id, _DOUBT):
        labeling_jobs.add_event(connection, job.id, at=now, name=_DOUBT, detail={"reason": found.doubt})


def _give_up_reading(tools: Tools, job: JobRow, start: int) -> None:
    number = job.n_objects + job.n_bad_lines + 1
    found = _Found(end=job.manifest_bytes, n_bad=1)
    found.reasons.append(f"line {number}: no line ends within {LINE_BYTES_MAX} bytes from byte {start}.")
    tools.database.write(lambda connection: _keep(connection, job, found, now=tools.clock()))


def bad_manifest_reason(job: JobRow, source_uri: str) -> str | None:
    """The ``FailureReason`` of a job whose manifest is indexed to its end; None when the manifest is good."""
    if job.n_bad_lines:
        shown: list[str] = orjson.loads(job.bad_lines or "[]")
        more = job.n_bad_lines - len(shown)
        lines = "1 line" if job.n_bad_lines == 1 else f"{job.n_bad_lines} lines"
        text = f"ClientError: {lines} of the input manifest {source_uri} cannot be used. " + " ".join(shown)
        tail = f" (and {more} more)" if more > 0 else ""
        limit = 1024 - len(tail)
        return (text if len(text) <= limit else text[: limit - 3] + "...") + tail
    if job.n_objects == 0:
        return f"ClientError: The input manifest {source_uri} is empty; it needs one JSON object per line."
    return None
