"""One paginator for every list operation: filter, sort by a stable key, then cut.

A token is opaque and signed: it holds the sort key of the last item shown and a digest of the query it
belongs to. Items that appear or vanish between two pages therefore neither repeat nor hide others, and a
token of another query, or one that was made up, is refused.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import orjson

from labelwright.errors import InvalidRequest

__all__ = ["Page", "make_token", "paginate", "read_token"]

T = TypeVar("T")
Key = tuple[Any, ...]

_N_MAC = 16
_N_QUERY = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a listing; ``next_token`` is None on the last page."""

    items: list[T]
    next_token: str | None


def paginate(
    items: Iterable[T],
    *,
    key: Callable[[T], Key],
    query: Mapping[str, Any],
    secret: bytes,
    max_results: int,
    next_token: str | None = None,
    descending: bool = False,
) -> Page[T]:
    """One page of the items that are already filtered.

    Parameters
    ----------
    key : callable
        From item to a tuple of strings and numbers that no other item has, such as (creation time, name).
    query : mapping
        What the token is bound to: operation, region, filters, order. Not the token, not the page size.
    secret : bytes
        Signs the tokens.

    Raises
    ------
    InvalidRequest
        The token is not one of this query.
    """
    after = read_token(next_token, query=query, secret=secret) if next_token else None
    ordered = sorted(((key(item), item) for item in items), key=lambda pair: pair[0], reverse=descending)
    if after is not None:
        ordered = [pair for pair in ordered if (pair[0] < after if descending else pair[0] > after)]
    page = ordered[:max_results]
    is_last = len(ordered) <= max_results
    token = None if is_last else make_token(page[-1][0], query=query, secret=secret)
    return Page([item for _, item in page], token)


def make_token(key: Key, *, query: Mapping[str, Any], secret: bytes) -> str:
    """A token that says: continue this query after this sort key."""
    payload = _digest(query) + orjson.dumps(key)
    return base64.urlsafe_b64encode(_mac(secret, payload) + payload).decode().rstrip("=")


def read_token(token: str, *, query: Mapping[str, Any], secret: bytes) -> Key:
    """The sort key that a token of this query holds.

    Raises
    ------
    InvalidRequest
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    mac, payload = raw[:_N_MAC], raw[_N_MAC:]
    is_ours = len(payload) > _N_QUERY and hmac.compare_digest(mac, _mac(secret, payload))
    if not is_ours or payload[:_N_QUERY] != _digest(query):
        raise InvalidRequest(
            "Invalid NextToken: it does not belong to this query. Repeat the query that returned it with the "
            "same "
            "filters and order, or leave NextToken out to begin again.",
            field="NextToken",
            value=token,
        )
    return tuple(orjson.loads(payload[_N_QUERY:]))


def _digest(query: Mapping[str, Any]) -> bytes:
    text = orjson.dumps(dict(query), option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(text).digest()[:_N_QUERY]


def _mac(secret: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, b"page token\0" + payload, "sha256")[:_N_MAC]
