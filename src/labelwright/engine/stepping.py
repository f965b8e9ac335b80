"""Level-triggered stepping: many rows, each looked at again and again until nothing is left to do for it.

What a row is and what its next step does is left to the owner; this module decides *when*. A wake-up only
says "look there", so a lost one costs a moment and never work. One thread decides which row is due; the steps
run in a small pool, never two of one row at a time, and a step that fails is tried again later without
holding up the others.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, Generic, Protocol, TypeVar

from labelwright.core.histogram import Histogram

__all__ = ["NOW", "Rows", "Stepping"]

_log = logging.getLogger(__name__)

NOW: Final = 0.0
"""A step's answer for "call me again at once"."""

_N_STEPPERS = 4
_POLL_S = 0.5  # how late a timer may be noticed
_LOOK_AT_ALL_S = 30.0  # somebody else may have changed a row: another server, a command
_BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)

Key = TypeVar("Key", bound=Hashable)


class Rows(Protocol[Key]):
    """The rows that are stepped; each method is safe to be called again at any time."""

    def unfinished(self) -> Iterable[Key]:
        """The rows that still need somebody."""
        ...

    def advance(self, key: Key) -> float | None:
        """Do one step, safe to repeat after a crash at any point.

        Returns
        -------
        float or None
            When to be called again, in epoch seconds; `NOW` for at once; None for when somebody wakes it.
        """
        ...

    def before_round(self) -> None:
        """Do what is to be done for no row in particular, before it is looked which rows are due."""
        ...

    def rest_s(self, due: float | None, took_s: float) -> float:
        """How long a row is left alone after a step that ended well.

        Parameters
        ----------
        due : float or None
            What the step answered.
        took_s : float
            How long it took.
        """
        ...


@dataclasses.dataclass(slots=True)
class _Watched:
    """A row as the deciding thread sees it."""

    due_at: float | None = NOW
    is_woken: bool = True
    is_running: bool = False
    n_failures: int = 0
    rested_until: float = 0.0  # monotonic


class Stepping(Generic[Key]):
    """Decides which row is due, and has it stepped.

    Parameters
    ----------
    rows : Rows
    clock : callable
        Returns epoch seconds.
    name : str
        Of the threads, and in the log.
    is_polling : bool
        Whether `Rows.before_round` is called twice a second even when there are no rows.

    Attributes
    ----------
    step_seconds : Histogram
        How long steps took, those that failed too.
    n_failed_steps : int
    """

    def __init__(
        self, rows: Rows[Key], clock: Callable[[], float], *, name: str, is_polling: bool = False
    ) -> None:
        self.step_seconds = Histogram()  # observed under the condition's lock
        self.n_failed_steps = 0
        self._rows, self._clock = rows, clock
        self._name, self._is_polling = name, is_polling
        self._condition = threading.Condition()
        self._watched: dict[Key, _Watched] = {}
        self._look_at_all_at = 0.0  # monotonic
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self._steppers: ThreadPoolExecutor | None = None

    def start(self, *first: Callable[[], None]) -> None:
        """Start the threads.

        Parameters
        ----------
        first : callable
            Done once, beside the first steps.
        """
        if self._thread is None:
            steppers = ThreadPoolExecutor(_N_STEPPERS, thread_name_prefix=f"{self._name}-step")
            self._steppers = steppers
            for each in first:
                steppers.submit(each)
            self._thread = threading.Thread(target=self._run, args=(steppers,), name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the steps in flight and end the threads; what is left goes on at the next start."""
        with self._condition:
            self._is_stopping = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._steppers is not None:
            self._steppers.shutdown(wait=True)

    def wake(self, key: Key) -> None:
        """Have a look at this row soon. Cheap, from any thread."""
        with self._condition:
            watched = self._watched.setdefault(key, _Watched(is_woken=False))
            if not watched.is_woken:  # else it is told already
                watched.is_woken = True
                self._condition.notify_all()

    def wake_all(self) -> None:
        """Have a look at all rows soon."""
        with self._condition:
            self._look_at_all_at = 0.0
            self._condition.notify_all()

    def settle(self, limit: int, *, may_go_on: Callable[[], bool] = lambda: False) -> float | None:
        """Do everything that can be done now, in the caller's thread (without `start`).

        Parameters
        ----------
        limit : int
            Rounds.
        may_go_on : callable
            Asked when no row is due: True when there may be something to do now.

        Returns
        -------
        float or None
            When the next timer is due, in epoch seconds.

        Raises
        ------
        RuntimeError
            When there is no end of it.
        """
        for _ in range(limit):
            self._rows.before_round()
            dues = [due for key in self._rows.unfinished() if (due := self._rows.advance(key)) is not None]
            if NOW not in dues and not may_go_on():
                return min(dues, default=None)
        raise RuntimeError(f"the {self._name} did not come to rest within {limit} rounds")

    # -- the deciding thread --------------------------------------------------------------------------

    def _run(self, steppers: Executor) -> None:
        while True:
            with self._condition:
                if self._is_stopping:
                    return
            has_failed = False
            try:
                self._rows.before_round()
                self._look_at_all()
            except Exception:
                has_failed = True
                _log.exception("the database could not be read", extra={"action": "look", "of": self._name})
            with self._condition:
                if self._is_stopping:
                    return
                self._start_due(steppers)
                self._condition.wait(_BACK_OFF_S[0] if has_failed else self._pause_s())

    def _look_at_all(self) -> None:
        if time.monotonic() < self._look_at_all_at:
            return
        unfinished = set(self._rows.unfinished())
        with self._condition:
            self._look_at_all_at = time.monotonic() + _LOOK_AT_ALL_S
            for key in unfinished:
                self._watched.setdefault(key, _Watched()).is_woken = True
            ended = [
                key
                for key, watched in self._watched.items()
                if key not in unfinished and not watched.is_running and not watched.is_woken
            ]
            for key in ended:
                del self._watched[key]

    def _start_due(self, steppers: Executor) -> None:
        now, tick = self._clock(), time.monotonic()
        for key, watched in self._watched.items():
            is_due = watched.is_woken or (watched.due_at is not None and watched.due_at <= now)
            if is_due and not watched.is_running and tick >= watched.rested_until:
                watched.is_running = True
                watched.is_woken = False
                steppers.submit(self._step, key, watched)

    def _pause_s(self) -> float:
        """How long nothing can be due; until all are looked at again when there is nothing to look after."""
        tick, now = time.monotonic(), self._clock()
        if not self._watched and not self._is_polling:
            return max(0.001, self._look_at_all_at - tick)
        rests = [
            max(each.rested_until - tick, 0.0 if each.is_woken or each.due_at is None else each.due_at - now)
            for each in self._watched.values()
            if not each.is_running and (each.is_woken or each.due_at is not None)
        ]
        return max(0.001, min([_POLL_S, *rests]))

    def _step(self, key: Key, watched: _Watched) -> None:
        started = time.monotonic()
        try:
            due = self._rows.advance(key)
            rest_s = self._rows.rest_s(due, time.monotonic() - started)
            watched.n_failures = 0
        except Exception:
            rest_s = _BACK_OFF_S[min(watched.n_failures, len(_BACK_OFF_S) - 1)]
            watched.n_failures += 1
            due = NOW
            _log.exception(
                "a step failed; it is tried again",
                extra={"action": "advance", "of": self._name, "key": key, "retry_in_s": rest_s},
            )
        with self._condition:
            self.step_seconds.observe(time.monotonic() - started)
            self.n_failed_steps += watched.n_failures > 0
            watched.is_running = False
            watched.due_at = due
            if due == NOW:
                watched.is_woken = True
            watched.rested_until = time.monotonic() + rest_s
            self._condition.notify_all()
