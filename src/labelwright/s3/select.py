"""SelectObjectContent: a query on one object, answered as a stream of events.

Small objects are read here; larger and compressed ones in a process of their own. The query is parsed
before anything is sent, so that its errors are plain S3 errors; what is wrong with the object comes as an
error event, as it does on S3.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from labelwright.errors import LabelwrightError
from labelwright.s3 import eventstream
from labelwright.s3.bodies import read_document
from labelwright.s3.documents import parse, text_of
from labelwright.s3.problems import S3Problem
from labelwright.s3.requests import Answer, Request
from labelwright.s3.store import Entry

if TYPE_CHECKING:
    from labelwright.s3.door import Rooms
    from labelwright.selection import Progress, Selection

__all__ = ["select_object_content"]

_SMALL_BYTES = 256 * 1024
_LITTLE_WORK = 64 << 20  # bytes times characters of the query; a long one costs time for each line
_RECORDS_BYTES = 256 * 1024
_PROGRESS_EVERY_S = 1.0


async def select_object_content(rooms: Rooms, request: Request) -> Answer:
    """SelectObjectContent over JSON.

    Notes
    -----
    Compared with Amazon S3: input is JSON only (no CSV or Parquet), output is JSON only; a value that an
    operator cannot take makes a condition unknown instead of ending the query.
    """
    from labelwright.selection import parse_query
    from labelwright.selection.process import query_job

    if request.query.get("select-type") != "2":
        raise S3Problem("InvalidArgument", "select-type must be 2.", ArgumentName="select-type")
    root = parse(await read_document(request), "SelectObjectContentRequest")
    entry = rooms.store.entry(request.bucket, request.key)
    statement = _statement(root)
    compression, is_document = _input(root)
    delimiter = _output(root)
    scan_range = _scan_range(root, entry.row.size, is_plain=compression == "NONE" and not is_document)
    try:
        query = parse_query(statement)
    except LabelwrightError as error:
        raise S3Problem(getattr(error, "code", "InvalidArgument"), error.message) from error
    events = _Events(delimiter, with_progress=_flag(root, "RequestProgress", "Enabled"))
    pieces: Iterator[bytes | Progress]
    is_small = entry.row.size <= _SMALL_BYTES and entry.row.size * len(statement) <= _LITTLE_WORK
    if is_small and compression == "NONE" and scan_range is None:
        from labelwright.selection import Selection

        selection = Selection(query, now=request.now)
        pieces = _here(selection, entry, is_document=is_document)
    else:
        from labelwright.selection.process import run_in_child

        job = query_job(
            statement,
            is_condition=False,
            now=request.now,
            compression=compression,
            is_document=is_document,
            scan_range=scan_range,
        )
        pieces = run_in_child(job, descriptor=entry.file.fd)
    stream = _stream(rooms, entry, events.of(pieces))
    return Answer(200, [(b"content-type", b"application/vnd.amazon.eventstream")], stream=stream)


def _statement(root: Element) -> str:
    kind = text_of(root, "ExpressionType")
    if kind.upper() != "SQL":
        raise S3Problem(
            "InvalidExpressionType", f"The ExpressionType is {kind[:40]!r}; only SQL is supported."
        )
    found = root.find("Expression")
    return "" if found is None or found.text is None else found.text


def _input(root: Element) -> tuple[str, bool]:
    node = root.find("InputSerialization")
    if node is None:
        raise S3Problem("MissingRequiredParameter", "InputSerialization is missing.")
    if node.find("CSV") is not None or node.find("Parquet") is not None:
        raise S3Problem(
            "InvalidRequestParameter",
            "Only JSON input is supported by this server, not CSV or Parquet. Convert the object to "
            "JSON Lines.",
        )
    compression = text_of(node, "CompressionType", "NONE").upper()
    if compression not in ("NONE", "GZIP", "BZIP2"):
        raise S3Problem(
            "InvalidCompressionFormat",
            f"The CompressionType is {compression[:40]!r}; it must be NONE, GZIP or BZIP2.",
        )
    form = node.find("JSON")
    kind = "" if form is None else text_of(form, "Type").upper()
    if kind not in ("LINES", "DOCUMENT"):
        raise S3Problem("InvalidJsonType", f"The JsonType is {kind[:40]!r}; it must be LINES or DOCUMENT.")
    return compression, kind == "DOCUMENT"


def _output(root: Element) -> bytes:
    node = root.find("OutputSerialization")
    if node is None:
        raise S3Problem("MissingRequiredParameter", "OutputSerialization is missing.")
    form = node.find("JSON")
    if form is None:
        raise S3Problem(
            "InvalidRequestParameter", "Only JSON output is supported by this server, not CSV. Ask for JSON."
        )
    found = form.find("RecordDelimiter")
    return b"\n" if found is None or not found.text else found.text.encode()


def _scan_range(root: Element, size: int, *, is_plain: bool) -> tuple[int, int] | None:
    node = root.find("ScanRange")
    if node is None:
        return None
    if not is_plain:
        raise S3Problem(
            "UnsupportedScanRangeInput", "ScanRange needs an uncompressed object of the JsonType LINES."
        )
    start, end = text_of(node, "Start"), text_of(node, "End")
    if not (start or end) or not all(part.isdigit() and len(part) < 19 for part in (start, end) if part):
        raise S3Problem("InvalidScanRange", "ScanRange needs a Start, an End or both, as whole numbers.")
    if not start:
        return max(0, size - int(end)), size
    if end and int(end) < int(start):
        raise S3Problem("InvalidScanRange", f"ScanRange ends at {end}, before its start, {start}.")
    return int(start), int(end) if end else size


def _flag(root: Element, outer: str, inner: str) -> bool:
    node = root.find(outer)
    return node is not None and text_of(node, inner).lower() == "true"


def _here(selection: Selection, entry: Entry, *, is_document: bool) -> Iterator[bytes | Progress]:
    data = entry.file.read(0, entry.row.size) if entry.row.size else b""
    yield from (selection.over_document if is_document else selection.over_chunks)([data])
    yield selection.progress


class _Events:
    """Rows and progress as messages, in batches of a good size."""

    def __init__(self, delimiter: bytes, *, with_progress: bool) -> None:
        self._delimiter = delimiter
        self._with_progress = with_progress

    def of(self, pieces: Iterator[bytes | Progress]) -> Generator[bytes]:
        """All messages of a selection."""
        from labelwright.selection import Progress, QueryError

        last = Progress()
        told_at = time.monotonic()
        buffer = bytearray()
        try:
            with contextlib.closing(pieces) if isinstance(pieces, Generator) else contextlib.nullcontext():
                for piece in pieces:
                    if isinstance(piece, Progress):
                        last = piece
                        now = time.monotonic()
                        if now - told_at >= _PROGRESS_EVERY_S:
                            told_at = now
                            yield (
                                self._figures("Progress", last)
                                if self._with_progress
                                else eventstream.event("Cont")
                            )
                        continue
                    buffer += piece
                    while len(buffer) >= _RECORDS_BYTES:
                        yield self._records(bytes(buffer[:_RECORDS_BYTES]))
                        del buffer[:_RECORDS_BYTES]
        except QueryError as error:
            yield from self._rest(buffer)
            yield eventstream.error(error.code, error.message)
            return
        except LabelwrightError as error:
            yield eventstream.error("InternalError", error.message)
            return
        yield from self._rest(buffer)
        if self._with_progress:
            yield self._figures("Progress", last)
        yield self._figures("Stats", last)
        yield eventstream.event("End")

    def _rest(self, buffer: bytearray) -> Iterator[bytes]:
        if buffer:
            if buffer[-1:] != b"\n":
                buffer += b"\n"  # the last line of the object has none
            yield self._records(bytes(buffer))

    def _records(self, lines: bytes) -> bytes:
        # In JSON a line feed can only be the end of a line.
        if self._delimiter != b"\n":
            lines = lines.replace(b"\r\n", b"\n").replace(b"\n", self._delimiter)
        return eventstream.event("Records", lines, "application/octet-stream")

    def _figures(self, kind: str, progress: Progress) -> bytes:
        body = (
            f"<{kind}><BytesScanned>{progress.bytes_read}</BytesScanned><BytesProcessed>{progress.bytes_read}"
            f"</BytesProcessed><BytesReturned>{progress.bytes_returned}</BytesReturned></{kind}>"
        )
        return eventstream.event(kind, body.encode(), "text/xml")


async def _stream(rooms: Rooms, entry: Entry, messages: Generator[bytes]) -> AsyncIterator[bytes]:
    """The messages, made in a thread; the object stays open until the end."""
    loop = asyncio.get_running_loop()
    async with rooms.selecting:
        try:
            while (piece := await loop.run_in_executor(rooms.pool, next, messages, None)) is not None:
                yield piece
        finally:
            await loop.run_in_executor(rooms.pool, messages.close)
            del entry
