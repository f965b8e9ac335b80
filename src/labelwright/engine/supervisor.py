"""The supervisor: looks after training jobs, tuning jobs, endpoints and transform jobs.

It works as the engine does for labeling jobs: level-triggered. A *kind* says which rows still need somebody,
and does one idempotent step for one of them; the supervisor decides when. A wake-up that is lost costs a
moment and never work, a step that fails is tried again later without holding up the others, and no two steps
of one row run at a time.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy.engine import Connection

from labelwright.work import Runner

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.store.db import Database

__all__ = ["NOW", "Kind", "SupervisedTools", "Supervisor"]

_log = logging.getLogger(__name__)

NOW: Final = 0.0
"""A step's answer for "call me again at once"."""

_N_STEPPERS = 4
_POLL_S = 0.5  # how late a timer may be noticed
_LOOK_AT_ALL_S = 30.0  # somebody else may have changed a row: another server, a command
_BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)


@dataclasses.dataclass(frozen=True, slots=True)
class SupervisedTools:
    """The parts a step may use.

    Attributes
    ----------
    database, blobs, settings
    clock : callable
        Epoch seconds.
    runners : Mapping of str to Runner
        Programs outside this process: ``training``, ``hosting`` and ``transform``.
    logs_root : Path
        Below it are the log streams.
    wake : callable
        ``wake(kind, key)``: have a look at another row soon.
    """

    database: Database
    blobs: Blobs
    settings: Settings
    clock: Callable[[], float]
    runners: Mapping[str, Runner]
    logs_root: Path
    wake: Callable[[str, int], None]


class Kind(Protocol):
    """One kind of row that is looked after."""

    name: str
    """As in an ARN: ``training-job``."""

    def unfinished(self, connection: Connection) -> Sequence[int]:
        """The keys of the rows that still need somebody."""

    def advance(self, tools: SupervisedTools, key: int) -> float | None:
        """Do one step, safe to repeat after a crash at any point.

        Returns
        -------
        float or None
            When to be called again, in epoch seconds; `NOW` for at once; None for when somebody wakes it.
        """


@dataclasses.dataclass(slots=True)
class _Watched:
    due_at: float | None = NOW
    is_woken: bool = True
    is_running: bool = False
    n_failures: int = 0
    rested_until: float = 0.0  # monotonic


class Supervisor:
    """Looks after rows of several kinds.

    Parameters
    ----------
    database, blobs, settings
    clock : callable
        Returns epoch seconds.
    kinds : iterable of Kind
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Settings,
        clock: Callable[[], float],
        kinds: Iterable[Kind],
    ) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        programs = settings.data_dir / "programs"

        def runner(name: str, n_at_once: int) -> Runner:
            return Runner(programs / name, n_at_once=n_at_once, on_end=lambda _program: self._wake_all())

        at_once = settings.training_jobs_at_once or max(1, (os.cpu_count() or 2) // 2)
        self.tools = SupervisedTools(
            database=database,
            blobs=blobs,
            settings=settings,
            clock=clock,
            runners={
                "training": runner("training", at_once),
                "hosting": runner("hosting", 1_000_000),
                "transform": runner("transform", at_once),
            },
            logs_root=settings.data_dir / "logs",
            wake=self.wake,
        )
        self._condition = threading.Condition()
        self._rows: dict[tuple[str, int], _Watched] = {}
        self._look_at_all_at = 0.0  # monotonic
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self._steppers: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Start the supervisor's thread."""
        if self._thread is None and self._kinds:
            self._steppers = ThreadPoolExecutor(_N_STEPPERS, thread_name_prefix="supervisor-step")
            self._thread = threading.Thread(
                target=self._run, args=(self._steppers,), name="supervisor", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Finish the steps in flight and end the threads; programs go on and are found at the next start."""
        with self._condition:
            self._is_stopping = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._steppers is not None:
            self._steppers.shutdown(wait=True)

    def wake(self, kind: str, key: int) -> None:
        """Have a look at this row soon. Cheap, from any thread."""
        with self._condition:
            self._rows.setdefault((kind, key), _Watched()).is_woken = True
            self._condition.notify_all()

    def _wake_all(self) -> None:
        with self._condition:
            self._look_at_all_at = 0.0
            self._condition.notify_all()

    def settle(self, limit: int = 100_000) -> float | None:
        """Do everything that can be done now, in the caller's thread (without `start`).

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
            dues = [
                due
                for kind in self._kinds.values()
                for key in self.tools.database.read(kind.unfinished)
                if (due := kind.advance(self.tools, key)) is not None
            ]
            if NOW not in dues:
                return min(dues, default=None)
        raise RuntimeError(f"the supervisor did not come to rest within {limit} rounds")

    # -- the supervisor's own thread ------------------------------------------------------------------

    def _run(self, steppers: Executor) -> None:
        while True:
            with self._condition:
                if self._is_stopping:
                    return
            try:
                self._look_at_all()
            except Exception:
                _log.exception("the supervisor could not read the database", extra={"action": "look"})
            with self._condition:
                if self._is_stopping:
                    return
                self._start_due(steppers)
                self._condition.wait(self._pause_s())

    def _look_at_all(self) -> None:
        if time.monotonic() < self._look_at_all_at:
            return
        unfinished = {
            (kind.name, key)
            for kind in self._kinds.values()
            for key in self.tools.database.read(kind.unfinished)
        }
        with self._condition:
            self._look_at_all_at = time.monotonic() + _LOOK_AT_ALL_S
            for row in unfinished:
                self._rows.setdefault(row, _Watched()).is_woken = True
            ended = [
                row
                for row, watched in self._rows.items()
                if row not in unfinished and not watched.is_running and not watched.is_woken
            ]
            for row in ended:
                del self._rows[row]

    def _start_due(self, steppers: Executor) -> None:
        now, tick = self.tools.clock(), time.monotonic()
        for row, watched in self._rows.items():
            is_due = watched.is_woken or (watched.due_at is not None and watched.due_at <= now)
            if is_due and not watched.is_running and tick >= watched.rested_until:
                watched.is_running = True
                watched.is_woken = False
                steppers.submit(self._step, row, watched)

    def _pause_s(self) -> float:
        """How long nothing can be due; half a minute when there is nothing to look after."""
        if not self._rows:
            return max(0.001, self._look_at_all_at - time.monotonic())
        tick, now = time.monotonic(), self.tools.clock()
        rests = [
            max(w.rested_until - tick, 0.0 if w.is_woken or w.due_at is None else w.due_at - now)
            for w in self._rows.values()
            if not w.is_running and (w.is_woken or w.due_at is not None)
        ]
        return max(0.001, min([_POLL_S, *rests]))

    def _step(self, row: tuple[str, int], watched: _Watched) -> None:
        rest_s = 0.0
        kind, key = row
        try:
            due = self._kinds[kind].advance(self.tools, key)
            watched.n_failures = 0
        except Exception:
            rest_s = _BACK_OFF_S[min(watched.n_failures, len(_BACK_OFF_S) - 1)]
            watched.n_failures += 1
            due = NOW
            _log.exception(
                "a step failed; it is tried again",
                extra={"action": "advance", "kind": kind, "key": key, "retry_in_s": rest_s},
            )
        with self._condition:
            watched.is_running = False
            watched.due_at = due
            watched.is_woken = watched.is_woken or due == NOW
            watched.rested_until = time.monotonic() + rest_s
            self._condition.notify_all()
