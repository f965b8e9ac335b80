"""In order, in parallel, within the budget, and over when the reader is."""

from __future__ import annotations

import threading

import pytest

from labelwright.streaming.prefetch import OrderedPrefetch


def prefetch(fetch, n: int, *, n_threads: int = 4, budget: int = 1000, size: int = 1):
    return OrderedPrefetch(fetch, lambda _: size, range(n), n_threads=n_threads, budget_bytes=budget)


@pytest.mark.parametrize("n_threads", [0, 1, 4])
def test_results_come_in_the_order_of_the_jobs(n_threads: int) -> None:
    assert list(prefetch(lambda i: i * i, 500, n_threads=n_threads)) == [i * i for i in range(500)]


def test_jobs_run_side_by_side() -> None:
    together = threading.Barrier(4, timeout=20)
    assert list(prefetch(lambda i: (together.wait(), i)[1], 4)) == [0, 1, 2, 3]


def test_no_more_is_fetched_than_the_budget_allows() -> None:
    started = []
    results = iter(prefetch(lambda i: started.append(i), 1000, n_threads=2, budget=40, size=10))
    most = 0
    for n_taken, _ in enumerate(results, start=1):
        most = max(most, len(started) - n_taken)
    # By mean size four results fit the budget; one chunk is under way all the same.
    assert most <= 64 + 4
    assert len(started) == 1000


def test_large_results_are_fetched_one_at_a_time() -> None:
    started = []
    results = iter(prefetch(lambda i: started.append(i), 100, n_threads=2, budget=40 << 20, size=10 << 20))
    for n_taken, _ in enumerate(results, start=1):
        assert len(started) <= n_taken + 5  # 40 MiB ahead, and one being taken


def test_an_error_comes_after_the_results_before_it() -> None:
    def fetch(i: int) -> int:
        if i == 30:
            raise KeyError("thirty")
        return i

    seen = []
    with pytest.raises(KeyError, match="thirty"):
        for result in prefetch(fetch, 60):
            seen.append(result)
    assert seen == list(range(30))


def test_threads_help_only_when_fetching_is_slow() -> None:
    here = threading.current_thread()

    def where(i: int) -> threading.Thread:
        if i < 40:
            slow.wait(0.01)  # never set: as slow as a disk
        return threading.current_thread()

    slow = threading.Event()

    def threads_of(patience_s: float, n: int) -> list[bool]:
        jobs = OrderedPrefetch(
            where, lambda _: 1, range(n), n_threads=2, budget_bytes=1000, patience_s=patience_s
        )
        return [thread is here for thread in jobs]

    assert threads_of(0.001, 100) == [True] * 32 + [False] * 68
    assert all(threads_of(60.0, 100))


def test_threads_end_when_the_reader_stops() -> None:
    before = threading.active_count()
    results = iter(prefetch(lambda i: i, 10**9))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    results.close()
    assert threading.active_count() == before


def test_jobs_are_fetched_together_and_one_by_one_where_that_fails() -> None:
    chunks: list[int] = []

    def fetch(i: int) -> int:
        if i == 130:
            raise KeyError("one hundred and thirty")
        return i

    def fetch_many(jobs):
        chunks.append(len(jobs))
        return [fetch(i) for i in jobs]

    seen = []
    together = OrderedPrefetch(
        fetch, lambda _: 1, range(300), n_threads=2, budget_bytes=1000, fetch_many=fetch_many
    )
    with pytest.raises(KeyError, match="thirty"):
        for result in together:
            seen.append(result)
    assert seen == list(range(130))
    assert max(chunks) > 1
