"""The HTTP server in a serving process: a thread for each connection, and nothing between it and the model.

Its clients are ours (the endpoint's proxy, another serving process) and keep their connections. A request is
answered in the thread that read it: handing it to another one would cost more than reading it does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from labelwright.hosting.interface import Reply

__all__ = ["HttpServer", "Request"]

_log = logging.getLogger(__name__)

_HEAD_BYTES_MAX = 64 << 10
_PIECE = 256 << 10
_DROPPED_BYTES_MAX = 256 << 20
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class _Malformed(Exception):
    """The request cannot be read; the connection ends with this reply."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(status, f"{text}\n".encode(), "text/plain")


class HttpServer:
    """Answers requests on a listening socket.

    Parameters
    ----------
    listener : socket
    answer : callable
        From a `Request` to a `Reply`; called from many threads. What it raises becomes an answer of status
        500 and a line in the log.
    body_bytes_max : int
        Larger bodies are refused with 413.
    """

    def __init__(
        self, listener: socket.socket, answer: Callable[[Request], Reply], *, body_bytes_max: int
    ) -> None:
        self._listener = listener
        self._answer = answer
        self._body_bytes_max = body_bytes_max
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, bool] = {}  # is it being answered?
        self._is_draining = False

    def serve(self) -> None:
        """Accept connections, until the listener is closed or a signal handler raises."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._is_draining:
                    return
                raise
            with self._lock:
                self._connections[connection] = False
            thread = threading.Thread(
                target=self._serve_connection, args=(connection,), name="connection", daemon=True
            )
            thread.start()

    def drain(self, timeout_s: float) -> bool:
        """Take no more requests and let those in work end; False when some had not after the time."""
        self._is_draining = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept
        self._listener.close()
        with self._lock:
            idle = [connection for connection, is_busy in self._connections.items() if not is_busy]
        for connection in idle:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            with self._lock:
                if not any(self._connections.values()):
                    return True
            time.sleep(0.005)
        return False

    def _serve_connection(self, connection: socket.socket) -> None:
        try:
            self._exchange(connection)
        except OSError:
            pass  # the client is gone
        except Exception:
            _log.exception("a connection failed")
        finally:
            with self._lock:
                self._connections.pop(connection, None)
            connection.close()

    def _exchange(self, connection: socket.socket) -> None:
        rest = b""
        while not self._is_draining:
            try:
                found = _read_request(connection, rest, self._body_bytes_max)
            except _Malformed as malformed:
                _write(connection, malformed.reply, keep=False)
                return
            if found is None:
                return
            request, rest = found
            with self._lock:
                self._connections[connection] = True
            keep = request.headers.get("connection", "").lower() != "close"
            try:
                reply = self._answer(request)
            except Exception:
                _log.exception("a request failed")
                reply = Reply(500, b"The request failed; see the log of the container.\n", "text/plain")
            _write(connection, reply, keep=keep)
            with self._lock:
                self._connections[connection] = False
            if not keep:
                return


def _read_request(
    connection: socket.socket, begun: bytes, body_bytes_max: int
) -> tuple[Request, bytes] | None:
    """The next request and what came behind it; None at the end of the connection."""
    data = begun
    while (end := data.find(b"\r\n\r\n")) < 0:
        if len(data) > _HEAD_BYTES_MAX:
            raise _Malformed(431, "The headers are too long.")
        piece = connection.recv(_PIECE)
        if not piece:
            return None
        data = data + piece if data else piece
    lines = data[:end].decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _Malformed(400, "This is not an HTTP request.")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise _Malformed(400, "A header cannot be read.")
        headers[name.lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise _Malformed(411, "Send a Content-Length.")
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise _Malformed(400, "The Content-Length is not a number.")
    n_bytes = int(length)
    if n_bytes > body_bytes_max:
        _drop(connection, min(n_bytes - (len(data) - end - 4), _DROPPED_BYTES_MAX))
        raise _Malformed(413, f"The body is larger than {body_bytes_max} bytes.")
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body, rest = _read_body(connection, data[end + 4 :], n_bytes)
    return Request(words[0], words[1].partition("?")[0], headers, body), rest


def _read_body(connection: socket.socket, begun: bytes, n_bytes: int) -> tuple[bytes, bytes]:
    if len(begun) >= n_bytes:
        return (begun, b"") if len(begun) == n_bytes else (begun[:n_bytes], begun[n_bytes:])
    parts, missing = [begun], n_bytes - len(begun)
    while missing:
        piece = connection.recv(missing, socket.MSG_WAITALL)
        if not piece:
            raise ConnectionResetError
        parts.append(piece)
        missing -= len(piece)
    return b"".join(parts), b""


def _drop(connection: socket.socket, n_bytes: int) -> None:
    """Read what a client is still sending: it looks at the answer only afterwards."""
    while n_bytes > 0 and (piece := connection.recv(min(n_bytes, _PIECE))):
        n_bytes -= len(piece)


def _write(connection: socket.socket, reply: Reply, *, keep: bool) -> None:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Status"
    head = [
        f"HTTP/1.1 {reply.status} {phrase}\r\ncontent-type: {_one_line(reply.content_type)}\r\n"
        f"content-length: {len(reply.body)}\r\n"
    ]
    head += [f"{name}: {_one_line(value)}\r\n" for name, value in reply.headers.items()]
    if not keep:
        head.append("connection: close\r\n")
    head.append("\r\n")
    first = "".join(head).encode("latin-1", "replace")
    n_sent = connection.sendmsg([first, reply.body])  # one system call, no joined copy
    if n_sent < len(first) + len(reply.body):
        if n_sent < len(first):
            connection.sendall(first[n_sent:])
            n_sent = len(first)
        connection.sendall(memoryview(reply.body)[n_sent - len(first) :])


def _one_line(value: str) -> str:
    """A header's value as a script gave it, which may be what a client sent it: no second answer in it."""
    return _CONTROLS.sub(" ", value)
