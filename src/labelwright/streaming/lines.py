"""A file of lines by number: mapped, with 8 bytes of memory for each line.

Manifests lie in a file already or are written to an unnamed one; so are the keys of a listing. Lines are
found by a scan for line feeds, which takes about a second for a gigabyte.
"""

from __future__ import annotations

import codecs
import mmap
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["LineIndex"]

_SCAN_BYTES = 16 << 20


class LineIndex:
    """The lines of a file that are not blank.

    Parameters
    ----------
    file : binary file
        A real one, open for reading; may be closed afterwards. It must not be shortened meanwhile.
    scan_bytes : int
        How much is searched at a time for ends of lines.

    Notes
    -----
    A UTF-8 byte order mark at the beginning is left out. Lines end in ``\\n`` or ``\\r\\n``; the last one may
    lack its end. There is no limit to their length.
    """

    def __init__(self, file: BinaryIO, *, scan_bytes: int = _SCAN_BYTES) -> None:
        size = os.fstat(file.fileno()).st_size
        self._data: mmap.mmap | bytes = b""
        if size:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._skip = len(codecs.BOM_UTF8) if self._data[:3] == codecs.BOM_UTF8 else 0
        self._starts, self._stops = _bounds(self._data, self._skip, size, scan_bytes)

    @classmethod
    def of_path(cls, path: str | os.PathLike[str]) -> LineIndex:
        """The lines of a local file."""
        with Path(path).open("rb") as file:
            return cls(file)

    @classmethod
    def of_chunks(cls, chunks: Iterable[bytes], *, scan_bytes: int = _SCAN_BYTES) -> LineIndex:
        """The lines of a stream, which is written to an unnamed temporary file."""
        with tempfile.TemporaryFile() as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            return cls(file, scan_bytes=scan_bytes)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, i: int) -> bytes:
        """A line, which may end in white space."""
        starts = self._starts
        if self._stops is not None:
            return self._data[starts.item(i) : self._stops.item(i)]
        return self._data[starts.item(i) : starts.item(i + 1) if i + 1 < len(starts) else len(self._data)]

    def line_number(self, i: int) -> int:
        """1-based number of a line in the file, blank ones counted; reads the file up to it."""
        start, number = int(self._starts[i]), 1
        for at in range(0, start, _SCAN_BYTES):
            number += self._data[at : min(start, at + _SCAN_BYTES)].count(b"\n")
        return number


def _bounds(
    data: mmap.mmap | bytes, skip: int, size: int, scan_bytes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Starts of the lines; and stops where blank ones stand between (else a line stops at the next start)."""
    ends_found = [np.zeros(0, np.int64)]
    for at in range(0, size, scan_bytes):
        piece = np.frombuffer(data[at : at + scan_bytes], np.uint8)
        ends_found.append(np.flatnonzero(piece == ord("\n")) + at)
    ends = np.concatenate(ends_found)
    if size > skip and (not len(ends) or ends[-1] != size - 1):
        ends = np.append(ends, size)
    starts = np.empty_like(ends)  # (n_lines,)
    if len(ends):
        starts[0] = skip
        starts[1:] = ends[:-1] + 1
    if not len(starts):
        return starts, None
    # Only lines that are empty or begin with white space can be blank.
    first = np.frombuffer(data, np.uint8)[np.minimum(starts, size - 1)]
    maybe = (ends == starts) | (first == ord(" ")) | ((first >= 9) & (first <= 13))
    blank = [i for i in np.flatnonzero(maybe).tolist() if not data[int(starts[i]) : int(ends[i])].strip()]
    if not blank:
        return starts, None
    return np.delete(starts, blank), np.delete(ends, blank)
