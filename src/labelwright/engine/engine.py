"""The engine: looks at the durable state of every unfinished labeling job and does the next step.

When a job is due is decided by `labelwright.engine.stepping`; what its next step is by
`labelwright.engine.advancing`. Here the two are put together with what belongs to labeling alone: leases that
run out, calls of functions, and rest while workers hand in.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from labelwright.core.histogram import Histogram
from labelwright.engine import automated
from labelwright.engine.advancing import Memo, advance
from labelwright.engine.calls import RETRY_S, Calls
from labelwright.engine.facts import facts_of
from labelwright.engine.failures import declined_by_all, failure_content
from labelwright.engine.stepping import NOW, Stepping
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

_N_IO = 8
_SPACING_S = 0.1  # workers finish objects by the hundred a second; looking once for many is enough
# While workers hand in, the engine leaves them most of the disk and the processor: after each step it rests
# twice as long as the step took.
_BUSY_S = 1.0
_REST_SHARE = 2.0
_REST_S_MAX = 0.5


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
        self._stepping: Stepping[int] = Stepping(self, clock, name="engine", is_polling=True)
        self._io = ThreadPoolExecutor(_N_IO, thread_name_prefix="engine-io")
        work = Runner(
            settings.data_dir / "work", n_at_once=settings.work_at_once, on_end=lambda _name: self.wake()
        )
        self._calls = Calls(functions, self.wake, retry_s=call_retry_s)
        self._tools = Tools(database, blobs, settings, clock, self._io, work, self._calls)
        self._memos: dict[int, Memo] = {}
        self._worker_at = 0.0  # monotonic
        self._has_begun = False

    @property
    def step_seconds(self) -> Histogram:
        """How long steps took."""
        return self._stepping.step_seconds

    @property
    def n_failed_steps(self) -> int:
        """Steps that failed; they are tried again."""
        return self._stepping.n_failed_steps

    def start(self) -> None:
        """Start the engine's threads."""
        self._stepping.start(self._sweep)

    def stop(self) -> None:
        """Finish the steps in flight and end the threads; what is left goes on at the next start."""
        self._stepping.stop()
        self._calls.close()
        self._io.shutdown(wait=True)

    def wake(self, job_id: int | None = None, *, by_worker: bool = False) -> None:
        """Have a look at this job (or all) soon. Cheap, from any thread.

        Parameters
        ----------
        by_worker : bool
            True while workers are busy handing in; the engine then works at leisure.
        """
        if job_id is None:
            self._stepping.wake_all()
            return
        if by_worker:
            self._worker_at = time.monotonic()
        self._stepping.wake(job_id)

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
        return self._stepping.settle(limit, may_go_on=self._calls.wait)

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

    # -- what `Stepping` asks for ---------------------------------------------------------------------

    def unfinished(self) -> Sequence[int]:
        """The jobs that still need somebody."""
        jobs = self._tools.database.read(labeling_jobs.unfinished)
        self._memos = {job_id: self._memos[job_id] for job_id in jobs if job_id in self._memos}
        return jobs

    def advance(self, job_id: int) -> float | None:
        """Do a job's next step; see `labelwright.engine.advancing.advance`."""
        return advance(self._tools, job_id, self._memos.setdefault(job_id, Memo()))

    def before_round(self) -> None:
        """Give the tasks of leases that ran out to others."""
        self.expire_leases()
        if self._has_begun:
            # The template language takes half a second to load: not before the server is up, but before the
            # first job needs it.
            importlib.import_module("labelwright.templates")
        self._has_begun = True

    def rest_s(self, due: float | None, took_s: float) -> float:
        """How long a job is left alone after a step."""
        if due != NOW:
            return _SPACING_S
        is_busy = time.monotonic() - self._worker_at < _BUSY_S
        return min(_REST_SHARE * took_s, _REST_S_MAX) if is_busy else 0.0

    def _sweep(self) -> None:
        try:
            automated.sweep(self._tools)
        except Exception:
            _log.exception("old work could not be removed", extra={"action": "sweep"})


def record_given_up(connection: Connection, item: human_tasks.EndedObject, *, now: float) -> None:
    """Record the failure of an object that as many workers declined as it asks for."""
    job = labeling_jobs.get(connection, item.job_id)
    if job is None:
        return
    facts = facts_of(job)
    content = failure_content(facts.names.metadata_name, declined_by_all(facts.n_workers))
    labels.record_failures(connection, item.job_id, [(item.object_no, content)], now=now)
    batches.mark_changed(connection, item.job_id, [job.iteration])
