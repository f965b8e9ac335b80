"""Places for work that uses a whole processor core, handed out in the order in which they were asked for."""

from __future__ import annotations

import threading
from collections import deque

__all__ = ["Slots"]


class Slots:
    """A semaphore that is fair.

    `threading.Semaphore` lets whoever comes at the right moment overtake those who wait, so under load some
    wait more than twice as long as others; here a place that becomes free belongs to the first in the queue.

    Parameters
    ----------
    n : int
        Places, at least 1.
    """

    def __init__(self, n: int) -> None:
        self._lock = threading.Lock()
        self._n_free = n
        self._queue: deque[threading.Lock] = deque()

    def acquire(self, timeout_s: float) -> bool:
        """Take a place; False when there was none in time."""
        with self._lock:
            if self._n_free:
                self._n_free -= 1
                return True
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        if turn.acquire(timeout=max(0.0, timeout_s)):
            return True
        with self._lock:
            if turn in self._queue:
                self._queue.remove(turn)
                return False
        return True  # it was handed over at the last moment

    def release(self) -> None:
        """Give a place back, to the first who waits."""
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._n_free += 1
