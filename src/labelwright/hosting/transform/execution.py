"""Carrying out a plan: objects are opened ahead, requests are answered side by side, outputs come in order.

Memory holds what is opened ahead, and a few chunks of requests for each one under way, whatever the sizes of
objects and their number. An object that cannot be transformed holds up none of the others.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Final, NamedTuple

from labelwright.errors import AccessRefused, InvalidRequest, LabelwrightError, NotFound
from labelwright.hosting.interface import Container, Reply
from labelwright.hosting.transform.inputs import Unit, Units
from labelwright.hosting.transform.plan import Plan
from labelwright.hosting.transform.requests import Request, requests_of
from labelwright.hosting.transform.splitting import records_of
from labelwright.hosting.transform.spool import SpoolWriter
from labelwright.streaming.objects import Objects
from labelwright.streaming.payloads import gunzip_pieces
from labelwright.streaming.prefetch import OrderedPrefetch
from labelwright.streaming.problems import failure_reason
from labelwright.streaming.reader import n_threads_for

__all__ = ["Execution"]

_HEAD_BYTES: Final = 1 << 20
_AHEAD_BYTES: Final = 64 << 20
_CHUNK_BYTES: Final = 16 << 20
_CHUNKS_PER_THREAD: Final = 3
_READ_ATTEMPTS: Final = 3
_PAUSES_S: Final = (0.2, 1.0, 3.0)
_BROKEN_OFF: Final = (0, 502)  # statuses of requests during which the container may have died
_DEATH_LOOKS: Final = 20
_DEATH_LOOK_S: Final = 0.02
_WAITING_BYTES_MAX: Final = 1 << 30
_LOOK_EVERY: Final = 64  # objects between two looks at how much waits to be published


class _Opened(NamedTuple):
    """An object that is being read: its first bytes, and pieces of its rest."""

    i: int
    unit: Unit | None
    head: bytes = b""
    rest: Iterator[bytes] | None = None
    error: BaseException | None = None


class _Item(NamedTuple):
    """What goes through the container's threads: a request of an object, or its end."""

    i: int
    request: Request | None
    error: str = ""
    name: str = ""
    line: bytes = b""


class Execution:
    """One job being carried out.

    Parameters
    ----------
    units : Units
    objects : Objects
    container : Container
    plan : Plan
    spool : SpoolWriter
    reopen : callable
        Makes another container when this one has died; what it raises ends the job.
    n_together : int
        Requests handed to the container in one call; 1 unless it answers several faster than one by one.
    n_threads : int
        Calls of the container under way at a time.
    on_error : callable
        ``on_error(name, reason)`` for each object that is given up.
    """

    def __init__(
        self,
        units: Units,
        objects: Objects,
        container: Container,
        plan: Plan,
        spool: SpoolWriter,
        *,
        reopen: Callable[[], Container],
        n_together: int,
        n_threads: int,
        on_error: Callable[[str, str], None],
    ) -> None:
        self._units = units
        self._objects = objects
        self.container = container  # the one in use; whoever made this closes it
        self._reopen = reopen
        self._reopening = threading.Lock()
        self._plan = plan
        self._spool = spool
        self._n_together = n_together
        self._n_threads = n_threads
        self._on_error = on_error
        self._given_up: set[int] = set()  # objects under way of which nothing more is wanted
        self._pause = threading.Event()  # never set; waits that end with the process
        self._content_type = ""

    def run(self) -> None:
        """Transform every object that is not done yet."""
        window: deque[tuple[list[_Item], Future[list[Reply]]]] = deque()
        with ThreadPoolExecutor(self._n_threads, "transform") as pool:
            try:
                for chunk in self._chunks(self._items()):
                    bodies = [item.request.body for item in chunk if item.request is not None]
                    window.append((chunk, pool.submit(self._answers, bodies)))
                    if len(window) >= _CHUNKS_PER_THREAD * self._n_threads:
                        self._take(*window.popleft())
                while window:
                    self._take(*window.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    # -- reading --------------------------------------------------------------------------------------

    def _items(self) -> Iterator[_Item]:
        is_done = self._spool.is_done
        todo = (i for i in range(len(self._units)) if not is_done[i])
        where = self._units.example_uri()
        opened = OrderedPrefetch(
            self._open,
            lambda one: len(one.head),
            todo,
            n_threads=n_threads_for(self._objects, where) if self._objects.is_remote(where) else 0,
            budget_bytes=_AHEAD_BYTES,
        )
        for one in opened:
            yield from self._items_of(one)

    def _open(self, i: int) -> _Opened:
        try:
            unit = self._units[i]
        except InvalidRequest as error:
            return _Opened(i, None, error=error)
        if not unit.uri:
            return _Opened(i, unit, unit.data)
        for attempt in range(_READ_ATTEMPTS):
            try:
                return _Opened(i, unit, *self._objects.open(unit.uri, _HEAD_BYTES))
            except (NotFound, AccessRefused, InvalidRequest) as error:
                return _Opened(i, unit, error=error)
            except (LabelwrightError, OSError) as error:
                if attempt + 1 == _READ_ATTEMPTS:
                    return _Opened(i, unit, error=error)
                self._pause.wait(_PAUSES_S[attempt])
        raise AssertionError("unreachable")

    def _items_of(self, opened: _Opened) -> Iterator[_Item]:
        i, unit, plan = opened.i, opened.unit, self._plan
        name = self._units.name(i)
        if unit is None or opened.error is not None:
            yield _Item(i, None, failure_reason(opened.error or AssertionError()), name)
            return
        kept: list[_Opened] = [opened]  # the object may be opened once more

        def pieces() -> Iterable[bytes]:
            one = kept.pop() if kept else self._open(i)
            if one.error is not None:
                raise one.error
            return _unpacked(one) if plan.is_gzip else _chained(one)

        processing = plan.processing
        try:
            records = records_of(pieces, plan.split, bytes_max=plan.bytes_max)
            for request in requests_of(
                records,
                plan.split,
                is_single=plan.is_single,
                bytes_max=plan.bytes_max,
                prepare=None if processing is None else processing.prepare,
            ):
                if i in self._given_up:
                    break
                yield _Item(i, request, line=unit.line)
        except (LabelwrightError, OSError) as error:
            yield _Item(i, None, failure_reason(error), name)
        else:
            yield _Item(i, None, name=name)

    # -- asking ---------------------------------------------------------------------------------------

    def _chunks(self, items: Iterable[_Item]) -> Iterator[list[_Item]]:
        """Items that go to the container in one call; the end of an object goes with its last request."""
        chunk: list[_Item] = []
        n_requests = n_bytes = 0
        for item in items:
            if item.request is not None:
                if n_requests >= self._n_together or (n_requests and n_bytes >= _CHUNK_BYTES):
                    yield chunk
                    chunk, n_requests, n_bytes = [], 0, 0
                n_requests += 1
                n_bytes += len(item.request.body)
            chunk.append(item)
        if chunk:
            yield chunk

    def _answers(self, bodies: Sequence[bytes]) -> list[Reply]:
        plan = self._plan
        if not bodies:
            return []
        self._revive()  # the request before may have been its end
        replies = self.container.invoke_many(bodies, plan.content_type, plan.accept, timeout_s=plan.timeout_s)
        for i, reply in enumerate(replies):
            for attempt in range(plan.n_retries):
                if reply.is_ok or 0 < reply.status < 500:
                    break
                self._pause.wait(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
                self._revive()
                reply = self.container.invoke(
                    bodies[i], plan.content_type, plan.accept, timeout_s=plan.timeout_s
                )
            replies[i] = reply
            if reply.status in _BROKEN_OFF:
                self._see_whether_it_died()
        return replies

    def _see_whether_it_died(self) -> None:
        """Its connections end before its process does: wait a moment, or the next request would fail too."""
        for _ in range(_DEATH_LOOKS):
            if not self.container.is_healthy():
                return
            self._pause.wait(_DEATH_LOOK_S)

    def _revive(self) -> None:
        with self._reopening:
            if not self.container.is_healthy():
                self.container.close()
                self.container = self._reopen()

    # -- putting together -----------------------------------------------------------------------------

    def _take(self, chunk: list[_Item], answers: Future[list[Reply]]) -> None:
        replies = iter(answers.result())
        for item in chunk:
            if item.request is None:
                self._end(item)
                continue
            reply = next(replies)
            if item.i not in self._given_up:
                error = self._assemble(item, item.request, reply)
                if error:
                    self._given_up.add(item.i)
                    self._fail(item.i, self._units.name(item.i), error)

    def _assemble(self, item: _Item, request: Request, reply: Reply) -> str:
        """Write what the reply adds to the output; what is wrong, if something is."""
        plan = self._plan
        if not reply.is_ok:
            said = reply.body[:500].decode("utf-8", "replace").strip()
            if reply.status == 0:
                return f"InternalServerError: the model did not answer within {plan.timeout_s:g} s. {said}"
            kind = "ClientError" if reply.status < 500 else "InternalServerError"
            return f"{kind}: the model answered with status {reply.status}: {said}"
        self._content_type = self._content_type or reply.content_type
        if plan.processing is None:
            self._spool.write(reply.body)
            if plan.is_assembled_by_line and not reply.body.endswith(b"\n"):
                self._spool.write(b"\n")
            return ""
        try:
            records = (item.line,) if plan.is_joined_with_lines else request.records
            rows = plan.processing.rows(records, reply.body)
        except InvalidRequest as error:
            return failure_reason(error)
        glue = b"\n" if plan.is_assembled_by_line or len(rows) > 1 else b""
        self._spool.write(b"".join(row + glue for row in rows))
        return ""

    def _end(self, item: _Item) -> None:
        if item.i in self._given_up:
            self._given_up.discard(item.i)
        elif item.error:
            self._fail(item.i, item.name, item.error)
        else:
            self._spool.finish(
                item.i, item.name, self._content_type or self._plan.accept or "application/octet-stream"
            )
        self._content_type = ""
        if item.i % _LOOK_EVERY == 0:
            while self._spool.n_bytes_waiting() > _WAITING_BYTES_MAX:
                self._pause.wait(0.2)

    def _fail(self, i: int, name: str, error: str) -> None:
        self._spool.fail(i, error)
        self._on_error(name, error)


def _unpacked(opened: _Opened) -> Iterator[bytes]:
    try:
        yield from gunzip_pieces(opened.head, opened.rest or ())
    except (zlib.error, EOFError) as error:
        raise InvalidRequest(
            f"The object begins like a gzip file but is broken: {error}.", field="CompressionType"
        ) from error


def _chained(opened: _Opened) -> Iterable[bytes]:
    return (opened.head,) if opened.rest is None else chain((opened.head,), opened.rest)
