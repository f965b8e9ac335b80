"""Who may read ``/metrics``: whoever knows the token, or, where none is set, this machine alone.

Metrics name jobs and teams and show how busy people are; they are nobody else's business. Without a token
a request must come from the loopback address, must be meant for it (a web page could otherwise reach it by a
name of its own that points there), and must not have passed a proxy, behind which everybody seems local.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from labelwright.metrics.exposition import CONTENT_TYPE

if TYPE_CHECKING:
    from labelwright.context import AppContext
    from labelwright.events import Delivery
    from labelwright.metrics.traffic import Traffic

__all__ = ["build", "may_read"]

_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_PROXY_HEADERS = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
_CLOSED = (
    "Metrics are open to this machine only. Set LABELWRIGHT_METRICS_TOKEN for the server and send it as "
    "'Authorization: Bearer <token>'.\n"
)
_WRONG = "Send the server's LABELWRIGHT_METRICS_TOKEN as 'Authorization: Bearer <token>'.\n"


def may_read(token: str, client: str, headers: Mapping[str, str]) -> bool:
    """Whether a request may read the metrics.

    Parameters
    ----------
    token : str
        The setting; empty means that there is none.
    client : str
        Address that the connection comes from.
    headers : mapping
        Lower-case names.
    """
    if token:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
    if any(name in headers for name in _PROXY_HEADERS):
        return False
    host = headers.get("host", "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return _is_loopback(client) and (name == "localhost" or _is_loopback(name))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def build(
    context: AppContext, traffic: Traffic, delivery: Delivery
) -> Callable[[MutableMapping[str, Any], Any, _Send], Awaitable[None]]:
    """The ASGI app of ``/metrics``."""

    async def door(scope: MutableMapping[str, Any], receive: Any, send: _Send) -> None:
        client = (scope.get("client") or ("",))[0]
        token = context.settings.metrics_token
        if may_read(token, client, scope["labelwright.headers"]):
            # Loaded when it is first asked for: start-up need not wait for it.
            from labelwright.metrics.collect import collect

            text = await asyncio.to_thread(collect, context, traffic, delivery)
            await _answer(send, 200, text, CONTENT_TYPE)
        elif token:
            await _answer(send, 401, _WRONG, challenge=True)
        else:
            await _answer(send, 403, _CLOSED)

    return door


async def _answer(
    send: _Send,
    status: int,
    text: str,
    content_type: str = "text/plain; charset=utf-8",
    *,
    challenge: bool = False,
) -> None:
    body = text.encode()
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if challenge:
        headers.append((b"www-authenticate", b'Bearer realm="metrics"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
