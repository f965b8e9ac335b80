"""The engine: looks at the durable state of every unfinished job and does the next step.

It is level-triggered: a wake-up only says "look there", so a lost one costs a moment and never work. One
thread decides which job is due; the steps run in a small pool, never two of one job at a time, and a step
that fails is tried again later without holding up the others.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from labelwright.core.histogram import Histogram
from labelwright.engine import automated
from labelwright.engine.advancing import NOW, Memo, advance
from labelwright.engine.calls import RETRY_S, Calls
from labelwright.engine.facts import facts_of
from labelwright.engine.failures import declined_by_all, failure_content
from labelwright.engine.tools import Tools
from labelwright.store import batches, human_tasks, labeling_jobs, labels
from labelwright.work import Runner

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.functions import Invoker
    from labelwright.store.db import Database

__all__ = ["Engine"]

_log = logging.getLogger(__name__)

_N_STEPPERS = 4
_N_IO = 8
_POLL_S = 0.5  # how late a timer may be noticed
_LOOK_AT_ALL_S = 30.0  # somebody else may have changed a job: another server, a command
_SPACING_S = 0.1  # workers finish objects by the hundred a second; looking once for many is enough
# While workers hand in, the engine leaves them most of the disk and the processor: after each step it rests
# twice as long as the step took.
_BUSY_S = 1.0
_REST_SHARE = 2.0
_REST_S_MAX = 0.5
_BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)


@dataclasses.dataclass(slots=True)
class _Watched:
    """A job as the engine's thread sees it."""

    memo: Memo = dataclasses.field(default_factory=Memo)
    due_at: float | None = NOW
    is_woken: bool = True
    is_running: bool = False
    n_failures: int = 0
    rested_until: float = 0.0  # monotonic


class Engine:
    """Drives labeling jobs.

    Parameters
    ----------
    database : Database
    blobs : Blobs
    settings : Settings
    clock : callable
        Returns epoch seconds.
    functions : Invoker, optional
        Runs the functions that jobs name; without it such jobs fail.
    call_retry_s : sequence of float
        Pauses before a failed call of such a function is made again.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Settings,
        clock: Callable[[], float],
        functions: Invoker | None = None,
        call_retry_s: Sequence[float] = RETRY_S,
    ) -> None:
        self._io = ThreadPoolExecutor(_N_IO, thread_name_prefix="engine-io")
        work = Runner(
            settings.data_dir / "work", n_at_once=settings.work_at_once, on_end=lambda _name: self.wake()
        )
        self._calls = Calls(functions, self.wake, retry_s=call_retry_s)
        self._tools = Tools(database, blobs, settings, clock, self._io, work, self._calls)
        self._condition = threading.Condition()
        self._jobs: dict[int, _Watched] = {}
        self._look_at_all_at = 0.0  # monotonic
        self._worker_at = 0.0  # monotonic
        self._is_stopping = False
        self.step_seconds = Histogram()  # observed under the condition's lock
        self.n_failed_steps = 0
        self._thread: threading.Thread | None = None
        self._steppers: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Start the engine's thread."""
        if self._thread is None:
            steppers = ThreadPoolExecutor(_N_STEPPERS, thread_name_prefix="engine-step")
            self._steppers = steppers
            self._thread = threading.Thread(target=self._run, args=(steppers,), name="engine", daemon=True)
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
        self._calls.close()
        self._io.shutdown(wait=True)

    def wake(self, job_id: int | None = None, *, by_worker: bool = False) -> None:
        """Have a look at this job (or all) soon. Cheap, from any thread.

        Parameters
        ----------
        by_worker : bool
            True while workers are busy handing in; the engine then works at leisure.
        """
        with self._condition:
            if job_id is None:
                self._look_at_all_at = 0.0
            else:
                if by_worker:
                    self._worker_at = time.monotonic()
                watched = self._jobs.setdefault(job_id, _Watched())
                if watched.is_woken:
                    return  # told already
                watched.is_woken = True
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
            self.expire_leases()
            dues: list[float] = []
            for job_id in self._tools.database.read(labeling_jobs.unfinished):
                watched = self._jobs.setdefault(job_id, _Watched())
                due = advance(self._tools, job_id, watched.memo)
                if due is not None:
                    dues.append(due)
            if NOW not in dues and not self._calls.wait():
                return min(dues, default=None)
        raise RuntimeError(f"the engine did not come to rest within {limit} rounds")

    def expire_leases(self) -> int:
        """Return the tasks whose lease ran out to the pool; how many there were."""
        tools = self._tools
        now = tools.clock()
        next_at = tools.database.read(human_tasks.next_expiry)
        if next_at is None or next_at > now:
            return 0

        def expire(connection: Connection) -> list[human_tasks.EndedObject]:
            ended = human_tasks.expire(connection, now=now)
            for item in ended:
                if item.is_given_up:
                    record_given_up(connection, item, now=now)
            return ended

        ended = tools.database.write(expire)
        for job_id in {item.job_id for item in ended if item.is_closed}:
            self.wake(job_id)
        return len(ended)

    # -- the engine's own thread ----------------------------------------------------------------------

    def _run(self, steppers: Executor) -> None:
        steppers.submit(self._sweep)
        while True:
            with self._condition:
                if self._is_stopping:
                    return
            try:
                self.expire_leases()
                self._look_at_all()
            except Exception:
                _log.exception("the engine could not read the database", extra={"action": "look"})
            with self._condition:
                if self._is_stopping:
                    return
                self._start_due(steppers)
                self._condition.wait(self._pause_s())
            # The template language takes half a second to load: not before the server is up, but before the
            # first job needs it.
            importlib.import_module("labelwright.templates")

    def _sweep(self) -> None:
        try:
            automated.sweep(self._tools)
        except Exception:
            _log.exception("old work could not be removed", extra={"action": "sweep"})

    def _look_at_all(self) -> None:
        if time.monotonic() < self._look_at_all_at:
            return
        unfinished = set(self._tools.database.read(labeling_jobs.unfinished))
        with self._condition:
            self._look_at_all_at = time.monotonic() + _LOOK_AT_ALL_S
            for job_id in unfinished:
                self._jobs.setdefault(job_id, _Watched()).is_woken = True
            ended = [
                job_id
                for job_id, watched in self._jobs.items()
                if job_id not in unfinished and not watched.is_running and not watched.is_woken
            ]
            for job_id in ended:
                del self._jobs[job_id]

    def _start_due(self, steppers: Executor) -> None:
        now, tick = self._tools.clock(), time.monotonic()
        for job_id, watched in self._jobs.items():
            is_due = watched.is_woken or (watched.due_at is not None and watched.due_at <= now)
            if is_due and not watched.is_running and tick >= watched.rested_until:
                watched.is_running = True
                watched.is_woken = False
                steppers.submit(self._step, job_id, watched)

    def _pause_s(self) -> float:
        tick = time.monotonic()
        rests = [
            watched.rested_until - tick
            for watched in self._jobs.values()
            if watched.is_woken and not watched.is_running
        ]
        return max(0.001, min([_POLL_S, *rests]))

    def _step(self, job_id: int, watched: _Watched) -> None:
        rest_s = _SPACING_S
        started = time.monotonic()
        try:
            due = advance(self._tools, job_id, watched.memo)
            watched.n_failures = 0
            if due == NOW:
                now = time.monotonic()
                is_busy = now - self._worker_at < _BUSY_S
                rest_s = min(_REST_SHARE * (now - started), _REST_S_MAX) if is_busy else 0.0
        except Exception:
            rest_s = _BACK_OFF_S[min(watched.n_failures, len(_BACK_OFF_S) - 1)]
            watched.n_failures += 1
            due = NOW
            _log.exception(
                "a step of a labeling job failed; it is tried again",
                extra={"action": "advance", "job_id": job_id, "retry_in_s": rest_s},
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


def record_given_up(connection: Connection, item: human_tasks.EndedObject, *, now: float) -> None:
    """Record the failure of an object that as many workers declined as it asks for."""
    job = labeling_jobs.get(connection, item.job_id)
    if job is None:
        return
    facts = facts_of(job)
    content = failure_content(facts.names.metadata_name, declined_by_all(facts.n_workers))
    labels.record_failures(connection, item.job_id, [(item.object_no, content)], now=now)
    batches.mark_changed(connection, item.job_id, [job.iteration])
