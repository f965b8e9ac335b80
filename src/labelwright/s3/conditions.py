"""Conditional requests and byte ranges: pure decisions over header values."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache

from labelwright.s3.problems import S3Problem

__all__ = ["check_copy_source", "check_put", "http_date", "parse_range", "read_outcome"]

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*")


def read_outcome(headers: Mapping[str, str], *, etag: str, modified_at: float) -> int:
    """Status of a conditional GET or HEAD: 200, 304 or 412, by RFC 9110 section 13.2.2.

    Parameters
    ----------
    headers : mapping
        Lower-case names.
    etag : str
        Without quotes.
    modified_at : float
        Epoch seconds; compared by whole seconds.
    """
    if_match = headers.get("if-match")
    if if_match is not None:
        if not _has_etag(if_match, etag):
            return 412
    else:
        since = _date(headers.get("if-unmodified-since"))
        if since is not None and int(modified_at) > since:
            return 412
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None:
        if _has_etag(if_none_match, etag):
            return 304
    else:
        since = _date(headers.get("if-modified-since"))
        if since is not None and int(modified_at) <= since:
            return 304
    return 200


def check_put(headers: Mapping[str, str], *, current_etag: str | None) -> None:
    """Refuse a put whose condition does not hold.

    Parameters
    ----------
    headers : mapping
    current_etag : str or None
        Of the object that is there now; None when there is none.

    Raises
    ------
    S3Problem
        ``PreconditionFailed``, ``NoSuchKey`` (If-Match and no object) or ``NotImplemented``.
    """
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise S3Problem(
                "NotImplemented",
                f"If-None-Match: {if_none_match[:100]} is not supported on writes; only * is (put if "
                "absent).",
                Header="If-None-Match",
            )
        if current_etag is not None:
            raise _failed("If-None-Match")
    if_match = headers.get("if-match")
    if if_match is not None:
        if current_etag is None:
            raise S3Problem("NoSuchKey", "The specified key does not exist.")
        if not _has_etag(if_match, current_etag):
            raise _failed("If-Match")


def check_copy_source(headers: Mapping[str, str], *, etag: str, modified_at: float) -> None:
    """Refuse a copy whose ``x-amz-copy-source-if-*`` do not hold.

    Raises
    ------
    S3Problem
        ``PreconditionFailed``.
    """
    start = "x-amz-copy-source-"
    asked = {name.removeprefix(start): value for name, value in headers.items() if name.startswith(start)}
    if read_outcome(asked, etag=etag, modified_at=modified_at) != 200:
        conditions = [name for name in asked if name.startswith("if-")]
        raise _failed(", ".join(start + name for name in conditions))


def parse_range(text: str | None, size_bytes: int) -> tuple[int, int] | None:
    """First byte and length that a Range header asks for.

    Parameters
    ----------
    text : str or None
        ``bytes=0-99``, ``bytes=100-`` or ``bytes=-100``. Anything else is ignored, as HTTP says.
    size_bytes : int

    Returns
    -------
    tuple of (start, length) or None
        None: send the whole object.

    Raises
    ------
    S3Problem
        ``InvalidRange`` when no byte of it exists.

    Examples
    --------
    >>> parse_range("bytes=0-9", 100), parse_range("bytes=-5", 100), parse_range("bytes=90-1000", 100)
    ((0, 10), (95, 5), (90, 10))
    >>> parse_range("bytes=5-2", 100) is None, parse_range("items=1-2", 100) is None
    (True, True)
    """
    if text is None:
        return None
    match = _RANGE.fullmatch(text)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if len(first) > 19 or len(last) > 19:
        return None
    if first == "":
        length = min(int(last), size_bytes)
        start = size_bytes - length
    else:
        start = int(first)
        end = int(last) if last else size_bytes - 1
        if last and end < start:
            return None
        length = min(end, size_bytes - 1) - start + 1
    if length <= 0:
        raise S3Problem(
            "InvalidRange",
            "The requested range is not satisfiable",
            RangeRequested=text[:100],
            ActualObjectSize=str(size_bytes),
        )
    return start, length


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    return email.utils.formatdate(seconds, usegmt=True)


def http_date(when: float) -> str:
    """``Wed, 21 Oct 2026 07:28:00 GMT`` of epoch seconds."""
    return _http_date(int(when))


def _failed(condition: str) -> S3Problem:
    return S3Problem(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        Condition=condition,
    )


def _has_etag(listed: str, etag: str) -> bool:
    for entry in listed.split(","):
        candidate = entry.strip().removeprefix("W/")
        if candidate == "*" or candidate.strip('"') == etag:
            return True
    return False


def _date(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        parsed = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return parsed.timestamp()
