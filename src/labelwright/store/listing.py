"""Listings of jobs: filters, a stable order, where the next page begins; one query for every kind of job."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql.base import ReadOnlyColumnCollection

__all__ = ["HALF_MS", "Listing", "SortBy", "narrowed", "sort_column"]

HALF_MS = 0.0005
"""Times are shown rounded to milliseconds; a time that was shown must not select its own row."""
SortBy = Literal["Name", "CreationTime", "Status"]
_SORT: dict[SortBy, str] = {"Name": "name_lower", "CreationTime": "created_at", "Status": "status"}


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """What to list: exclusive time bounds, filters and the order.

    Attributes
    ----------
    after : tuple or None
        ``(sort value, key)`` of the last one of the page before.
    """

    region: str
    sort_by: SortBy = "CreationTime"
    is_descending: bool = False
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None
    name_contains: str = ""
    status: str | None = None
    after: tuple[Any, int] | None = None


def sort_column(listing: Listing) -> str:
    """The name of the column that a listing is sorted by."""
    return _SORT[listing.sort_by]


def narrowed(
    query: sa.Select[Any],
    listing: Listing,
    columns: ReadOnlyColumnCollection[str, Any],
    limit: int,
    *,
    key: str = "id",
) -> sa.Select[Any]:
    """A query cut down to one page of a listing.

    Sorted by a stable key (the column, then ``key``), so that a page goes on where the one before ended
    whatever was added meanwhile.

    Parameters
    ----------
    query : Select
    listing : Listing
    columns : column collection
        Has ``region``, ``name_lower``, ``status``, ``created_at``, ``modified_at`` and ``key``.
    limit : int
    key : str
        The column that tells rows of one sort value apart.
    """
    query = query.where(columns["region"] == listing.region)
    for column, after, before in (
        (columns["created_at"], listing.created_after, listing.created_before),
        (columns["modified_at"], listing.modified_after, listing.modified_before),
    ):
        if after is not None:
            query = query.where(column >= after + HALF_MS)
        if before is not None:
            query = query.where(column < before - HALF_MS)
    if listing.status is not None:
        query = query.where(columns["status"] == listing.status)
    if listing.name_contains:
        contains = columns["name_lower"].contains(listing.name_contains.lower(), autoescape=True)
        query = query.where(contains)
    sort, own = columns[sort_column(listing)], columns[key]
    if listing.after is not None:
        value, last = listing.after
        if listing.is_descending:
            query = query.where(sa.or_(sort < value, sa.and_(sort == value, own < last)))
        else:
            query = query.where(sa.or_(sort > value, sa.and_(sort == value, own > last)))
    order = (sort.desc(), own.desc()) if listing.is_descending else (sort, own)
    return query.order_by(*order).limit(limit)
