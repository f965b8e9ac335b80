"""Calls of jobs' own functions, beside the engine's steps: a step starts one and a later step takes its end.

A call is made up to three times. What it is for is its key; a step that is done again finds the call that is
running. Nothing here is durable: a call that is lost in a crash is made again.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Literal

from labelwright.errors import Busy, LabelwrightError, NotFound
from labelwright.functions import PAYLOAD_BYTES_MAX, Invocation, Invoker, RunnerClosed

__all__ = ["RETRY_S", "CallPending", "CallResult", "Calls", "Key"]

_log = logging.getLogger(__name__)

_N_THREADS = 8
RETRY_S = (0.5, 2.0)
"""Pauses before the second and the third attempt."""

_CLOSING_S = 60.0

Key = tuple[int, Literal["pre", "post"], int]
"""Row id of the job, which function, number of the object or row id of the group."""


class CallPending(Exception):
    """A step has started a call, or found it running; it is to be done again when the call has ended."""


@dataclasses.dataclass(frozen=True, slots=True)
class CallResult:
    """How a call ended: with an answer, or with a code and what is known about it."""

    answer: bytes | None
    code: str = ""
    detail: str = ""


class _NoFunctions:
    """For engines without functions."""

    def invoke(
        self, arn: str, event: bytes, *, timeout_s: float, answer_bytes_max: int = PAYLOAD_BYTES_MAX
    ) -> Invocation:
        raise NotFound(f"Function not found: {arn}", kind="function", name=arn)


class Calls:
    """Runs calls in a few threads and remembers how they ended until somebody takes it.

    Parameters
    ----------
    functions : Invoker or None
    on_end : callable
        Told the job's row id when a call has ended.
    retry_s : sequence of float
        Pauses before the second and the third attempt.
    """

    def __init__(
        self,
        functions: Invoker | None,
        on_end: Callable[[int], None],
        *,
        retry_s: Sequence[float] = RETRY_S,
    ) -> None:
        self._functions = functions or _NoFunctions()
        self._on_end = on_end
        self._retry_s = tuple(retry_s)
        self._executor = ThreadPoolExecutor(_N_THREADS, thread_name_prefix="engine-call")
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._calls: dict[Key, Future[CallResult | None]] = {}

    def start(
        self, key: Key, arn: str, event: bytes, *, timeout_s: float, answer_bytes_max: int = PAYLOAD_BYTES_MAX
    ) -> None:
        """Start a call, unless it was started already."""
        with self._lock:
            if key in self._calls or self._closing.is_set():
                return
            call = self._executor.submit(self._call, arn, event, timeout_s, answer_bytes_max)
            self._calls[key] = call
        call.add_done_callback(lambda _: self._ended(key))

    def _ended(self, key: Key) -> None:
        if not self._closing.is_set():
            self._on_end(key[0])

    def _call(self, arn: str, event: bytes, timeout_s: float, answer_bytes_max: int) -> CallResult | None:
        result = CallResult(None, "Unknown")
        for attempt in range(1 + len(self._retry_s)):
            if attempt and self._closing.wait(self._retry_s[attempt - 1]):
                return None
            try:
                done = self._functions.invoke(
                    arn, event, timeout_s=timeout_s, answer_bytes_max=answer_bytes_max
                )
            except RunnerClosed:
                self._closing.wait(_CLOSING_S)  # the engine is about to be told
                return None
            except NotFound as error:
                result = CallResult(None, "ResourceNotFound", error.message)
            except Busy as error:
                result = CallResult(None, "TooManyRequests", error.message)
            except LabelwrightError as error:
                result = CallResult(None, "Unknown", error.message)
            else:
                if done.error is None:
                    _log.info(
                        "a job's function has answered",
                        extra={"action": "call", "function": arn, "version": done.version},
                    )
                    return CallResult(done.payload)
                result = CallResult(None, done.error, done.reason)
            if self._closing.is_set():
                return None  # it was the server's end, not the function's
            _log.warning(
                "a job's function failed",
                extra={"action": "call", "function": arn, "code": result.code, "attempt": attempt + 1},
            )
        return result

    def is_known(self, key: Key) -> bool:
        """Whether the call was started, and its end not yet taken."""
        with self._lock:
            return key in self._calls

    def is_running(self, key: Key) -> bool:
        """Whether the call goes on."""
        with self._lock:
            call = self._calls.get(key)
        return call is not None and not call.done()

    def are_running(self, job_id: int, kind: Literal["pre", "post"]) -> bool:
        """Whether calls of a job have not been taken."""
        with self._lock:
            return any(key[0] == job_id and key[1] == kind for key in self._calls)

    def take(self, key: Key) -> CallResult:
        """How a call ended; it is forgotten then.

        Raises
        ------
        CallPending
            When it is running, or was given up because the server stops.
        """
        with self._lock:
            call = self._calls.get(key)
            if call is None or not call.done():
                raise CallPending
            del self._calls[key]
        result = None if call.cancelled() else call.result()
        if result is None:
            raise CallPending
        return result

    def drop(self, job_id: int, kind: Literal["pre", "post"], *, but: Collection[Key] = ()) -> None:
        """The job needs the ends of these calls no longer, but of some."""
        with self._lock:
            keys = [key for key in self._calls if key[:2] == (job_id, kind) and key not in but]
            dropped = [self._calls.pop(key) for key in keys]
        for call in dropped:
            call.cancel()

    def wait(self) -> bool:
        """Wait until some call has ended; False when none is running."""
        with self._lock:
            running = [call for call in self._calls.values() if not call.done()]
        if running:
            wait(running, return_when="FIRST_COMPLETED")
        return bool(running)

    def close(self) -> None:
        """Make no more attempts and end the threads."""
        self._closing.set()
        self._executor.shutdown(wait=True, cancel_futures=True)
