"""Asynchronous invocations: an event that was accepted is run, and run again when it fails, whatever happens.

Events wait in the database. A thread takes those that are due and hands them to the runner; it is started by
the first event, or at the start of the server when some are left over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import TYPE_CHECKING

from labelwright.errors import Busy, LabelwrightError, NotFound
from labelwright.functions.interface import Invocation, RunnerClosed
from labelwright.store import function_events as store
from labelwright.store.function_events import EventRow

if TYPE_CHECKING:
    from labelwright.functions.service import Functions
    from labelwright.store.db import Database

__all__ = ["EventQueue"]

_log = logging.getLogger(__name__)

# As in Lambda: twice again, after one minute and after two more.
_RETRY_S = (60.0, 120.0)
_LEASE_S = 960.0  # longer than any function runs
_N_AT_ONCE = 32
_POLL_S = 1.0


class EventQueue:
    """Runs accepted events in the background."""

    def __init__(self, database: Database, functions: Functions, clock: Callable[[], float]) -> None:
        self._database = database
        self._functions = functions
        self._clock = clock
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def start(self) -> None:
        """Go on with what was accepted before the server stopped. What was being run then is run again."""
        if self._database.read(store.next_due) is not None:
            self._database.write(partial(store.release, now=self._clock()))
            self._begin()

    def accept(self, row: EventRow) -> None:
        """Keep an event; it is durable when this returns."""
        self._database.write(partial(store.add, row=row))
        self._begin()

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._run, name="function-events", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while not self._is_closed:
            self._wake.wait(_POLL_S)
            self._wake.clear()
            try:
                self._start_due()
            except Exception:
                _log.exception("events of functions could not be read", extra={"action": "events"})

    def _start_due(self) -> None:
        now = self._clock()
        due_at = self._database.read(store.next_due)
        if due_at is None or due_at > now or self._is_closed:
            return
        rows = self._database.write(
            lambda connection: store.claim(connection, now=now, lease_s=_LEASE_S, limit=_N_AT_ONCE)
        )
        for row in rows:
            try:
                found = self._functions.find(row.arn)
                running = self._functions.submit(found, row.arn, row.event, request_id=row.id)
            except RunnerClosed:
                return  # they are run after the restart
            except Busy:  # no attempt was made
                due_at = self._clock() + _POLL_S
                self._submit(
                    partial(store.postpone, event_id=row.id, n_attempts=row.n_attempts, due_at=due_at)
                )
            except NotFound:
                self._end(row, "ResourceNotFound")
            except LabelwrightError as error:
                self._end(row, type(error).__name__)
            else:
                running.add_done_callback(partial(self._done, row))
        if len(rows) == _N_AT_ONCE:
            self._wake.set()

    def _done(self, row: EventRow, running: Future[Invocation]) -> None:
        try:
            done = running.result()
        except (RunnerClosed, CancelledError):
            return  # it is run again after the restart
        except Exception as error:
            self._end(row, type(error).__name__)
        else:
            self._end(row, done.error)

    def _end(self, row: EventRow, error: str | None) -> None:
        """Forget an event that was run, or try it again; after the last attempt it is forgotten too."""
        n_attempts = row.n_attempts + 1
        if error is not None and n_attempts <= len(_RETRY_S):
            due_at = self._clock() + _RETRY_S[n_attempts - 1]
            self._submit(partial(store.postpone, event_id=row.id, n_attempts=n_attempts, due_at=due_at))
            return
        if error is not None:
            _log.warning(
                "an asynchronous invocation was given up",
                extra={"action": "invoke", "function": row.arn, "request_id": row.id, "error": error},
            )
        self._submit(partial(store.finish, event_id=row.id))

    def _submit(self, write: Callable[..., None]) -> None:
        try:
            self._database.write(write)
        except LabelwrightError:  # closed meanwhile: the event is run once more after the restart
            return

    def close(self) -> None:
        """Start no more events."""
        self._is_closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
