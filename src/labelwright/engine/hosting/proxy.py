"""Requests to one serving process: kept connections to its Unix socket, raw asyncio and httptools.

Used by the event loop's thread alone, but for `Instance.is_retired` and `Instance.n_in_work`, by which the
engine knows when a process may end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from typing import cast

import httptools

from labelwright.errors import Busy
from labelwright.hosting import Reply

__all__ = ["Instance", "Saturated", "Unreachable"]

_CONNECTIONS_MAX = 32
_WAITING_MAX = 256
_REPLY_BYTES_MAX = 128 << 20
# The process may take a moment to open a connection: its accept loop shares the processor with predictions.
_CONNECT_S = 5.0


class Saturated(Busy):
    """Too many requests wait for this process already."""


class Unreachable(Busy):
    """The process is gone, or it ended while it worked.

    Attributes
    ----------
    was_sent : bool
        Whether it may have seen the request.
    """

    def __init__(self, message: str, *, was_sent: bool) -> None:
        super().__init__(message)
        self.was_sent = was_sent


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_open = False
        self._parser: httptools.HttpResponseParser | None = None
        self._done: asyncio.Future[Reply] | None = None
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._n_bytes_left = 0

    # -- asyncio ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:  # nobody asked
            self.close()
            return
        try:
            parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        done = self._done
        if done is not None and not done.done():
            done.set_exception(Unreachable("The process closed the connection.", was_sent=True))

    # -- httptools -------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1")] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self._n_bytes_left -= len(part)
        if self._n_bytes_left >= 0:
            self._parts.append(part)
            return
        self._parts.clear()
        done = self._done
        if done is not None and not done.done():
            done.set_result(Reply(502, b"The answer of the model is larger than allowed.", "text/plain"))
        self.close()

    def on_message_complete(self) -> None:
        parser, done = self._parser, self._done
        assert parser is not None  # noqa: S101 - it calls us
        if not parser.should_keep_alive():
            self.is_open = False
        if done is not None and not done.done():
            parts, headers = self._parts, self._headers
            content_type = headers.pop("content-type", "application/octet-stream")
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            done.set_result(Reply(parser.get_status_code(), body, content_type, headers))

    # ---------------------------------------------------------------------------------------------------

    def exchange(
        self, head: bytes, body: bytes, loop: asyncio.AbstractEventLoop, reply_bytes_max: int
    ) -> asyncio.Future[Reply]:
        """Send a request; the future gets the answer."""
        assert self.transport is not None  # noqa: S101 - it is open
        self._parser = httptools.HttpResponseParser(self)
        self._headers, self._parts, self._n_bytes_left = {}, [], reply_bytes_max
        self._done = loop.create_future()
        self.transport.writelines((head, body))
        return self._done

    def close(self) -> None:
        self.is_open = False
        if self.transport is not None:
            self.transport.abort()


class Instance:
    """One serving process.

    Parameters
    ----------
    name : str
        Of its program.
    address : str
        Path of its Unix socket.
    """

    __slots__ = ("_idle", "_n_open", "_waiting", "address", "is_retired", "n_in_work", "name")

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.is_retired = False
        self.n_in_work = 0
        self._idle: list[_Connection] = []
        self._n_open = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def request(
        self, head: bytes, body: bytes, timeout_s: float, *, reply_bytes_max: int = _REPLY_BYTES_MAX
    ) -> Reply:
        """One request and its answer. The caller counts it in `n_in_work`.

        A body of more than ``reply_bytes_max`` bytes becomes a reply of status 502.

        Raises
        ------
        Saturated, Unreachable, TimeoutError
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        connection = await self._connection(loop, end)
        done = connection.exchange(head, body, loop, reply_bytes_max)
        timer = loop.call_at(end, _time_is_up, done)
        try:
            return await done
        except BaseException:
            connection.close()  # the answer that is still to come would be taken for the next one's
            raise
        finally:
            timer.cancel()
            self._give_back(connection)

    async def _connection(self, loop: asyncio.AbstractEventLoop, end: float) -> _Connection:
        idle = self._idle
        while True:
            while idle:
                connection = idle.pop()
                if connection.is_open:
                    return connection
                self._n_open -= 1
            if self._n_open < _CONNECTIONS_MAX:
                return await self._opened(loop)
            if len(self._waiting) >= _WAITING_MAX:
                raise Saturated(f"{len(self._waiting)} requests are waiting for this instance already.")
            turn = loop.create_future()
            self._waiting.append(turn)
            timer = loop.call_at(end, _time_is_up, turn)
            try:
                await turn
            except BaseException:
                if turn.done() and not turn.cancelled() and turn.exception() is None:
                    self._next_turn()  # it was ours already
                with contextlib.suppress(ValueError):  # it may have been passed over
                    self._waiting.remove(turn)
                raise
            finally:
                timer.cancel()

    async def _opened(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        self._n_open += 1
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, connection = await loop.create_unix_connection(_Connection, self.address)
        except BaseException as error:
            self._n_open -= 1
            self._next_turn()
            if isinstance(error, OSError | TimeoutError):
                raise Unreachable(f"The process does not answer: {error}", was_sent=False) from error
            raise
        return connection

    def _give_back(self, connection: _Connection) -> None:
        if connection.is_open and not self.is_retired:
            self._idle.append(connection)
        else:
            connection.close()
            self._n_open -= 1
        self._next_turn()

    def _next_turn(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def close(self) -> None:
        """Close the idle connections; those in work close when they are done."""
        self.is_retired = True
        for connection in self._idle:
            connection.close()
            self._n_open -= 1
        self._idle.clear()


def _time_is_up(waiting: asyncio.Future[Reply] | asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_exception(TimeoutError())


def head_of(headers: Mapping[str, str], n_bytes: int) -> bytes:
    """The head of a request to ``/invocations``. Values came from headers, so no line breaks are in them."""
    lines = [f"POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-length: {n_bytes}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")
