"""``.idx`` files: a line ``key \\t byte offset`` for each record."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelwright.recordio.atomic import atomic_file
from labelwright.recordio.framing import HEADER, RecordIOError
from labelwright.recordio.images import HEADER_BYTES, header_of
from labelwright.recordio.reader import OnBroken, mapped, record_offsets

__all__ = ["Index", "build_index", "read_index", "write_index"]

_BLOCK_LINES = 100_000


class Index:
    """Keys and offsets of the records of a file, in the order of the file's lines.

    Parameters
    ----------
    keys : ndarray of shape (n_records,), int64, or list of str
        Numbers where all keys are, as im2rec makes them; otherwise text.
    offsets : ndarray of shape (n_records,), int64

    Notes
    -----
    Sixteen bytes a record with integer keys, and eight more once a key is looked up.
    """

    def __init__(self, keys: npt.NDArray[np.int64] | list[str], offsets: npt.NDArray[np.int64]) -> None:
        self.keys = keys
        self.offsets = offsets
        self._order: npt.NDArray[np.int64] | None = None
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def place_of(self, key: int | str) -> int:
        """Return the number of the record with this key; of several the last, as in MXNet.

        Raises
        ------
        KeyError
            There is none.
        """
        if isinstance(self.keys, list):
            if self._places is None:
                self._places = {name: i for i, name in enumerate(self.keys)}
            return self._places[str(key)]
        wanted = int(key)
        if self._order is None:
            self._order = np.argsort(self.keys, kind="stable")
        at = int(np.searchsorted(self.keys, wanted, side="right", sorter=self._order)) - 1
        if at < 0 or self.keys[self._order[at]] != wanted:
            raise KeyError(key)
        return int(self._order[at])


def read_index(path: str | os.PathLike[str]) -> Index:
    """Read an ``.idx`` file.

    Raises
    ------
    RecordIOError
        A line is not ``key \\t offset``; its number is in the error.
    """
    names: list[str] = []
    numbers, offsets = array("q"), array("q")
    with Path(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            key, tab, offset = line.rstrip("\r\n").partition("\t")
            try:
                offsets.append(int(offset))
                if not tab or offsets[-1] < 0 or offsets[-1] % 4:
                    raise ValueError
            except (ValueError, OverflowError):
                raise RecordIOError(
                    f"{line[:80]!r} is not a key, a tab and a byte offset that is a multiple of 4. Make the "
                    "index "
                    "anew: labelwright recordio index FILE.rec.",
                    path=str(path),
                    line_number=number,
                ) from None
            if not names:
                try:
                    numbers.append(int(key))
                    continue
                except (ValueError, OverflowError):
                    names = [str(n) for n in numbers]
            names.append(key)
    keys = names or np.array(numbers, dtype=np.int64)
    return Index(keys, np.array(offsets, dtype=np.int64))


def write_index(path: str | os.PathLike[str], lines: Iterator[tuple[int | str, int]]) -> int:
    """Write an ``.idx`` file from pairs of key and offset. Returns their number."""
    n_written = 0
    with atomic_file(path) as file:
        for key, offset in lines:
            file.write(f"{key}\t{offset}\n".encode())
            n_written += 1
    return n_written


def build_index(
    path: str | os.PathLike[str],
    *,
    keys: str = "number",
    on_broken: OnBroken | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, int]]:
    """Go through a file and yield the key and offset of each record, what :func:`write_index` takes.

    Parameters
    ----------
    path : path
    keys : {"number", "id"}
        The number of the record from 0, or the id in its image header (what im2rec uses).
    on_broken, on_progress : callable, optional
        See :func:`labelwright.recordio.record_offsets`.

    Raises
    ------
    RecordIOError
        The file is broken, or a record has no image header to take the id from.
    """
    with mapped(path) as (buffer, name):
        offsets = record_offsets(path, on_broken=on_broken, on_progress=on_progress)
        for number, offset in enumerate(offsets):
            if keys == "number":
                yield number, offset
                continue
            _, lrec = HEADER.unpack_from(buffer, offset)
            length = lrec & 0x1FFFFFFF
            if length < HEADER_BYTES:
                raise RecordIOError(
                    f"the first part of this record has {length} bytes, too few for an image header of "
                    f"{HEADER_BYTES}. Use the numbers of records as keys.",
                    path=name,
                    offset=offset,
                )
            yield header_of(bytes(buffer[offset + 8 : offset + 8 + HEADER_BYTES])).id, offset
