"""Listing a bucket: one page as a few range scans, whatever the size of the bucket.

With a delimiter, all keys that share a beginning up to it are one entry. Those keys are not read: once the
first of them is seen, the scan goes on behind the last possible one.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import zlib

from labelwright.s3.index import Index, ObjectRow
from labelwright.s3.names import after_prefix
from labelwright.s3.problems import S3Problem

__all__ = ["Page", "is_common_prefix", "list_page", "read_token", "write_token"]

_LONG_SCAN = 1001


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing.

    Attributes
    ----------
    objects : list of ObjectRow
    prefixes : list of str
        Common prefixes.
    last : str
        Key or common prefix that sorts last on this page, empty when the page is.
    is_truncated : bool
        There is more after ``last``.
    """

    objects: list[ObjectRow]
    prefixes: list[str]
    last: str
    is_truncated: bool


def list_page(
    index: Index,
    bucket: str,
    *,
    prefix: str = "",
    delimiter: str = "",
    after: str = "",
    skip_prefix: bool = False,
    max_keys: int = 1000,
) -> Page:
    """The objects and common prefixes that follow ``after``, in key order.

    Parameters
    ----------
    index : Index
    bucket : str
        Known to exist.
    prefix : str
        Only keys that begin with it.
    delimiter : str
        Empty: no grouping.
    after : str
        Only keys that sort behind it.
    skip_prefix : bool
        ``after`` is a common prefix that was listed: leave out all keys that begin with it.
    max_keys : int
        Most entries (objects and prefixes together) of the page.
    """
    objects: list[ObjectRow] = []
    prefixes: list[str] = []
    last = ""
    end = after_prefix(prefix) if prefix else None
    start, is_inclusive = (prefix, True) if prefix > after else (after, False)
    if skip_prefix and after and after >= prefix:
        behind = after_prefix(after)
        if behind is None:
            return Page(objects, prefixes, last, False)
        start, is_inclusive = behind, True
    if max_keys <= 0:
        return Page(objects, prefixes, last, False)
    left = max_keys
    limit = left + 1
    while True:
        limit = min(limit, left + 1, _LONG_SCAN)
        rows = index.rows_from(bucket, start, is_inclusive=is_inclusive, end=end, limit=limit)
        jumped = False
        for row in rows:
            if left == 0:
                return Page(objects, prefixes, last, True)
            left -= 1
            cut = row.key.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                objects.append(row)
                last = row.key
                start, is_inclusive = row.key, False
                continue
            last = row.key[: cut + len(delimiter)]
            prefixes.append(last)
            behind = after_prefix(last)
            if behind is None or (end is not None and behind >= end):
                return Page(objects, prefixes, last, False)
            start, is_inclusive = behind, True
            jumped = True
            break
        if jumped:
            limit = 1  # most likely the next one is a prefix again
        elif len(rows) < limit:
            return Page(objects, prefixes, last, False)
        else:
            limit *= 4


def is_common_prefix(marker: str, *, prefix: str, delimiter: str) -> bool:
    """Whether a marker of ListObjects is a common prefix of this listing, so that what it covers was listed.

    Examples
    --------
    >>> is_common_prefix("a/b/", prefix="a/", delimiter="/")
    True
    >>> is_common_prefix("a/", prefix="a/", delimiter="/")
    False
    """
    if not delimiter or not marker.startswith(prefix):
        return False
    cut = marker.find(delimiter, len(prefix))
    return cut >= 0 and cut + len(delimiter) == len(marker)


def write_token(page: Page, *, query: tuple[str, ...]) -> str:
    """Opaque token for the page behind this one; good for the same query only."""
    is_prefix = bool(page.prefixes) and page.prefixes[-1] == page.last
    text = json.dumps([page.last, is_prefix, _stamp(query)])
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(token: str, *, query: tuple[str, ...]) -> tuple[str, bool]:
    """Where a token goes on: (after, is a common prefix).

    Raises
    ------
    S3Problem
        ``InvalidArgument`` when we did not write it, or for another query.
    """
    try:
        last, is_prefix, stamp = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, TypeError):
        stamp = None
    if stamp != _stamp(query):
        raise S3Problem(
            "InvalidArgument",
            "The continuation token provided is incorrect",
            ArgumentName="continuation-token",
        )
    return str(last), bool(is_prefix)


def _stamp(query: tuple[str, ...]) -> int:
    return zlib.crc32("\0".join(query).encode("utf-8", "surrogatepass"))
