"""Fetch ahead in parallel, deliver in order, and never hold more than a budget of bytes."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["OrderedPrefetch"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_CHUNK_BYTES = 1 << 20
_CHUNK_JOBS_MAX = 64
_CHUNKS_PER_THREAD = 4
_TRIAL_JOBS = 32


class OrderedPrefetch(Generic[Job, Result]):
    """Results of ``fetch(job)`` in the order of the jobs, some of them made ahead by threads.

    Parameters
    ----------
    fetch : callable
        Runs in threads. What it raises is raised to the reader, in its place.
    size_of : callable
        Bytes that a result holds.
    jobs : iterable
        Taken one chunk after the other, in the reader's thread.
    n_threads : int
        0 fetches in the reader's thread when it asks.
    fetch_many : callable, optional
        Results of several jobs at once, in order, where that costs less than one after the other. When it
        raises, the jobs are fetched one by one.
    patience_s : float
        Fetch in the reader's thread as long as most jobs take less than that. What lies in the page cache is
        read in less time than it takes to hand it from thread to thread; a disk is not. 0 hands over from the
        start.
    budget_bytes : int
        Most bytes that are fetched and not yet taken, by the mean size so far; one chunk is under way all the
        same, and as many as there are threads before the first size is known.

    Notes
    -----
    The first chunks are single jobs, so that the first result comes soon; later ones hold about 1 MiB, so
    that handing them over costs little. Threads end with the iteration, with `close`, or when the reader
    forgets the iterator.
    """

    def __init__(
        self,
        fetch: Callable[[Job], Result],
        size_of: Callable[[Result], int],
        jobs: Iterable[Job],
        *,
        n_threads: int,
        budget_bytes: int,
        fetch_many: Callable[[Sequence[Job]], list[Result]] | None = None,
        patience_s: float = 0.0,
    ) -> None:
        self._fetch = fetch
        self._fetch_many = fetch_many
        self._size_of = size_of
        self._jobs = iter(jobs)
        self._n_threads = n_threads
        self._budget_bytes = budget_bytes
        self._pending: deque[tuple[int, Future[tuple[list[Result], BaseException | None]]]] = deque()
        self._n_pending = 0
        self._n_taken = 0
        self._bytes_taken = 0
        self._is_stopped = threading.Event()
        self._patience_s = patience_s
        self._pool = ThreadPoolExecutor(n_threads, "prefetch") if n_threads else None

    def start(self) -> None:
        """Begin to fetch before the first result is asked for."""
        if self._pool is not None and not self._patience_s:
            self._fill(self._pool)

    def __iter__(self) -> Iterator[Result]:
        try:
            if self._pool is None or self._patience_s:
                yield from self._fetched_here()
            while self._pool is not None:
                self._fill(self._pool)
                if not self._pending:
                    return
                n_jobs, future = self._pending.popleft()
                results, error = future.result()
                self._n_pending -= n_jobs
                self._n_taken += len(results)
                self._bytes_taken += sum(map(self._size_of, results))
                if self._is_stopped.is_set():
                    return
                yield from results
                if error is not None:
                    raise error
                del results, future  # or the chunk would live as long as the next is waited for
        finally:
            self.close()

    def close(self) -> None:
        """Stop: drop what was fetched, and wait for the fetches under way."""
        self._is_stopped.set()
        self._pending.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _fetched_here(self) -> Iterator[Result]:
        """Results made in this thread; ends with the jobs, or when threads are worth their while."""
        while chunk := list(itertools.islice(self._jobs, _TRIAL_JOBS)):
            n_slow = 0
            for job in chunk:
                if self._is_stopped.is_set():
                    return
                before = time.perf_counter()
                result = self._fetch(job)
                n_slow += time.perf_counter() - before > self._patience_s
                yield result
            if self._pool is not None and 2 * n_slow > len(chunk):
                return

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        mean_bytes = max(1, self._bytes_taken // self._n_taken) if self._n_taken else None
        size = 1 if mean_bytes is None else max(1, min(_CHUNK_JOBS_MAX, _CHUNK_BYTES // mean_bytes))
        while not self._is_stopped.is_set():
            if mean_bytes is None:
                is_enough = len(self._pending) >= self._n_threads
            else:
                is_enough = len(self._pending) >= _CHUNKS_PER_THREAD * self._n_threads or (
                    bool(self._pending) and (self._n_pending + size) * mean_bytes > self._budget_bytes
                )
            if is_enough:
                return
            chunk = list(itertools.islice(self._jobs, size))
            if not chunk:
                return
            self._pending.append((len(chunk), pool.submit(self._fetch_all, chunk)))
            self._n_pending += len(chunk)

    def _fetch_all(self, chunk: Sequence[Job]) -> tuple[list[Result], BaseException | None]:
        if self._fetch_many is not None:
            with contextlib.suppress(Exception):  # which job it was shows below
                return self._fetch_many(chunk), None
        results: list[Result] = []
        for job in chunk:
            if self._is_stopped.is_set():
                break
            try:
                results.append(self._fetch(job))
            except Exception as error:  # the reader gets it, after the results before it
                return results, error
        return results, None
