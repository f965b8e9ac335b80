"""Which requests may act with a worker's cookie, and what their bodies may be.

Two fences against other sites: a body must be declared as JSON, which a plain HTML form cannot do, and where
the browser says who started the request (``Sec-Fetch-Site``, ``Origin``) it must be our own page. A task's
template runs in an opaque origin, so to these fences it is another site like any other.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson

from labelwright.portal.http import Refusal, Request

__all__ = ["MAX_DEPTH", "base_url_of", "check_origin", "check_depth", "json_object"]

MAX_DEPTH = 64


def base_url_of(request: Request, public_url: str) -> str:
    """Our own address as the browser knows it, without a final slash."""
    if public_url:
        return public_url.rstrip("/")
    return f"{request.scheme}://{request.headers.get('host') or 'localhost'}"


def check_origin(request: Request, public_url: str) -> None:
    """Refuse what another site started.

    Raises
    ------
    Refusal
        403 CrossSiteRequest.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise _cross_site()
    origin = request.headers.get("origin")
    if origin is None:
        return
    # A proxy that ends TLS changes the scheme and keeps Host, so hosts are compared, or the public URL.
    host = urlsplit(origin).netloc.lower()
    if host and host == request.headers.get("host", "").lower():
        return
    if public_url and origin.lower() == _origin_of(public_url):
        return
    raise _cross_site()


async def json_object(request: Request, *, limit_bytes: int, may_be_empty: bool = False) -> dict[str, Any]:
    """The body as a JSON object.

    Raises
    ------
    Refusal
        415 for another content type, 413 when too long, 400 when it is not JSON, not an object, or nested
        deeper than 64 levels.
    """
    content_type = request.headers.get("content-type", "")
    if not content_type:
        if may_be_empty and request.headers.get("content-length", "0") == "0":
            return {}
        raise _not_json(content_type)
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _not_json(content_type)
    raw = await request.body(limit_bytes)
    if not raw and may_be_empty:
        return {}
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refusal(
            400, "MalformedRequest", f"The body is not JSON in UTF-8: {error}. Send one JSON object."
        ) from error
    if not isinstance(value, dict):
        raise Refusal(400, "MalformedRequest", "The body must be one JSON object, in curly braces.")
    # An answer may have 64 levels; the object around it is one more.
    check_depth(value, raw, max_depth=MAX_DEPTH + 1)
    return value


def check_depth(value: object, raw: bytes, *, max_depth: int = MAX_DEPTH) -> None:
    """Refuse values nested deeper than ``max_depth`` levels.

    Raises
    ------
    Refusal
        400 TooDeep.
    """
    # Fewer opening brackets than the limit cannot exceed it; this spares the walk in nearly every request.
    if raw.count(b"{") + raw.count(b"[") <= max_depth:
        return
    level: list[Any] = [value]
    for _ in range(max_depth):
        below: list[Any] = []
        for item in level:
            children = item.values() if isinstance(item, dict) else item
            below.extend(child for child in children if isinstance(child, (dict, list)))
        if not below:
            return
        level = below
    raise Refusal(400, "TooDeep", f"The JSON is nested deeper than {MAX_DEPTH} levels; flatten it.")


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _cross_site() -> Refusal:
    return Refusal(
        403,
        "CrossSiteRequest",
        "This request was started by another site than this portal and was refused. Open the portal itself.",
    )


def _not_json(content_type: str) -> Refusal:
    shown = repr(content_type[:60]) if content_type else "missing"
    return Refusal(
        415,
        "UnsupportedMediaType",
        f"The Content-Type is {shown}; send the body as application/json.",
    )
