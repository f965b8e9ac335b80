"""A stream cut into segments that lie in memory as files, for DuckDB reads files only."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator

__all__ = ["as_file", "segments"]

_FIRST_BYTES = 4 << 20  # a query with LIMIT may need no more
_MOST_BYTES = 32 << 20


def segments(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Gather blocks of whole lines; each segment is twice as long as the one before, up to 32 MiB.

    Examples
    --------
    >>> [len(blocks) for blocks in segments([b"x" * (1 << 20)] * 14)]
    [4, 8, 2]
    """
    segment: list[bytes] = []
    n_bytes, n_wanted = 0, _FIRST_BYTES
    for block in blocks:
        segment.append(block)
        n_bytes += len(block)
        if n_bytes >= n_wanted:
            yield segment
            segment, n_bytes, n_wanted = [], 0, min(2 * n_wanted, _MOST_BYTES)
    if segment:
        yield segment


@contextlib.contextmanager
def as_file(segment: Iterable[bytes]) -> Iterator[int]:
    """The descriptor of a file with these bytes, which has no name and is gone afterwards."""
    with contextlib.ExitStack() as stack:
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("labelwright-selection", os.MFD_CLOEXEC)
            file = stack.enter_context(open(descriptor, "wb", buffering=0))  # noqa: PTH123 - a descriptor
        else:
            file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        for block in segment:
            rest = memoryview(block)
            while rest:
                rest = rest[file.write(rest) :]
        yield file.fileno()
