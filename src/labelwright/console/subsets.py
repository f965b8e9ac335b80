"""Making a subset of a manifest that lies in the object store, for the page that asks for one."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Iterator
from typing import Literal

from labelwright.blobs import Blobs
from labelwright.blobs.embedded import EmbeddedBlobs
from labelwright.blobs.interface import parse_uri
from labelwright.errors import BlobNotFound
from labelwright.selection import (
    Progress,
    QueryError,
    count_lines,
    parse_condition,
    sample_size,
    subset_uri,
)
from labelwright.selection.process import query_job, run_in_child, sample_job

__all__ = ["Choice", "Subset", "make_subset"]

_N_SHOWN = 12
_SHOWN_BYTES_MAX = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """What to take of which manifest. ``percent`` and ``seed`` are of samples, ``condition`` of queries."""

    manifest: str
    how: Literal["full", "sample", "query"]
    percent: int = 10
    seed: int = 0
    condition: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Subset:
    """A subset that was written (of ``full``, the manifest itself), and its first lines."""

    uri: str
    n_lines: int
    n_selected: int
    first_lines: tuple[bytes, ...]


def make_subset(blobs: Blobs, choice: Choice, *, now: float) -> Subset:
    """Select and write the new manifest beside the original.

    Raises
    ------
    QueryError
        The condition cannot be read, or a line of the manifest; nothing is selected.
    BlobNotFound, AccessRefused, InvalidRequest
        The manifest cannot be read, or its place cannot be written.
    """
    if choice.how == "query":
        parse_condition(choice.condition)  # its errors need no process
    blobs.head(choice.manifest)
    first = _First()
    if choice.how == "full":
        n_lines = count_lines(_watched(blobs.stream(choice.manifest), first))
        if n_lines == 0:
            raise QueryError("The manifest is empty; there is nothing to label.", code="NothingSelected")
        return Subset(choice.manifest, n_lines, n_lines, first.lines())
    last = Progress()
    uri = _free_uri(blobs, choice.manifest, now)

    def pieces() -> Iterator[bytes]:
        nonlocal last
        with contextlib.closing(_run(blobs, choice, now)) as run:
            for piece in run:
                if isinstance(piece, Progress):
                    last = piece
                else:
                    first.add(piece)
                    yield piece
        if last.n_selected == 0:  # raised here, so that no object comes into being
            raise QueryError(
                f"Nothing was selected: none of the {last.n_lines} lines matches. Check the names and values "
                "of the condition.",
                code="NothingSelected",
            )

    blobs.put(uri, pieces(), content_type="application/x-ndjson")
    return Subset(uri, last.n_lines, last.n_selected, first.lines())


def _run(blobs: Blobs, choice: Choice, now: float) -> Generator[bytes | Progress]:
    if choice.how == "query":
        job = query_job(choice.condition, is_condition=True, now=now)
    else:
        sample_size(1, choice.percent)  # refuses what is no percentage
        job = sample_job(choice.percent, choice.seed)
    if isinstance(blobs, EmbeddedBlobs):
        # The entry holds the file open while the process reads it, whatever happens to its key.
        entry = blobs.store.entry(*parse_uri(choice.manifest))
        yield from run_in_child(job, descriptor=entry.file.fd)
        return
    if choice.how == "sample":
        job["n_lines"] = count_lines(blobs.stream(choice.manifest))
    yield from run_in_child(job, chunks=blobs.stream(choice.manifest))


def _free_uri(blobs: Blobs, manifest: str, now: float) -> str:
    while True:
        uri = subset_uri(manifest, now)
        try:
            blobs.head(uri)
        except BlobNotFound:
            return uri
        now += 1


class _First:
    """The first lines of what passes by."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, piece: bytes) -> None:
        if len(self._data) < _SHOWN_BYTES_MAX and self._data.count(b"\n") < _N_SHOWN:
            self._data += piece[:_SHOWN_BYTES_MAX]

    def lines(self) -> tuple[bytes, ...]:
        return tuple(bytes(line) for line in self._data.split(b"\n")[:_N_SHOWN] if line.strip())


def _watched(chunks: Iterator[bytes], first: _First) -> Iterator[bytes]:
    for chunk in chunks:
        first.add(chunk)
        yield chunk
