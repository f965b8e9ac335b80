"""Running a query over JSON Lines, block by block, in the order of the lines.

Lines go through DuckDB in segments, which says which to take. What is short, and whatever DuckDB cannot
decide, goes through the row evaluator. Memory is bounded by a few segments.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from labelwright.selection.blocks import are_of, blocks, gather, line_lengths
from labelwright.selection.documents import documents
from labelwright.selection.plans import ASK, YES, Plan, plan_of
from labelwright.selection.rows import RowPlan, parse_line
from labelwright.selection.scanning import n_threads_default
from labelwright.selection.segments import flagged, segments
from labelwright.selection.tree import Query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Progress", "Selection"]

_CHUNK_BYTES = 1 << 20  # stays in the processor's cache while it is worked on
_SMALL_BYTES = 1 << 20


@dataclasses.dataclass(slots=True)
class Progress:
    """How far a selection is. Lines that are blank do not count."""

    n_lines: int = 0
    n_selected: int = 0
    bytes_read: int = 0
    bytes_returned: int = 0


class Selection:
    """One run of a query.

    Parameters
    ----------
    query : Query
    now : float
        Epoch seconds, for UTCNOW.
    n_threads : int, optional
        Of DuckDB; by default as many as the process may use, at most eight.
    memory_mib : int
        Limit of DuckDB.
    on_progress : callable, optional
        Gets `progress` after every block.

    Attributes
    ----------
    progress : Progress
    """

    def __init__(
        self,
        query: Query,
        *,
        now: float,
        n_threads: int | None = None,
        memory_mib: int = 1024,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._query = query
        self._rows = RowPlan(query, now=now)
        self._n_threads = n_threads or n_threads_default()
        self._memory_mib = memory_mib
        self._on_progress = on_progress
        self._n_left = query.limit if query.limit is not None else 1 << 62
        self._n_read = 0  # lines, blank ones counted
        self.progress = Progress()

    def over_file(self, path: str | os.PathLike[str] | int) -> Iterator[bytes]:
        """Run over a file; yields the result in pieces of whole lines.

        Parameters
        ----------
        path : path or int
            Of a regular file. An open file descriptor stays open.

        Raises
        ------
        QueryError
            A line is not JSON or not UTF-8.
        """
        descriptor = path if isinstance(path, int) else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield from self.over_chunks(_chunks(descriptor))
        finally:
            if not isinstance(path, int):
                os.close(descriptor)

    def over_chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Run over bytes that come from elsewhere, cut anywhere."""
        plan = plan_of(self._query)
        read = blocks(self._counted(chunks))
        if plan is None:
            yield from self._plainly(read)
        else:
            yield from self._scanned(plan, read)
        yield from self._last()

    def over_document(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Run over JSON values that may span lines, one after another, such as a label file.

        Raises
        ------
        QueryError
            The text is no JSON, or longer than `DOCUMENT_BYTES_MAX`, for it is read as a whole.
        """
        for number, value in enumerate(documents(self._counted(chunks)), 1):
            self._n_read = self.progress.n_lines = number
            pieces: list[bytes] = []
            self._one_value(value, None, pieces)
            yield from self._given(b"".join(pieces))
            if self._n_left <= 0:
                break
        yield from self._last()

    def _plainly(self, read: Iterable[bytes]) -> Iterator[bytes]:
        for block in read:
            yield from self._given(self._by_rows(block))
            if self._n_left <= 0:
                break

    def _scanned(self, plan: Plan, read: Iterator[bytes]) -> Iterator[bytes]:
        first: list[bytes] = []
        for block in read:
            first.append(block)
            if sum(map(len, first)) >= _SMALL_BYTES:
                break
        else:  # not worth the start of DuckDB
            yield from self._plainly(first)
            return
        with contextlib.closing(
            flagged(
                segments(chain(first, read)), plan, n_threads=self._n_threads, memory_mib=self._memory_mib
            )
        ) as found:
            for segment, flags in found:
                yield from self._by_segment(segment, flags)
                if self._n_left <= 0:
                    break

    def _by_segment(self, segment: list[bytes], flags: npt.NDArray[np.int64]) -> Iterator[bytes]:
        n_seen = 0
        is_sure = True
        for block in segment:
            lengths = line_lengths(block)
            part = flags[n_seen : n_seen + len(lengths)]
            n_seen += len(part)
            # Once the flags are not those of the lines, none that follows can be trusted.
            is_sure = is_sure and are_of(part, block, lengths)
            piece = self._by_flags(block, lengths, part & 3) if is_sure else self._by_rows(block)
            yield from self._given(piece)
            if self._n_left <= 0:
                break

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.progress.bytes_read += len(chunk)
            yield chunk

    def _given(self, piece: bytes) -> Iterator[bytes]:
        self.progress.bytes_returned += len(piece)
        if self._on_progress is not None:
            self._on_progress(self.progress)
        if piece:
            yield piece

    def _last(self) -> Iterator[bytes]:
        if self._query.is_aggregate and self._query.limit != 0:
            self.progress.n_selected = 1
            yield from self._given(self._rows.total() + b"\n")

    def _by_rows(self, block: bytes) -> bytes:
        pieces: list[bytes] = []
        for line in block.splitlines(keepends=True) if b"\r" not in block else _lines(block):
            if self._n_left <= 0:
                break
            self._n_read += 1
            if line.isspace():
                continue
            self.progress.n_lines += 1
            self._one_line(line, pieces)
        return b"".join(pieces)

    def _one_line(self, line: bytes, pieces: list[bytes]) -> None:
        self._one_value(parse_line(line, self._n_read), line, pieces)

    def _one_value(self, value: Any, line: bytes | None, pieces: list[bytes]) -> None:
        plan = self._rows
        for row in plan.rows(value):
            if self._n_left <= 0:
                break
            if not plan.holds(row):
                continue
            if self._query.is_aggregate:
                plan.add(row)
                continue
            self._n_left -= 1
            self.progress.n_selected += 1
            if self._query.copies_lines and line is not None:
                pieces.append(line)
            else:
                pieces.append(plan.answer(row) + b"\n")

    def _by_flags(self, block: bytes, lengths: npt.NDArray[np.int64], flags: npt.NDArray[np.int64]) -> bytes:
        import numpy as np

        n_before = self._n_read
        ends = np.cumsum(lengths)
        is_taken = flags == YES
        if (flags == ASK).any():
            n_left = self._n_left
            for i in np.flatnonzero(flags):
                if n_left <= 0:
                    is_taken[i:] = False
                    break
                if flags[i] == ASK:
                    line = block[ends[i] - lengths[i] : ends[i]]
                    is_taken[i] = self._rows.holds(parse_line(line, n_before + int(i) + 1))
                n_left -= bool(is_taken[i])
        n_taken = int(np.count_nonzero(is_taken))
        self._n_read += len(flags)
        self.progress.n_lines += int(np.count_nonzero(lengths > 2))
        if self._query.is_aggregate:
            if not self._rows.add_lines(n_taken):
                for i in np.flatnonzero(is_taken):
                    self._rows.add(parse_line(block[ends[i] - lengths[i] : ends[i]], n_before + int(i) + 1))
            return b""
        if n_taken > self._n_left:
            is_taken[np.flatnonzero(is_taken)[self._n_left :]] = False
            n_taken = self._n_left
        self._n_left -= n_taken
        self.progress.n_selected += n_taken
        if self._query.copies_lines:
            return gather(block, lengths, is_taken)
        lines = (block[ends[i] - lengths[i] : ends[i]] for i in np.flatnonzero(is_taken))
        return b"".join(self._rows.answer(parse_line(line, 0)) + b"\n" for line in lines)


def _lines(block: bytes) -> list[bytes]:
    return [line + b"\n" for line in block[:-1].split(b"\n")] if block[-1:] == b"\n" else _unended(block)


def _unended(block: bytes) -> list[bytes]:
    head, _, last = block.rpartition(b"\n")
    return [*(line + b"\n" for line in head.split(b"\n")), last] if head else [last]


def _chunks(descriptor: int) -> Iterator[bytes]:
    position = 0
    while chunk := os.pread(descriptor, _CHUNK_BYTES, position):
        position += len(chunk)
        yield chunk
