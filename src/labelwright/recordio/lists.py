"""``.lst`` files: a line ``index \\t label ... \\t path`` for each image."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from labelwright.recordio.atomic import atomic_file
from labelwright.recordio.framing import RecordIOError

__all__ = ["ListEntry", "check_unique", "format_entry", "read_list", "write_list"]


class ListEntry(NamedTuple):
    """One image of a list.

    Attributes
    ----------
    id : int
        Its index, the key of its record.
    labels : tuple of float
        At least one.
    path : str
        Relative to the folder of images, parts separated by ``/``.
    """

    id: int
    labels: tuple[float, ...]
    path: str


def read_list(
    path: str | os.PathLike[str], *, on_broken: Callable[[RecordIOError], None] | None = None
) -> Iterator[ListEntry]:
    """Read a list line by line.

    Parameters
    ----------
    path : path
        A UTF-8 file.
    on_broken : callable, optional
        Called with the error of a line that is not usable, which is then skipped (im2rec does so). Without it
        the error is raised.

    Raises
    ------
    RecordIOError
        A line has less than three fields, or a wrong number; blank lines are passed over.
    """
    with Path(path).open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _parse(line, str(path), number)
            except RecordIOError as error:
                if on_broken is None:
                    raise
                on_broken(error)


def _parse(line: str, path: str, number: int) -> ListEntry:
    fields = [field.strip() for field in line.strip().split("\t")]
    if len(fields) < 3:
        raise RecordIOError(
            f"{line.strip()[:120]!r} has {len(fields)} field{'s' * (len(fields) != 1)}. A line must have an "
            "index, "
            "at least one label and a path, separated by tabs (not by spaces).",
            path=path,
            line_number=number,
        )
    try:
        entry = ListEntry(int(fields[0]), tuple(map(float, fields[1:-1])), fields[-1])
    except ValueError as error:
        raise RecordIOError(
            f"{error}. The first field must be a whole number, those up to the path must be numbers.",
            path=path,
            line_number=number,
        ) from None
    if not 0 <= entry.id < 1 << 64:
        raise RecordIOError(
            f"the index {entry.id} is not between 0 and 2**64 - 1.", path=path, line_number=number
        )
    return entry


def format_entry(entry: ListEntry) -> str:
    """Return the line of an entry, with six decimals as im2rec writes them.

    Raises
    ------
    RecordIOError
        The path has a tab or line break, which a list cannot hold.

    Examples
    --------
    >>> format_entry(ListEntry(5, (1.0,), "a/dog 1.jpg"))
    '5\\t1.000000\\ta/dog 1.jpg\\n'
    """
    if any(mark in entry.path for mark in "\t\r\n") or entry.path != entry.path.strip() or not entry.path:
        raise RecordIOError(
            f"the path {entry.path!r} cannot stand in a list: tabs, line breaks and outer spaces separate "
            "its fields. "
            "Rename the file."
        )
    return "".join([f"{entry.id}\t", *(f"{label:f}\t" for label in entry.labels), entry.path, "\n"])


def write_list(path: str | os.PathLike[str], entries: Iterable[ListEntry]) -> int:
    """Write a list, whole or not at all. Returns the number of lines."""
    n_written = 0
    with atomic_file(path) as file:
        for entry in entries:
            file.write(format_entry(entry).encode())
            n_written += 1
    return n_written


def check_unique(path: str | os.PathLike[str], entries: Iterable[ListEntry]) -> int:
    """Count the entries of a list and refuse one that has an index twice. Eight bytes of memory an entry.

    Raises
    ------
    RecordIOError
        Names an index that is there twice.
    """
    indexes = np.sort(np.fromiter((entry.id for entry in entries), dtype=np.uint64))
    repeated = np.flatnonzero(indexes[1:] == indexes[:-1])
    if repeated.size:
        raise RecordIOError(
            f"the index {indexes[repeated[0]]} is there more than once ({repeated.size} such lines in all). "
            "Indexes "
            "are the keys of records and must be unique; number the lines anew.",
            path=str(path),
        )
    return len(indexes)
