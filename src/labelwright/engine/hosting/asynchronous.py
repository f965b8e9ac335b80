"""Asynchronous invocations: requests in the object store, answered when a model has time.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html. A request is a row until its answer is
in the store, so a server that was killed answers it after its next start; a model may see a request twice
then. Runs as tasks of the event loop, beside the requests that clients wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from labelwright.engine.hosting.proxy import Unreachable, head_of
from labelwright.engine.hosting.routes import Route, Routes
from labelwright.errors import Busy, LabelwrightError
from labelwright.hosting import Reply
from labelwright.hosting.interface import CUSTOM_ATTRIBUTES, TIMED_OUT, TIMEOUT
from labelwright.store import async_invocations as store
from labelwright.store.async_invocations import AsyncRequest, AsyncRow

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.store.db import Database

__all__ = ["AsyncInvocations"]

_log = logging.getLogger(__name__)

_AT_ONCE = 32
_PER_INSTANCE = 4  # when AsyncInferenceConfig does not say
_LOOK_S = 1.0  # while something waits for an endpoint
_IDLE_S = 30.0
_ATTEMPTS_MAX = 3
_BODY_BYTES_MAX = 1 << 30
_LARGE_BYTES = 32 << 20


class _Failed(Exception):
    """The request has no answer; the text says why."""


class AsyncInvocations:
    """Works off the requests that were accepted.

    Parameters
    ----------
    database : Database
    blobs : Blobs
    routes : Routes
    clock : callable
        Returns epoch seconds.
    """

    def __init__(self, database: Database, blobs: Blobs, routes: Routes, clock: Callable[[], float]) -> None:
        self._database = database
        self._blobs = blobs
        self._routes = routes
        self._clock = clock
        self._in_work: dict[int, tuple[str, str]] = {}  # row to region and endpoint
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._large = asyncio.Semaphore(1)  # bodies are held in memory
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._loop = asyncio.get_running_loop().create_task(self._run())

    def wake(self) -> None:
        """A request was accepted; from the event loop's thread."""
        self._woken.set()

    async def stop(self) -> None:
        """Let go of everything; what is not answered is answered after the next start."""
        tasks = [*self._tasks, *([self._loop] if self._loop is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            n_waiting = 0
            try:
                n_waiting = await self._begin()
            except Exception:
                _log.exception("asynchronous requests could not be read", extra={"action": "invoke"})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S if n_waiting or self._in_work else _IDLE_S):
                    await self._woken.wait()

    async def _begin(self) -> int:
        """Start on what may be started; how many have to wait."""
        rows = await self._database.aread(partial(store.pending, besides=list(self._in_work), limit=_AT_ONCE))
        busy = Counter(self._in_work.values())
        n_waiting = 0
        for row in rows:
            where = (row.region, row.endpoint)
            route = self._routes.get(*where)
            is_over = self._clock() >= row.expires_at  # then there is nothing to wait for
            has_no_room = route is None or busy[where] >= _at_once(route) or len(self._in_work) >= _AT_ONCE
            if has_no_room and not is_over:
                n_waiting += 1
                continue
            busy[where] += 1
            self._in_work[row.id] = where
            task = asyncio.get_running_loop().create_task(self._work(row, route))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return n_waiting

    async def _work(self, row: AsyncRow, route: Route | None) -> None:
        asked = row.asked
        try:
            try:
                reply = await self._answered(row, asked, route)
            except _Failed as failure:
                _log.info(
                    "an asynchronous request failed",
                    extra={"action": "invoke", "endpoint": row.endpoint, "reason": str(failure)},
                )
                if asked.failure_uri:
                    put = partial(self._blobs.put, asked.failure_uri, str(failure).encode())
                    await asyncio.to_thread(put, content_type="text/plain")
            else:
                put = partial(self._blobs.put, asked.output_uri, reply.body)
                await asyncio.to_thread(put, content_type=reply.content_type)
            await self._database.awrite(partial(store.delete, row_id=row.id))
        except Busy:
            await asyncio.sleep(_LOOK_S)  # it is tried again
        except Exception:
            _log.exception(
                "an asynchronous request is tried again",
                extra={"action": "invoke", "endpoint": row.endpoint},
            )
            await asyncio.sleep(_IDLE_S)
        finally:
            self._in_work.pop(row.id, None)
            self._woken.set()

    async def _answered(self, row: AsyncRow, asked: AsyncRequest, route: Route | None) -> Reply:
        if self._clock() >= row.expires_at:
            raise _Failed("The request was not answered before its RequestTTLSeconds had passed.")
        if row.n_attempts >= _ATTEMPTS_MAX:
            raise _Failed("The instance that worked on this request ended, three times.")
        assert route is not None  # noqa: S101 - or it would have waited
        with _read_by_us(asked.input_uri):
            size = (await asyncio.to_thread(self._blobs.head, asked.input_uri)).size_bytes
        if size > _BODY_BYTES_MAX:
            raise _Failed(f"The input has {size} bytes; at most {_BODY_BYTES_MAX} are allowed.")
        async with self._large if size > _LARGE_BYTES else contextlib.nullcontext():
            return await self._asked_of_model(row, asked, route)

    async def _asked_of_model(self, row: AsyncRow, asked: AsyncRequest, route: Route) -> Reply:
        with _read_by_us(asked.input_uri):
            body = await asyncio.to_thread(self._blobs.read, asked.input_uri)
        headers = {"content-type": asked.content_type or "application/octet-stream"}
        for name, value in (
            ("accept", asked.accept),
            (CUSTOM_ATTRIBUTES, asked.custom_attributes),
            ("x-amzn-sagemaker-inference-id", asked.inference_id),
            (TIMEOUT, f"{asked.timeout_s:g}"),  # it gives up a moment before we do, and says so
        ):
            if value:
                headers[name] = value
        instance = route.choose(None).choose()
        try:
            reply = await instance.request(
                head_of(headers, len(body)), body, asked.timeout_s + 1, reply_bytes_max=_BODY_BYTES_MAX
            )
        except TimeoutError:
            reply = Reply(0, b"")
        except Unreachable as error:
            if error.was_sent:
                await self._database.awrite(partial(store.count_attempt, row_id=row.id))
            raise
        finally:
            instance.n_in_work -= 1
        if reply.status == 0 or TIMED_OUT in reply.headers:
            raise _Failed(f"The model did not answer within {asked.timeout_s:g} s.")
        if not reply.is_ok:
            said = reply.body.decode("utf-8", "replace")
            raise _Failed(f'Received error ({reply.status}) from the model with message "{said}".')
        return reply


@contextlib.contextmanager
def _read_by_us(uri: str) -> Iterator[None]:
    try:
        yield
    except Busy:
        raise
    except LabelwrightError as error:
        raise _Failed(f"The input {uri} cannot be read: {error}") from error


def _at_once(route: Route) -> int:
    config = route.deployment.config.get("AsyncInferenceConfig") or {}
    each = (config.get("ClientConfig") or {}).get("MaxConcurrentInvocationsPerInstance", _PER_INSTANCE)
    return int(each) * max(1, sum(len(variant.instances) for variant in route.variants))
