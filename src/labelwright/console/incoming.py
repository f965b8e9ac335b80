"""Reading what a browser sends to the console: who may have started it, and the fields of a form."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

__all__ = ["form_of", "is_foreign"]


def is_foreign(request: Request) -> bool:
    """Whether another site started the request."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host", ""):
        return True
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


async def form_of(request: Request, *, most: int = 8192, fields: int = 8) -> dict[str, str]:
    """The fields of a form; none when they are more than ``fields``, or longer than ``most`` bytes (two keys
    never need 8192).
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return {}
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=fields))
    except ValueError:  # more of them
        return {}
