"""Where records lie in a buffer: the one walk over bytes that all readers share.

Lengths in the headers are what counts; a magic inside data that another writer did not cut out is just data.
Two ways lead along a run of uncut records. Large records are followed header by header, which touches eight
bytes of each. Small ones are found all at once: compare the block with the magic as 32-bit words, and check
that each record ends where the next begins. Whatever is not a plain run (a cut record, the end of the buffer,
something broken) goes through :func:`one_record`.
"""

from __future__ import annotations

import mmap

import numpy as np

from labelwright.recordio.framing import (
    FIRST,
    HEADER,
    LAST,
    LENGTH_MASK,
    MAGIC,
    MAGIC_BYTES,
    MIDDLE,
    RECORD_BYTES_MAX,
    Buffer,
    RecordIOError,
)

__all__ = ["Incomplete", "Span", "Walk", "next_record", "one_record"]

Span = tuple[int, int]
Readable = Buffer | mmap.mmap

_BLOCK_BYTES = 1 << 20
_CHAIN_RECORDS = 256
_SMALL_BYTES = 3000  # below this average it is quicker to compare all bytes than to follow headers


class Incomplete(Exception):
    """The buffer ends inside a record. ``needed`` is the end offset known to be needed so far."""

    def __init__(self, needed: int) -> None:
        self.needed = needed


class Walk:
    """Find the records of a buffer in order.

    Notes
    -----
    Remembers between calls how large records have been, to choose the quicker way.
    """

    def __init__(self) -> None:
        self._average = float(_BLOCK_BYTES)
        self._penalty = 0

    def run(self, buffer: Readable, start: int, stop: int) -> tuple[list[int], list[int], int]:
        """Find uncut records from ``start`` on.

        Returns
        -------
        data_starts, data_stops : list of int
            Bounds of the data of each record; maybe none.
        position : int
            Where the next part begins, to be looked at by :func:`one_record` or the next run.
        """
        if self._average < _SMALL_BYTES and not self._penalty:
            starts, stops, position = _run_by_words(buffer, start, min(stop, start + _BLOCK_BYTES))
            if len(starts) < 16 and position + _SMALL_BYTES < stop:
                self._penalty = 16  # magics inside data, or many cut records: follow headers for a while
        else:
            starts, stops, position = _run_by_headers(buffer, start, stop)
            self._penalty = max(0, self._penalty - 1)
        if starts:
            self._average = (position - start) / len(starts)
        return starts, stops, position


def _run_by_headers(buffer: Readable, start: int, stop: int) -> tuple[list[int], list[int], int]:
    starts: list[int] = []
    stops: list[int] = []
    unpack, last = HEADER.unpack_from, stop - 8
    for _ in range(_CHAIN_RECORDS):
        if start > last:
            break
        magic, length = unpack(buffer, start)
        following = start + ((length + 11) & ~3)
        # A flag other than 0 makes ``length`` larger than any record may be.
        if magic != MAGIC or length > RECORD_BYTES_MAX or following > stop:
            break
        starts.append(start + 8)
        stops.append(start + 8 + length)
        start = following
    return starts, stops, start


def _run_by_words(buffer: Readable, start: int, stop: int) -> tuple[list[int], list[int], int]:
    n_words = (stop - start) >> 2
    if n_words < 2:
        return [], [], start
    words = np.frombuffer(buffer, "<u4", n_words, start)
    hits = np.flatnonzero(words == MAGIC)
    if hits.size and hits[-1] + 1 >= n_words:
        hits = hits[:-1]
    if not hits.size or hits[0] != 0:
        return [], [], start
    lengths = words[hits + 1].astype(np.int64)
    following = hits + 2 + ((lengths + 3) >> 2)
    is_good = lengths <= RECORD_BYTES_MAX
    is_good[:-1] &= following[:-1] == hits[1:]
    is_good[-1] &= following[-1] <= n_words
    n_good = hits.size if is_good.all() else int(is_good.argmin())
    if not n_good:
        return [], [], start
    data_starts = hits[:n_good] * 4 + (start + 8)
    data_stops = data_starts + lengths[:n_good]
    return data_starts.tolist(), data_stops.tolist(), start + int(following[n_good - 1]) * 4


def one_record(
    buffer: Readable, start: int, stop: int, *, base: int = 0, path: str = ""
) -> tuple[list[Span], int]:
    """Find the parts of the record that begins at ``start``.

    Parameters
    ----------
    buffer : bytes-like
    start, stop : int
        Where the record begins, and the end of what the buffer holds.
    base : int
        Offset of the buffer in the file, for messages.
    path : str
        The file, for messages.

    Returns
    -------
    parts : list of (int, int)
        Bounds of the data of each part in the buffer. A magic word belongs between two of them.
    position : int
        Where the next record begins.

    Raises
    ------
    Incomplete
        The buffer ends before the record does.
    RecordIOError
        This is no record.
    """
    parts: list[Span] = []
    size, position = 0, start
    while True:
        if position + 8 > stop:
            # What there is of the magic tells a cut-off file from one that was something else all along.
            if bytes(buffer[position : min(stop, position + 4)]) != MAGIC_BYTES[: max(0, stop - position)]:
                raise _no_magic(buffer, position, base, path)
            raise Incomplete(position + 8)
        magic, lrec = HEADER.unpack_from(buffer, position)
        if magic != MAGIC:
            raise _no_magic(buffer, position, base, path)
        flag, length = lrec >> 29, lrec & LENGTH_MASK
        if flag not in ((0, FIRST) if not parts else (MIDDLE, LAST)):
            raise RecordIOError(_wrong_flag(flag, bool(parts)), path=path, offset=base + position)
        size += length + (4 if parts else 0)
        if size > RECORD_BYTES_MAX:
            raise RecordIOError(
                f"the parts of the record that begins at byte {base + start} add up to more than "
                f"{RECORD_BYTES_MAX} bytes, the most a record may have. {_HOW_TO_GO_ON}",
                path=path,
                offset=base + position,
            )
        following = position + 8 + ((length + 3) & ~3)
        if following > stop:
            raise Incomplete(following)
        parts.append((position + 8, position + 8 + length))
        position = following
        if flag in (0, LAST):
            return parts, position


def next_record(buffer: Readable, start: int, stop: int) -> int | None:
    """Offset of the first header of a record (flag 0 or 1) at ``start`` plus a multiple of four.

    For going on behind something broken, and for starting in the middle of a file. None: there is none.

    Notes
    -----
    In a file whose writer does not cut magics out of data this may find one inside data.
    """
    while start + 8 <= stop:
        n_words = (min(stop, start + _BLOCK_BYTES) - start) >> 2
        words = np.frombuffer(buffer, "<u4", n_words, start)
        hits = np.flatnonzero(words[:-1] == MAGIC)
        hits = hits[words[hits + 1] >> 29 <= FIRST]
        if hits.size:
            return start + int(hits[0]) * 4
        start += (n_words - 1) * 4
    return None


_HOW_TO_GO_ON = (
    "The file is damaged or no RecordIO file; make it again, or skip broken records (--skip-broken)."
)


def _no_magic(buffer: Readable, position: int, base: int, path: str) -> RecordIOError:
    found = bytes(buffer[position : position + 4]).hex(" ")
    return RecordIOError(
        f"a record must begin with 0a 23 d7 ce, found {found}. {_HOW_TO_GO_ON}",
        path=path,
        offset=base + position,
    )


def _wrong_flag(flag: int, is_inside: bool) -> str:
    if flag > LAST:
        what = f"the flag {flag} of this part has no meaning (there are 0 to 3)"
    elif is_inside:
        what = f"a new record begins (flag {flag}) before the last part of the one before it"
    else:
        what = f"this part (flag {flag}) goes on with a record that never began"
    return f"{what}. {_HOW_TO_GO_ON}"
