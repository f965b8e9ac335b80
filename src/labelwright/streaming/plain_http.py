"""Many small objects from an S3 endpoint over plain HTTP, with little processor time for each.

A general client spends most of its time between threads and on buffers of unknown size. Here one thread keeps
several connections busy in turn: it sends a request on each, then takes the answers in the same order, and
sends the next request on a connection as soon as its answer is there. A body is read into a buffer of known
size by one call of the system. Requests are signed as any S3 client signs them (AWS Signature Version 4, the
payload unsigned); the key of the day is derived once.

Only the plain case is handled: a 200 with a length. For anything else `PlainHttpReader.read_many` says so,
and the caller asks again through a client that knows retries, redirects and errors. Endpoints with TLS are
not for this one.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from labelwright.s3.upstream import Upstream

__all__ = ["PlainHttpReader"]

N_CONNECTIONS: Final = 8
"""Requests under way at a time, for each thread."""

BODY_BYTES_MAX: Final = 64 << 20
"""Larger objects are for a client that delivers them in pieces."""

_BUFFER_BYTES: Final = 1 << 20

_CONNECT_S: Final = 5.0
_SILENCE_S: Final = 30
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"


class _NotPlain(Exception):
    """The answer is not a 200 with a length, or did not come whole."""


class PlainHttpReader:
    """Reads objects of one endpoint, from any number of threads; each has connections of its own.

    Parameters
    ----------
    upstream : Upstream
        Its endpoint begins with ``http://``.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._local = threading.local()

    @staticmethod
    def fits(upstream: Upstream) -> bool:
        """Whether the endpoint is one for this reader: plain HTTP."""
        return upstream.endpoint.startswith("http://")

    def read_many(
        self, places: Sequence[tuple[str, str]], bytes_max: int = BODY_BYTES_MAX
    ) -> list[bytes | None]:
        """Bodies of objects, in order.

        Parameters
        ----------
        places : sequence of (str, str)
            Bucket and key.
        bytes_max : int
            Larger ones are left to others.

        Returns
        -------
        list of bytes or None
            None where the answer was not the plain one, whatever it was.
        """
        lines: _Lines | None = getattr(self._local, "lines", None)
        if lines is None or lines.pid != os.getpid():  # after a fork connections belong to the parent
            lines = self._local.lines = _Lines(self._upstream)
        return lines.read_many(places, bytes_max)


class _Lines:
    """One thread's connections."""

    def __init__(self, upstream: Upstream) -> None:
        self.pid = os.getpid()
        self._signer = _Signer(upstream)
        parts = urlsplit(upstream.endpoint)
        self._address = (parts.hostname or "", parts.port or 80)
        self._sockets: list[socket.socket | None] = [None] * N_CONNECTIONS
        self._buffer = bytearray(_BUFFER_BYTES)

    def __del__(self) -> None:
        if self.pid == os.getpid():
            for i in range(len(self._sockets)):
                self._drop(i)

    def read_many(self, places: Sequence[tuple[str, str]], bytes_max: int) -> list[bytes | None]:
        """See `PlainHttpReader.read_many`."""
        found: list[bytes | None] = []
        asked = [self._ask(i, place) for i, place in enumerate(places[:N_CONNECTIONS])]
        for i in range(len(places)):
            line = i % N_CONNECTIONS
            body = None
            if asked[line]:
                try:
                    body = self._answer(line, bytes_max)
                except (OSError, ValueError, _NotPlain):
                    self._drop(line)
            if i + N_CONNECTIONS < len(places):
                asked[line] = self._ask(line, places[i + N_CONNECTIONS])
            found.append(body)
        return found

    def _ask(self, line: int, place: tuple[str, str]) -> bool:
        """Send a request; False when that failed also on a new connection."""
        request = self._signer.request(*place)
        for _ in range(2):
            try:
                connection = self._sockets[line] or self._connect(line)
                connection.sendall(request)
            except OSError:  # it was idle for too long, for one
                self._drop(line)
            else:
                return True
        return False

    def _connect(self, line: int) -> socket.socket:
        connection = socket.create_connection(self._address, _CONNECT_S)
        self._sockets[line] = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A time limit of Python's would make the socket a non-blocking one, and each read several calls.
        connection.settimeout(None)
        for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, limit, struct.pack("@ll", _SILENCE_S, 0))
        return connection

    def _drop(self, line: int) -> None:
        connection, self._sockets[line] = self._sockets[line], None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def _answer(self, line: int, bytes_max: int) -> bytes:
        connection = self._sockets[line]
        if connection is None:
            raise _NotPlain
        buffer = self._buffer
        view = memoryview(buffer)
        n, end = 0, -1
        while end < 0:
            received = connection.recv_into(view[n:])
            if not received:
                raise _NotPlain
            n += received
            end = buffer.find(b"\r\n\r\n", 0, n)
            if end < 0 and n == len(buffer):
                raise _NotPlain
        start = end + 4
        length = _plain_length(bytes(view[:end]))
        if length > bytes_max:
            raise _NotPlain
        stop = start + length
        if stop > len(buffer):  # a larger one gets a place of its own
            body = bytearray(length)
            body[: n - start] = view[start:n]
            _fill(connection, memoryview(body), n - start)
            return bytes(body)
        _fill(connection, view[:stop], n)
        return bytes(view[start:stop])


def _fill(connection: socket.socket, view: memoryview, n: int) -> None:
    while n < len(view):
        received = connection.recv_into(view[n:], 0, socket.MSG_WAITALL)
        if not received:
            raise _NotPlain
        n += received


def _plain_length(head: bytes) -> int:
    """Content-Length of an answer that is plain in every respect."""
    status, *lines = head.split(b"\r\n")
    if not status.startswith(b"HTTP/1.1 200"):
        raise _NotPlain
    length = -1
    for line in lines:
        name, _, value = line.partition(b":")
        match name.lower():
            case b"content-length":
                length = int(value)
            case b"transfer-encoding" | b"content-encoding":
                raise _NotPlain
            case b"connection" if value.strip().lower() == b"close":
                raise _NotPlain
    if length < 0:
        raise _NotPlain
    return length


class _Signer:
    """Requests signed with Signature Version 4; what changes once a second or a day is made that often."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._host = urlsplit(upstream.endpoint).netloc.removesuffix(":80")
        self._second = -1
        self._date = ""
        self._key = b""
        self._canonical_end = self._to_sign = self._head_end = ""

    def request(self, bucket: str, key: str) -> bytes:
        """A GET of an object, whole."""
        second = int(time.time())
        if second != self._second:
            self._begin(second)
        path = f"/{bucket}/{quote(key, safe='/-_.~')}"
        digest = hashlib.sha256(f"GET\n{path}{self._canonical_end}".encode()).hexdigest()
        signature = hmac.digest(self._key, f"{self._to_sign}{digest}".encode(), "sha256").hex()
        return f"GET {path}{self._head_end}{signature}\r\n\r\n".encode()

    def _begin(self, second: int) -> None:
        upstream = self._upstream
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        if at[:8] != self._date:
            self._date = at[:8]
            self._key = f"AWS4{upstream.secret_access_key}".encode()
            for part in (self._date, upstream.region, "s3", "aws4_request"):
                self._key = hmac.digest(self._key, part.encode(), "sha256")
        headers = {"host": self._host, "x-amz-content-sha256": _UNSIGNED, "x-amz-date": at}
        if upstream.session_token:
            headers["x-amz-security-token"] = upstream.session_token
        names = ";".join(headers)
        scope = f"{self._date}/{upstream.region}/s3/aws4_request"
        canonical = "".join(f"{name}:{value}\n" for name, value in headers.items())
        self._canonical_end = f"\n\n{canonical}\n{names}\n{_UNSIGNED}"
        self._to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n"
        sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._head_end = (
            f" HTTP/1.1\r\n{sent}authorization: AWS4-HMAC-SHA256 "
            f"Credential={upstream.access_key_id}/{scope}, SignedHeaders={names}, Signature="
        )
        self._second = second
