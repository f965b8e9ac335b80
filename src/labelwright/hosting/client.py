"""A small HTTP client for containers: keeps its connections, speaks to Unix sockets and to ports.

Header values come from requests of others; those with control characters are refused before they get here
(`labelwright.hosting.containers`), and once more in `request_head`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping

import httptools

from labelwright.hosting.interface import Reply
from labelwright.hosting.sockets import connect

__all__ = ["HttpClient", "request_head"]

_PIECE = 256 << 10
_IDLE_MAX = 64
_BODY_BYTES_MAX = 1 << 30


def request_head(method: str, path: str, headers: Mapping[str, str], n_bytes: int) -> bytes:
    """The head of a request.

    Raises
    ------
    ValueError
        When a header would end its line early.
    """
    lines = [f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {n_bytes}\r\n"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value or "\0" in value:
            raise ValueError(f"The header {name} holds a line break.")
        lines.append(f"{name}: {value}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


class _Answer:
    """What httptools tells while it parses a response."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.n_bytes = 0
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self.n_bytes += len(part)
        if self.n_bytes > _BODY_BYTES_MAX:
            raise ConnectionAbortedError(f"The answer has more than {_BODY_BYTES_MAX >> 20} MiB.")
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.is_complete = True


class HttpClient:
    """Requests to one address, from any thread.

    Parameters
    ----------
    address : str or (str, int)
        Path of a Unix socket, or host and port.
    """

    def __init__(self, address: str | tuple[str, int]) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        timeout_s: float,
    ) -> Reply:
        """One request and its answer.

        Raises
        ------
        TimeoutError
            After ``timeout_s``.
        OSError
            Nobody answers, or the connection broke.
        """
        end = time.monotonic() + timeout_s
        head = request_head(method, path, headers or {}, len(body))
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept is not None:
            try:
                return self._exchange(kept, head, body, end)
            except ConnectionError:
                # It was closed while it was idle: nothing was answered on it, and a new one tells the truth.
                kept.close()
        return self._exchange(connect(self.address, timeout_s), head, body, end)

    def _exchange(self, connection: socket.socket, head: bytes, body: bytes, end: float) -> Reply:
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        is_whole = False
        try:
            _time_left(connection, end)
            connection.sendall(head + body if len(body) < _PIECE else head)
            if len(body) >= _PIECE:
                connection.sendall(body)
            while not answer.is_complete:
                _time_left(connection, end)
                piece = connection.recv(_PIECE)
                if not piece:
                    raise ConnectionResetError("The connection was closed before the answer was complete.")
                parser.feed_data(piece)
            is_whole = parser.should_keep_alive()
        except httptools.HttpParserError as error:
            raise ConnectionAbortedError(f"The answer is not HTTP: {error}") from error
        finally:
            if is_whole:
                with self._lock:
                    if len(self._idle) < _IDLE_MAX:
                        self._idle.append(connection)
                    else:
                        connection.close()
            else:
                connection.close()
        parts = answer.parts
        headers = answer.headers
        content_type = headers.pop("content-type", "application/octet-stream")
        return Reply(
            parser.get_status_code(), parts[0] if len(parts) == 1 else b"".join(parts), content_type, headers
        )

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            with contextlib.suppress(OSError):
                connection.close()


def _time_left(connection: socket.socket, end: float) -> None:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("The container did not answer in time.")
    connection.settimeout(left)
