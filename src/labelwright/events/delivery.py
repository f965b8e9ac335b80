"""The threads that read the outbox: one for the totals, and one for each sink that is configured.

A thread that cannot do its work tries again later, for ever: an event is never skipped, because a receiver
that was down for a day must not miss what happened that day. What waits is rows in the database.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import orjson

from labelwright.errors import InvalidRequest
from labelwright.events.claims import Claim
from labelwright.events.shapes import KINDS, events_of
from labelwright.store import outbox, work_totals
from labelwright.store.event_tables import OutboxKind

if TYPE_CHECKING:
    from labelwright.config import Settings
    from labelwright.store.db import Database

__all__ = ["Delivery", "Sink", "SinkState", "kinds_of", "sinks_of"]

_log = logging.getLogger(__name__)

_POLL_S = 0.5
_TOTALS_S = 1.0
_PROGRESS_S = 60.0
_BATCH_ROWS = 500
_TOTALS_ROWS = 5_000
_PRUNE_ROWS = 2_000
_PRUNE_BEHIND = 10_000  # kept for `labelwright events tail`
_READER_DEAD_S = 7 * 86_400.0
_SEEN_S = 3600.0
_BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)
_JOIN_S = 5.0
_LOGGED = ("job-log", "worker-activity")


class Sink(Protocol):
    """Where events go."""

    name: str
    kinds: Collection[str]
    """Kinds of events it wants."""

    def take(self, events: Sequence[bytes]) -> None:
        """Take a batch of JSON texts, oldest first; returns when they are safe, raises when they are not."""

    def abort(self) -> None:
        """Break off what `take` waits for, from another thread."""

    def close(self) -> None:
        """Let go of everything."""


class SinkState:
    """How a sink is doing; written by its thread only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.n_delivered = 0
        self.n_failures = 0
        self.position = 0


def kinds_of(text: str) -> tuple[str, ...]:
    """Parse the setting ``events_kinds``.

    Raises
    ------
    InvalidRequest
        For a kind that does not exist.
    """
    kinds = tuple(part.strip() for part in text.split(",") if part.strip()) or KINDS
    for kind in kinds:
        if kind not in KINDS:
            raise InvalidRequest(
                f"There is no kind of events {kind!r}; set LABELWRIGHT_EVENTS_KINDS to some of "
                f"{', '.join(KINDS)}.",
                field="events_kinds",
                value=kind,
            )
    return kinds


def sinks_of(settings: Settings, clock: Callable[[], float]) -> list[Sink]:
    """The sinks that the settings name; their modules are loaded only then.

    Raises
    ------
    InvalidRequest
        For a setting that cannot be right.
    """
    sinks: list[Sink] = []
    kinds = kinds_of(settings.events_kinds)
    logged = _logged(settings.events_logs)
    if logged:
        from labelwright.events.log_sink import LogSink

        sinks.append(LogSink(settings.data_dir / "logs", logged))
    if settings.events_file:
        from labelwright.events.file_sink import FileSink

        if settings.events_file_max_bytes < 1 or settings.events_file_kept < 0:
            raise InvalidRequest(
                "LABELWRIGHT_EVENTS_FILE_MAX_BYTES must be at least 1 and LABELWRIGHT_EVENTS_FILE_KEPT at "
                "least 0.",
                field="events_file_max_bytes",
            )
        sinks.append(
            FileSink(
                settings.data_dir / settings.events_file,
                max_bytes=settings.events_file_max_bytes,
                n_kept=settings.events_file_kept,
                kinds=kinds,
            )
        )
    if settings.events_webhook_url:
        from labelwright.events.webhook_sink import WebhookSink

        sinks.append(
            WebhookSink(settings.events_webhook_url, settings.events_webhook_secret, clock, kinds=kinds)
        )
    return sinks


def _logged(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    kinds = tuple(part.strip() for part in text.split(",") if part.strip())
    wrong = next((kind for kind in kinds if kind not in _LOGGED), None)
    if wrong is not None:
        raise InvalidRequest(
            f"There is no log of {wrong!r}; set LABELWRIGHT_EVENTS_LOGS to some of {', '.join(_LOGGED)}, or "
            "to none.",
            field="events_logs",
            value=wrong,
        )
    return kinds


class Delivery:
    """Reads the outbox until it is stopped.

    Parameters
    ----------
    database : Database
    settings : Settings
    clock : callable
        Returns epoch seconds.

    Raises
    ------
    InvalidRequest
        For a setting that cannot be right.
    """

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._sinks = sinks_of(settings, clock)
        self._is_stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.states = [SinkState(sink.name) for sink in self._sinks]

    def start(self) -> None:
        """Start the threads. A sink that was never there before begins with what happens from now on."""
        if self._threads:
            return
        if self._sinks:
            end = outbox.horizon(self._database)
            for sink in self._sinks:
                self._database.write(
                    partial(outbox.first_cursor, name=sink.name, position=end, now=self._clock())
                )
        self._threads = [threading.Thread(target=self._keep_totals, name="events-totals", daemon=True)]
        for sink, state in zip(self._sinks, self.states, strict=True):
            run = _Run(self._database, sink, state, self._clock, self._is_stopping)
            self._threads.append(
                threading.Thread(target=run.run, name=f"events-{len(self._threads)}", daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; what was not delivered is delivered at the next start."""
        self._is_stopping.set()
        for sink in self._sinks:
            sink.abort()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def _keep_totals(self) -> None:
        keeper = _Totals(self._database, self._clock)
        n_failures = 0
        while not self._is_stopping.is_set():
            try:
                has_more = keeper.step()
                n_failures = 0
                pause_s = 0.01 if has_more else _TOTALS_S
            except Exception:
                if self._is_stopping.is_set():
                    return
                pause_s = _BACK_OFF_S[min(n_failures, len(_BACK_OFF_S) - 1)]
                n_failures += 1
                _log.exception("the totals could not be kept", extra={"action": "events"})
            self._is_stopping.wait(pause_s)


class _Totals:
    """Adds up, notes progress, and deletes what everybody has read."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._added = -1
        self._progress_at = 0.0

    def step(self) -> bool:
        """One small piece of each; True when there is more to do."""
        database, now = self._database, self._clock()
        has_more = False
        last = database.read(outbox.last)
        if last > self._added:
            end = last if database.is_sqlite else outbox.horizon(database)
            add_up = partial(work_totals.add_up, end=end, limit=_TOTALS_ROWS, now=now)
            n_added = database.submit(add_up, waits_for_disk=False).result()
            has_more = n_added == _TOTALS_ROWS
            if not has_more:
                self._added = end
        if now >= self._progress_at + _PROGRESS_S:
            self._progress_at = now
            keep = partial(work_totals.keep_progress, now=now)
            database.submit(keep, waits_for_disk=False).result()
        slowest = database.read(partial(outbox.slowest, alive_since=now - _READER_DEAD_S))
        if slowest is not None and slowest - _PRUNE_BEHIND > database.read(outbox.pruned):
            prune = partial(outbox.prune, up_to=slowest - _PRUNE_BEHIND, limit=_PRUNE_ROWS, now=now)
            has_more |= database.submit(prune, waits_for_disk=False).result() == _PRUNE_ROWS
        return has_more


class _Run:
    """The thread of one sink."""

    def __init__(
        self,
        database: Database,
        sink: Sink,
        state: SinkState,
        clock: Callable[[], float],
        is_stopping: threading.Event,
    ) -> None:
        self._database = database
        self._sink = sink
        self._state = state
        self._kinds = sink.kinds
        self._rows = _rows_of(sink.kinds)
        self._clock = clock
        self._is_stopping = is_stopping
        self._claim = Claim(database, sink.name)
        self._size = _BATCH_ROWS
        self._seen_at = 0.0

    def run(self) -> None:
        """Deliver until the server stops."""
        n_failures = 0
        while not self._is_stopping.is_set():
            try:
                pause_s = 0.0 if self._claim.holds() and self._step() else _POLL_S
                n_failures = 0
            except Exception as error:
                if self._is_stopping.is_set():
                    break
                self._state.n_failures += 1
                pause_s = _BACK_OFF_S[min(n_failures, len(_BACK_OFF_S) - 1)]
                n_failures += 1
                self._after(error, pause_s)
            self._is_stopping.wait(pause_s)
        self._sink.close()
        self._claim.close()

    def _after(self, error: Exception, pause_s: float) -> None:
        if getattr(error, "status", None) == 413:  # the batch was too large for the receiver
            self._size = max(1, self._size // 2)
        _log.warning(
            "events could not be delivered; they are kept and sent again",
            extra={
                "action": "events",
                "sink": self._sink.name,
                "reason": f"{type(error).__name__}: {error}"[:300],
                "retry_in_s": pause_s,
            },
        )
        try:
            self._say_alive()
        except Exception:
            _log.exception("a sink could not mark its cursor", extra={"action": "events"})

    def _step(self) -> bool:
        """Deliver one batch; False when there is nothing to deliver."""
        database = self._database
        # Read anew each time: on a shared database another server may have been at it in between.
        position = database.read(partial(outbox.cursor, name=self._sink.name)) or 0
        self._state.position = position
        if database.read(outbox.last) <= position:
            self._say_alive()
            return False
        end = outbox.horizon(database)
        size = self._size
        rows = database.read(partial(outbox.page, after=position, end=end, limit=size, kinds=self._rows))
        events = [orjson.dumps(event) for row in rows for event in events_of(row, self._kinds)]
        if events:
            self._sink.take(events)
            self._state.n_delivered += len(events)
            self._size = min(_BATCH_ROWS, size * 2)
        # A page that is not full ends at the horizon, whatever rows of other kinds lie before it.
        self._keep(rows[-1].id if len(rows) == size else end)
        return True

    def _keep(self, position: int) -> None:
        self._seen_at = self._clock()
        keep = partial(outbox.keep_cursor, name=self._sink.name, position=position, now=self._seen_at)
        self._database.submit(keep, waits_for_disk=False).result()
        self._state.position = position

    def _say_alive(self) -> None:
        if self._clock() >= self._seen_at + _SEEN_S:
            self._keep(self._state.position)


def _rows_of(kinds: Collection[str]) -> tuple[OutboxKind, ...]:
    """The rows of the outbox that some of these events come from."""
    rows = [OutboxKind.JOB]
    if "task-status" in kinds or "worker-activity" in kinds:
        rows += [OutboxKind.ACCEPTED, OutboxKind.SUBMITTED, OutboxKind.DECLINED, OutboxKind.RETURNED]
    if "resource-state" in kinds:
        rows.append(OutboxKind.RESOURCE)
    return tuple(rows)
