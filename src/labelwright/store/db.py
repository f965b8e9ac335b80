"""The database: many readers, one writer that commits in groups.

A write is a function of a connection. All writes of this process go through one thread, which takes whatever
is waiting, runs each in its own SAVEPOINT inside one transaction and commits once: eight workers who submit
at the same moment share one fsync, and each is answered only after it (``synchronous=FULL``). A write that
raises is rolled back alone; the others in its group are not touched.

A write may be told not to wait for the disk (``waits_for_disk=False``): it survives the death of the process,
and any later durable write makes it durable too, but a power failure right after it may undo it. Leases are
such writes: an answer can only be durable together with the lease it belongs to, which came before it.

SQLite has one writer anyway, so this costs nothing there. On PostgreSQL several servers may share a database:
statements that claim work use ``FOR UPDATE SKIP LOCKED``, which SQLAlchemy leaves out for SQLite. Groups of
two servers may still lock the same rows in opposite order; the write that the database refuses then is done
again alone, after its group.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from labelwright.core.histogram import Histogram
from labelwright.errors import InvalidRequest, LabelwrightError

__all__ = ["Database", "Write"]

T = TypeVar("T")
Write = Callable[[Connection], T]

_log = logging.getLogger(__name__)

# More than this many writes in one transaction gain nothing and delay the first of them.
_MAX_GROUP = 512
_GROUP_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

# SQLSTATE of a deadlock and of a serialization failure: nothing is wrong with the write itself.
_AGAIN = frozenset({"40P01", "40001"})
_ATTEMPTS = 10
_CREATING = 0x6C776372  # key of the advisory lock: "lwcr"


@dataclasses.dataclass(frozen=True, slots=True)
class _Item:
    """A write in the queue."""

    fn: Write[Any]
    future: Future[Any]
    waits_for_disk: bool


class Database:
    """One database, by SQLAlchemy URL.

    Parameters
    ----------
    url : str
        ``sqlite:///path`` or ``postgresql+psycopg://...``.

    Raises
    ------
    InvalidRequest
        When it is another kind of URL, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        if not url.startswith(("sqlite:///", "postgresql")):
            raise InvalidRequest(
                f"The database URL begins with {url.partition(':')[0][:40]!r}; give sqlite:///<path> or "
                "postgresql+psycopg://<user>@<host>/<database>, or leave it out.",
                field="database_url",
            )
        try:
            self.engine = _engine(url)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise InvalidRequest(
                f"The database URL cannot be used: {error} For PostgreSQL install labelwright[postgres] and "
                "give postgresql+psycopg://<user>@<host>/<database>.",
                field="database_url",
            ) from error
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._waits = True
        self.group_sizes = Histogram(_GROUP_BOUNDS)  # observed by the writer's thread
        self.commit_seconds = Histogram()

    def create_all(self, metadata: sa.MetaData) -> None:
        """Create the tables that do not exist yet.

        Raises
        ------
        InvalidRequest
            When the database cannot be reached; the message names it without its password.
        """
        try:
            with self.engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    # Two processes that start at once on an empty database must not both make the tables.
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATING)))
                metadata.create_all(connection)
        except sa.exc.OperationalError as error:
            raise InvalidRequest(
                f"The database {self.engine.url.render_as_string(hide_password=True)} cannot be opened: "
                f"{str(error.orig).strip()}",
                field="database_url",
            ) from error

    def read(self, fn: Write[T]) -> T:
        """Run ``fn`` on a connection of its own; what it sees is one consistent snapshot."""
        with self.engine.connect() as connection:
            return fn(connection)

    def submit(self, fn: Write[T], *, waits_for_disk: bool = True) -> Future[T]:
        """Queue a write. The future is done once the write is durable, or failed."""
        future: Future[T] = Future()
        with self._lock:  # together with `close`: nothing may be queued behind its end mark
            if self._closed:
                raise LabelwrightError("The database is closed; start the server again.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)
                self._thread.start()
            self._queue.put(_Item(fn, future, waits_for_disk))
        return future

    def write(self, fn: Write[T]) -> T:
        """Run a write and wait until it is durable."""
        return self.submit(fn).result()

    async def awrite(self, fn: Write[T], *, waits_for_disk: bool = True) -> T:
        """`write` for coroutines."""
        return await asyncio.wrap_future(self.submit(fn, waits_for_disk=waits_for_disk))

    async def aread(self, fn: Write[T]) -> T:
        """`read` for coroutines, in a thread of the default pool."""
        return await asyncio.to_thread(self.read, fn)

    def close(self) -> None:
        """Finish what is queued, then close every connection."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None:
            thread.join()
        self.engine.dispose()

    def _writer_connection(self) -> Connection:
        self._waits = True  # what `_engine` sets for every new connection
        return self.engine.connect().execution_options(labelwright_writer=True)

    def _run(self) -> None:
        connection = self._writer_connection()
        stopping = False
        while not stopping:
            item = self._queue.get()
            group: list[_Item] = []
            while True:
                if item is None:
                    stopping = True
                else:
                    group.append(item)
                if stopping or len(group) >= _MAX_GROUP:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if group:
                started = time.perf_counter()
                connection = self._commit_group(connection, group)
                self.group_sizes.observe(len(group))
                self.commit_seconds.observe(time.perf_counter() - started)
        connection.close()

    def _wait_for_disk(self, connection: Connection, waits: bool) -> None:
        """Whether the next commits of the writer wait for the disk; asked for only when it changes."""
        if self._waits == waits:
            return
        if self.is_sqlite:
            # Outside a transaction, on the driver's own connection: SQLAlchemy would begin one.
            connection.connection.cursor().execute(f"PRAGMA synchronous={'FULL' if waits else 'NORMAL'}")
        else:
            connection.exec_driver_sql(f"SET synchronous_commit TO {'on' if waits else 'off'}")
            connection.commit()
        self._waits = waits

    def _commit_group(self, connection: Connection, group: list[_Item]) -> Connection:
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        again: list[_Item] = []
        try:
            self._wait_for_disk(connection, any(item.waits_for_disk for item in group))
            with connection.begin():
                for item in group:
                    fn, future = item.fn, item.future
                    if not future.set_running_or_notify_cancel():
                        continue
                    # As plain text: SQLAlchemy's begin_nested compiles its two statements anew every time.
                    connection.exec_driver_sql("SAVEPOINT one_write")
                    try:
                        result = fn(connection)
                        connection.exec_driver_sql("RELEASE SAVEPOINT one_write")
                        outcomes.append((future, result, None))
                    except Exception as error:
                        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT one_write")
                        connection.exec_driver_sql("RELEASE SAVEPOINT one_write")
                        if _is_worth_another_try(error):
                            again.append(item)
                        else:
                            outcomes.append((future, None, error))
        except Exception as error:
            # The commit itself failed: nothing of the group is durable, so nobody is told otherwise.
            _log.exception("group commit failed", extra={"action": "commit", "writes": len(group)})
            for future, _, own in outcomes:
                future.set_exception(own or error)
            done = {id(future) for future, _, _ in outcomes}
            for item in group:
                if id(item.future) not in done and not item.future.cancelled():
                    item.future.set_exception(error)
            connection.close()
            return self._writer_connection()
        for future, result, failure in outcomes:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)
        for item in again:
            self._commit_alone(connection, item.fn, item.future)
        return connection

    @staticmethod
    def _commit_alone(connection: Connection, fn: Write[Any], future: Future[Any]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                with connection.begin():
                    result = fn(connection)
            except Exception as error:
                if attempt == _ATTEMPTS - 1 or not _is_worth_another_try(error):
                    future.set_exception(error)
                    return
            else:
                future.set_result(result)
                return


def _is_worth_another_try(error: Exception) -> bool:
    return isinstance(error, sa.exc.DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_size=16, max_overflow=32, pool_pre_ping=True)
    engine = sa.create_engine(
        url, connect_args={"timeout": 30.0, "check_same_thread": False}, pool_size=16, max_overflow=64
    )

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        # SQLAlchemy must not let the driver begin transactions by itself, or BEGIN IMMEDIATE comes too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute("PRAGMA cache_size=-16000")
        cursor.execute("PRAGMA journal_size_limit=67108864")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_writer = connection.get_execution_options().get("labelwright_writer", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    return engine
