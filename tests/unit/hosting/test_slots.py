"""Places in the order in which they were asked for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from labelwright.hosting.slots import Slots


def _until_queued(slots: Slots, n: int) -> None:
    end = time.monotonic() + 20
    while len(slots._queue) != n:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_first_come_first_served() -> None:
    slots = Slots(1)
    order: list[int] = []
    assert slots.acquire(0)

    def work(i: int) -> None:
        assert slots.acquire(20)
        order.append(i)
        slots.release()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(10)]
    for i, thread in enumerate(threads):
        thread.start()
        _until_queued(slots, i + 1)
    slots.release()
    for thread in threads:
        thread.join()
    assert order == list(range(10))


def test_never_more_than_there_are() -> None:
    slots = Slots(3)
    lock = threading.Lock()
    n_inside = most = 0

    def work(_: int) -> None:
        nonlocal n_inside, most
        assert slots.acquire(20)
        with lock:
            n_inside += 1
            most = max(most, n_inside)
        time.sleep(0.0005)
        with lock:
            n_inside -= 1
        slots.release()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(200)))
    assert most == 3
    assert all(slots.acquire(0) for _ in range(3))
    assert not slots.acquire(0)


def test_who_gives_up_is_passed_over() -> None:
    slots = Slots(1)
    assert slots.acquire(0)
    assert not slots.acquire(0.01)
    assert not slots.acquire(0)
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(slots.acquire, 20)
        _until_queued(slots, 1)
        slots.release()
        assert patient.result()
    slots.release()
    assert slots.acquire(0)
