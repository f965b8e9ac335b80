"""The program of the process in which servers select: ``python -m labelwright.selection.child``.

Reads one line of JSON that says what to do, then, if that says so, the input, from standard input. Writes
frames to standard output: a letter, four bytes of length (big-endian), the content. ``R`` holds rows, ``P``
progress, ``E`` an error and ``Z`` the last progress; nothing follows ``E`` or ``Z``.
"""

from __future__ import annotations

import bz2
import dataclasses
import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from labelwright.selection.parser import parse_condition, parse_query
from labelwright.selection.problems import QueryError
from labelwright.selection.running import Progress, Selection
from labelwright.selection.sampling import count_lines, sample_lines, sample_size

__all__ = ["main", "unpacked"]

_CHUNK_BYTES = 1 << 20
_PIECE_BYTES = 1 << 20
_PROGRESS_EVERY_S = 0.5
_FILE_BYTES_MAX = 256 << 20  # files in memory only; a segment may end with a line of 64 MiB


def main() -> None:
    """Do one job."""
    job = json.loads(sys.stdin.buffer.readline())
    _limit(job["cpu_s"])
    out = sys.stdout.buffer
    try:
        progress = _sample(job, out) if job["kind"] == "sample" else _query(job, out)
    except QueryError as error:
        _frame(out, b"E", _json({"code": error.code, "message": error.message}))
    else:
        _frame(out, b"Z", _json(dataclasses.asdict(progress)))
    out.flush()


def _limit(cpu_s: int) -> None:
    """What no query can make this process do: run for ever, fill a disk, leave a core file."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))  # ended by SIGXCPU, which says why
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES_MAX, _FILE_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _query(job: dict[str, Any], out: BinaryIO) -> Progress:
    query = (parse_condition if job["is_condition"] else parse_query)(job["statement"])
    selection = Selection(
        query,
        now=job["now"],
        n_threads=job["n_threads"],
        memory_mib=job["memory_mib"],
        on_progress=_reporter(out),
    )
    descriptor = job.get("descriptor")
    if job.get("is_document"):
        pieces = selection.over_document(_input(job))
    elif descriptor is None or job.get("compression", "NONE") != "NONE" or job.get("scan_range"):
        pieces = selection.over_chunks(_input(job))
    else:
        pieces = selection.over_file(descriptor)
    for piece in pieces:
        _rows(out, piece)
    return selection.progress


def _sample(job: dict[str, Any], out: BinaryIO) -> Progress:
    n_lines = job["n_lines"] if job.get("n_lines") is not None else count_lines(_input(job))
    size = sample_size(n_lines, job["percent"])
    progress = Progress(n_lines=n_lines, n_selected=size)
    report = _reporter(out)

    def on_bytes(n_bytes: int) -> None:
        progress.bytes_read += n_bytes
        report(progress)

    for piece in sample_lines(_input(job), n_lines=n_lines, size=size, seed=job["seed"], on_bytes=on_bytes):
        progress.bytes_returned += len(piece)
        _rows(out, piece)
    return progress


def _input(job: dict[str, Any]) -> Iterator[bytes]:
    descriptor = job.get("descriptor")
    if descriptor is None:
        chunks: Iterator[bytes] = iter(lambda: sys.stdin.buffer.read(_CHUNK_BYTES), b"")
    elif job.get("scan_range"):
        chunks = _in_range(descriptor, *job["scan_range"])
    else:
        chunks = _pieces(descriptor, 0)
    return unpacked(chunks, job.get("compression", "NONE"))


def _pieces(descriptor: int, start: int) -> Iterator[bytes]:
    while chunk := os.pread(descriptor, _CHUNK_BYTES, start):
        start += len(chunk)
        yield chunk


def _in_range(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    """The lines that begin at the bytes from ``start`` to ``end``, both included."""
    position = max(start - 1, 0)
    is_inside = start == 0  # else: behind the next line feed
    for chunk in _pieces(descriptor, position):
        begin = 0
        if not is_inside:
            begin = chunk.find(b"\n") + 1
            if begin == 0:
                position += len(chunk)
                continue
            is_inside = True
            if position + begin > end:
                return
        last = chunk.find(b"\n", max(end - position, begin)) if position + len(chunk) > end else -1
        if last >= 0:
            yield chunk[begin : last + 1]
            return
        yield chunk[begin:]
        position += len(chunk)


def unpacked(chunks: Iterable[bytes], compression: str) -> Iterator[bytes]:
    """Decompress a stream of ``NONE``, ``GZIP`` or ``BZIP2``; members that follow one another count as one.

    Raises
    ------
    QueryError
        ``InvalidCompressionFormat``: the stream is damaged, cut off or not compressed so.
    """
    if compression == "NONE":
        yield from chunks
        return
    make: Callable[[], Any] = (
        (lambda: zlib.decompressobj(31)) if compression == "GZIP" else bz2.BZ2Decompressor
    )
    machine = make()
    is_begun = False
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if machine.eof:
                    machine = make()
                is_begun = True
                yield from _limited(machine, data, compression)
                data = machine.unused_data if machine.eof else b""
    except (zlib.error, OSError, ValueError) as error:
        raise QueryError(
            f"The input is not {compression}: {error}. Name the compression it has.",
            code="InvalidCompressionFormat",
        ) from error
    if is_begun and not machine.eof:
        raise QueryError(f"The {compression} input is cut off.", code="InvalidCompressionFormat")


def _limited(machine: Any, data: bytes, compression: str) -> Iterator[bytes]:
    """Decompress in pieces: a few bytes can stand for gigabytes."""
    piece = machine.decompress(data, _PIECE_BYTES)
    while True:
        if piece:
            yield piece
        if machine.eof:
            return
        if compression == "GZIP":
            if not machine.unconsumed_tail:
                return
            piece = machine.decompress(machine.unconsumed_tail, _PIECE_BYTES)
        else:
            if machine.needs_input:
                return
            piece = machine.decompress(b"", _PIECE_BYTES)


def _reporter(out: BinaryIO) -> Callable[[Progress], None]:
    last = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_EVERY_S:
            last = now
            _frame(out, b"P", _json(dataclasses.asdict(progress)))
            out.flush()

    return report


def _rows(out: BinaryIO, piece: bytes) -> None:
    for start in range(0, len(piece), _PIECE_BYTES):
        _frame(out, b"R", piece[start : start + _PIECE_BYTES])


def _frame(out: BinaryIO, kind: bytes, content: bytes) -> None:
    out.write(kind + struct.pack(">I", len(content)))
    out.write(content)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


if __name__ == "__main__":
    main()
