"""Blocks of lines gathered into segments, and the flags of each, found ahead by several threads."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from labelwright.selection.plans import Plan
from labelwright.selection.scanning import Scanner

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["flagged", "segments"]

_FIRST_BYTES = 1 << 20  # a query with LIMIT may need no more
_MOST_BYTES = 16 << 20  # more hardly saves time: DuckDB needs some milliseconds to begin


def segments(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Gather blocks of whole lines; each segment is twice as long as the one before, up to 16 MiB.

    Examples
    --------
    >>> [len(blocks) for blocks in segments([b"x" * (1 << 20)] * 14)]
    [1, 2, 4, 7]
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


def flagged(
    read: Iterable[list[bytes]], plan: Plan, *, n_threads: int, memory_mib: int
) -> Generator[tuple[list[bytes], npt.NDArray[np.int64]]]:
    """Yield each segment with the flags of its lines, in order.

    Parameters
    ----------
    read : iterable of list of bytes
        Segments.
    plan : Plan
    n_threads : int
        Segments looked at at once; as many and one more are held in memory.
    memory_mib : int
        Limit of all databases together.
    """
    idle: queue.SimpleQueue[Scanner] = queue.SimpleQueue()
    scanners: list[Scanner] = []

    def look_at(segment: list[bytes]) -> npt.NDArray[np.int64]:
        scanner = idle.get()
        try:
            return scanner.flags(segment)
        finally:
            idle.put(scanner)

    waiting: deque[tuple[list[bytes], Future[npt.NDArray[np.int64]]]] = deque()
    pool = ThreadPoolExecutor(n_threads, "selection")
    try:
        for segment in read:
            if len(scanners) < n_threads:  # short inputs need one
                scanners.append(Scanner(plan, memory_mib=max(memory_mib // n_threads, 64)))
                idle.put(scanners[-1])
            waiting.append((segment, pool.submit(look_at, segment)))
            if len(waiting) > n_threads:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        for scanner in scanners:
            scanner.close()
