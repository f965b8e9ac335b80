"""List operations: the one way in which handlers page.

The token is bound to the operation, the region and every member of the request but the token and the page
size, so that a token of another query is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from labelwright.api.context import RequestContext
from labelwright.store.listing import HALF_MS
from labelwright.wire.paginate import Page, make_token, paginate, read_token

__all__ = ["DEFAULT_PAGE", "after_of", "cut", "page_of", "page_of_named", "query_of", "token_secret"]

T = TypeVar("T")


class Named(Protocol):
    """A row with a name and a time."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def created_at(self) -> float: ...


N = TypeVar("N", bound=Named)

DEFAULT_PAGE = 10
"""Page size of SageMaker's lists when ``MaxResults`` is absent."""

_PAGING_MEMBERS = frozenset({"NextToken", "MaxResults", "PaginationToken", "Limit", "Marker", "MaxItems"})


def page_of(
    context: RequestContext,
    items: Iterable[T],
    *,
    key: Callable[[T], tuple[Any, ...]],
    max_results: int | None = None,
    next_token: str | None = None,
    descending: bool = False,
    default: int = DEFAULT_PAGE,
) -> Page[T]:
    """One page of the items that are already filtered; see `labelwright.wire.paginate.paginate`."""
    return paginate(
        items,
        key=key,
        query=query_of(context),
        secret=token_secret(context),
        max_results=default if max_results is None else max_results,
        next_token=next_token,
        descending=descending,
    )


def page_of_named(
    context: RequestContext,
    rows: Iterable[N],
    *,
    name_contains: str,
    created_after: float | None,
    created_before: float | None,
    sort_by: str,
    sort_order: str,
    max_results: int | None,
    next_token: str | None,
) -> Page[N]:
    """One page of rows of which a region has few: filtered and sorted here, not in the database.

    Parameters
    ----------
    rows : iterable
        All of the region; those that are sorted by ``Status`` have one.
    sort_by : str
        ``Name``, ``Status`` or ``CreationTime``.
    """
    found = [
        row
        for row in rows
        if name_contains.lower() in row.name.lower()
        and (created_after is None or row.created_at >= created_after + HALF_MS)
        and (created_before is None or row.created_at < created_before - HALF_MS)
    ]

    def key(row: N) -> tuple[Any, ...]:
        values = {"Name": row.name.lower(), "Status": getattr(row, "status", "")}
        return (values.get(sort_by, row.created_at), row.id)

    return page_of(
        context,
        found,
        key=key,
        max_results=max_results,
        next_token=next_token,
        descending=sort_order == "Descending",
    )


def after_of(context: RequestContext, next_token: str | None) -> tuple[Any, int] | None:
    """The sort value and key of the last row of the page before; None for the first page."""
    if not next_token:
        return None
    value, key = read_token(next_token, query=query_of(context), secret=token_secret(context))
    return value, key


def cut(
    context: RequestContext, found: Sequence[tuple[T, Any]], size: int, *, key: Callable[[T], int]
) -> tuple[list[T], str | None]:
    """A page of rows that the database sorted, and the token of the next one.

    Parameters
    ----------
    context : RequestContext
    found : sequence of (row, sort value)
        One more than ``size``, where there are more.
    size : int
    key : callable
        What tells rows of one sort value apart.
    """
    token = None
    if len(found) > size:
        last, value = found[size - 1]
        token = make_token((value, key(last)), query=query_of(context), secret=token_secret(context))
    return [row for row, _ in found[:size]], token


def query_of(context: RequestContext) -> dict[str, Any]:
    """What the token of this request is bound to."""
    members = {k: v for k, v in context.parameters.items() if k not in _PAGING_MEMBERS}
    return {"operation": context.operation, "region": context.region, "members": members}


def token_secret(context: RequestContext) -> bytes:
    """The key that signs this installation's tokens."""
    return context.app.credentials.secret_access_key.encode()
