"""List operations: the one way in which handlers page.

The token is bound to the operation, the region and every member of the request but the token and the page
size, so that a token of another query is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypedDict, TypeVar

from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.store.listing import HALF_MS, Listing, SortBy
from labelwright.wire.paginate import Page, make_token, paginate, read_token

__all__ = [
    "DEFAULT_PAGE",
    "JobFilters",
    "NamedFilters",
    "listing_of",
    "page_of",
    "page_of_listing",
    "page_of_named",
    "query_of",
    "token_secret",
]

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
L = TypeVar("L", bound=Listing)


class NamedFilters(TypedDict, total=False):
    """The members of a request to list what has a name; all are optional."""

    creation_time_after: float
    creation_time_before: float
    max_results: int
    name_contains: str
    next_token: str
    sort_by: SortBy
    sort_order: str


class JobFilters(NamedFilters, total=False):
    """The members of a request to list what has a status besides."""

    last_modified_time_after: float
    last_modified_time_before: float
    status_equals: str


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


def page_of_named(context: RequestContext, rows: Iterable[N], asked: NamedFilters | JobFilters) -> Page[N]:
    """One page of rows of which a region has few: filtered and sorted here, not in the database.

    Parameters
    ----------
    context : RequestContext
    rows : iterable
        All of the region. Those whose list operation knows a status have ``status`` and ``modified_at``.
    asked : mapping
        Members of the request. Newest first by default.
    """
    by, contains = asked.get("sort_by", "CreationTime"), asked.get("name_contains", "").lower()
    status = asked.get("status_equals")
    found = [
        row
        for row in rows
        if contains in row.name.lower()
        and _is_within(row.created_at, asked.get("creation_time_after"), asked.get("creation_time_before"))
        and _is_within(
            getattr(row, "modified_at", 0.0),
            asked.get("last_modified_time_after"),
            asked.get("last_modified_time_before"),
        )
        and (status is None or getattr(row, "status", None) == status)
    ]

    def key(row: N) -> tuple[Any, ...]:
        values = {"Name": row.name.lower(), "Status": getattr(row, "status", "")}
        return (values.get(by, row.created_at), row.id)

    return page_of(
        context,
        found,
        key=key,
        max_results=asked.get("max_results"),
        next_token=asked.get("next_token"),
        descending=asked.get("sort_order", "Descending") == "Descending",
    )


def _is_within(at: float, after: Any, before: Any) -> bool:
    return (after is None or at >= after + HALF_MS) and (before is None or at < before - HALF_MS)


def listing_of(
    context: RequestContext,
    asked: JobFilters,
    kind: type[L],
    *,
    sort_by: SortBy = "CreationTime",
    sort_order: str,
    **more: Any,
) -> L:
    """What the database is asked for, for rows of which there may be many.

    Parameters
    ----------
    context : RequestContext
    asked : mapping
        Members of the request.
    kind : type
        `labelwright.store.listing.Listing` or one with more filters.
    sort_by, sort_order : str
        Where the request does not say.
    **more
        The further filters.
    """
    token = asked.get("next_token")
    return kind(
        region=context.region,
        sort_by=asked.get("sort_by", sort_by),
        is_descending=asked.get("sort_order", sort_order) == "Descending",
        created_after=asked.get("creation_time_after"),
        created_before=asked.get("creation_time_before"),
        modified_after=asked.get("last_modified_time_after"),
        modified_before=asked.get("last_modified_time_before"),
        name_contains=asked.get("name_contains", ""),
        status=asked.get("status_equals"),
        after=_after_of(context, token) if token else None,
        **more,
    )


def _after_of(context: RequestContext, token: str) -> tuple[Any, int]:
    """The sort value and key of the last row of the page before."""
    value, key = read_token(token, query=query_of(context), secret=token_secret(context))
    return value, key


def page_of_listing(
    context: RequestContext,
    connection: Connection,
    list_rows: Callable[[Connection, L, int], Sequence[tuple[T, Any]]],
    listing: L,
    max_results: int | None,
    *,
    key: Callable[[T], int],
) -> Page[T]:
    """A page of rows that the database filters and sorts.

    Parameters
    ----------
    context : RequestContext
    connection : Connection
    list_rows : callable
        From a listing and a number to so many rows, each with the value it is sorted by.
    listing : Listing
    max_results : int or None
    key : callable
        What tells rows of one sort value apart.
    """
    size = max_results or DEFAULT_PAGE
    found = list_rows(connection, listing, size + 1)
    token = None
    if len(found) > size:
        last, value = found[size - 1]
        token = make_token((value, key(last)), query=query_of(context), secret=token_secret(context))
    return Page([row for row, _ in found[:size]], token)


def query_of(context: RequestContext) -> dict[str, Any]:
    """What the token of this request is bound to."""
    members = {k: v for k, v in context.parameters.items() if k not in _PAGING_MEMBERS}
    return {"operation": context.operation, "region": context.region, "members": members}


def token_secret(context: RequestContext) -> bytes:
    """The key that signs this installation's tokens."""
    return context.app.credentials.secret_access_key.encode()
