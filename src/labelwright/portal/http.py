"""The little HTTP that the portal needs: a request, a reply, a refusal.

A framework's routing and validation would cost more than the work itself on the take and submit path, so
this stays a thin skin over ASGI.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson

__all__ = [
    "ASGIApp",
    "Headers",
    "Receive",
    "Refusal",
    "Reply",
    "Request",
    "Scope",
    "Send",
    "json_reply",
    "request_of",
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# A refused body up to this size is read to its end, so that the client gets to see why.
_DRAIN_BYTES = 96 << 20


class Refusal(Exception):
    """An answer other than success, as an exception.

    Parameters
    ----------
    status : int
        HTTP status.
    error : str
        Stable name for programs.
    message : str
        Sentences for people.
    field : str, optional
        Which member of the request is meant.
    headers : list of (bytes, bytes), optional
    extra : mapping, optional
        Further members of the JSON body.
    """

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        *,
        field: str | None = None,
        headers: Headers | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.field = field
        self.headers = headers or []
        self.extra = extra or {}

    def reply(self) -> Reply:
        """The JSON form ``{"error", "message"[, "field"]}``."""
        body: dict[str, object] = {"error": self.error, "message": self.message}
        if self.field is not None:
            body["field"] = self.field
        body.update(self.extra)
        return json_reply(self.status, body, self.headers)


@dataclasses.dataclass(slots=True)
class Reply:
    """A whole response. ``headers`` hold what is particular to it; the length is added on sending."""

    status: int
    body: bytes
    headers: Headers

    async def send(self, send: Send, *, head_only: bool = False) -> None:
        """Send it; ``head_only`` for HEAD requests."""
        headers = self.headers
        if self.status != 204:
            headers = [*headers, (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head_only else self.body})


_JSON_HEADERS: Headers = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


def json_reply(status: int, value: object, headers: Headers | None = None) -> Reply:
    """A JSON answer that no cache keeps and no page frames."""
    return Reply(status, orjson.dumps(value), _JSON_HEADERS + headers if headers else _JSON_HEADERS)


@dataclasses.dataclass(slots=True)
class Request:
    """What handlers look at. Header names are lower-case."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    scheme: str
    client_address: str
    receive: Receive

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body.

        Raises
        ------
        Refusal
            413 when it is longer than the limit; 400 when the client went away.
        """
        declared = self.headers.get("content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit_bytes:
            if int(declared) <= _DRAIN_BYTES:
                await self._drain()
            raise _too_large(limit_bytes)
        message = await self.receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            first: bytes = message.get("body", b"")
            if len(first) > limit_bytes:
                raise _too_large(limit_bytes)
            return first
        chunks: list[bytes] = []
        size_bytes = 0
        while True:
            if message["type"] == "http.disconnect":
                raise Refusal(400, "Disconnected", "The client went away before its request was complete.")
            chunk = message.get("body", b"")
            size_bytes += len(chunk)
            if size_bytes > limit_bytes:
                if message.get("more_body", False):
                    await self._drain()
                raise _too_large(limit_bytes)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)
            message = await self.receive()

    async def _drain(self) -> None:
        size_bytes = 0
        while size_bytes <= _DRAIN_BYTES:
            message = await self.receive()
            size_bytes += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return


def request_of(scope: Scope, receive: Receive) -> Request:
    """The request of an ASGI ``http`` scope."""
    headers = scope.get("labelwright.headers")
    if headers is None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=headers,
        scheme=scope.get("scheme", "http"),
        client_address=client[0] if client else "",
        receive=receive,
    )


def _too_large(limit_bytes: int) -> Refusal:
    return Refusal(
        413,
        "PayloadTooLarge",
        f"The request is longer than the {limit_bytes:,} bytes allowed here; send a shorter one.",
        headers=[(b"connection", b"close")],
    )
