"""The same load for every system: take a task, submit an answer, over persistent HTTP connections.

A `System` knows how to start, import and export; a `Seat` is one worker. What is measured stands here, once,
so that both systems are measured alike.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Protocol

import psutil


class Seat(Protocol):
    """One worker's connection."""

    def take(self) -> str | None:
        """Take the next task; its data object's identity, or None when there is none."""

    def submit(self) -> None:
        """Answer the task taken last."""


class System(Protocol):
    """One labeling server."""

    name: str

    def start(self) -> float: ...
    def stop(self) -> None: ...
    def pid(self) -> int: ...
    def load(self, n_objects: int) -> float: ...
    def seats(self, n: int) -> list[Seat]: ...
    def export(self) -> tuple[float, float]: ...


def memory_mib(pid: int) -> float:
    """Unique memory of a process and its children, MiB."""
    root = psutil.Process(pid)
    total = 0
    for process in [root, *root.children(recursive=True)]:
        total += process.memory_full_info().uss
    return total / 2**20


def quantile(values: list[float], q: float) -> float:
    """The q-quantile of the values (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def fsync_ms(folder: Path, n: int = 50) -> float:
    """Median time of a 4 KiB write and fsync on this disk, ms."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(n):
            begin = time.perf_counter()
            file.write(os.urandom(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times)


def latencies(seat: Seat, n: int) -> tuple[list[float], list[float]]:
    """Milliseconds of n takes and n submits of one worker, one after the other."""
    takes, submits = [], []
    for _ in range(n):
        begin = time.perf_counter()
        if seat.take() is None:
            break
        middle = time.perf_counter()
        seat.submit()
        end = time.perf_counter()
        takes.append((middle - begin) * 1e3)
        submits.append((end - middle) * 1e3)
    return takes, submits


def crowd(seats: list[Seat], seconds: float) -> tuple[float, float, int, list[str]]:
    """All seats at once: cycles per second, share handed out more than once, number of cycles, errors."""
    taken: list[list[str]] = [[] for _ in seats]
    errors: list[str] = []
    end = time.perf_counter() + seconds

    def work(i: int) -> None:
        seat = seats[i]
        while time.perf_counter() < end:
            try:
                identity = seat.take()
                if identity is None:
                    return
                taken[i].append(identity)
                seat.submit()
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
                if len(errors) > 100:
                    return

    begin = time.perf_counter()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(seats))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begin
    counts = Counter(identity for one in taken for identity in one)
    n = sum(counts.values())
    twice = sum(count - 1 for count in counts.values())
    return n / took, (twice / n if n else 0.0), n, errors
