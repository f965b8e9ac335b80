"""Timestamps: ISO 8601 texts, calendar arithmetic, and the patterns of TO_STRING.

A text without a zone counts as UTC.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

__all__ = ["PATTERN_LETTERS", "add", "difference", "extract", "iso", "parsed", "pattern_problem", "written"]

_TEXT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
    r"(?:T(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?)?",
    re.ASCII,
)
_PIECE = re.compile(r"'([^']*)'|y+|M+|d+|a|h+|H+|m+|s+|S+|n|X+|x+|[A-Za-z]|[^A-Za-z']+|'")

PATTERN_LETTERS: Final = "y M d a h H m s S n X x"


def parsed(text: str) -> datetime | None:
    """A timestamp from ``2024``, ``2024-05T``, ``2024-05-31``, ``2024-05-31T10:00Z`` and longer; else None.

    Examples
    --------
    >>> parsed("2024-05-31T10:00:00.5+02:00").isoformat()
    '2024-05-31T10:00:00.500000+02:00'
    >>> parsed("31.5.2024") is None
    True
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        return datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(zone),
        )
    except ValueError:
        return None


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def iso(at: datetime) -> str:
    """``2024-05-31T10:00:00Z``, with a fraction where there is one."""
    return at.isoformat().replace("+00:00", "Z")


def add(part: str, quantity: int, at: datetime) -> datetime | None:
    """DATE_ADD; the last day of a shorter month stands in for days it does not have."""
    try:
        match part:
            case "year" | "month":
                months = at.year * 12 + at.month - 1 + quantity * (12 if part == "year" else 1)
                year, month = divmod(months, 12)
                day = min(at.day, calendar.monthrange(year, month + 1)[1])
                return at.replace(year=year, month=month + 1, day=day)
            case _:
                return at + timedelta(**{f"{part}s": quantity})
    except (ValueError, OverflowError, TypeError):
        return None


def difference(part: str, first: datetime, second: datetime) -> int:
    """DATE_DIFF: whole units from the first to the second, cut towards zero."""
    if part in ("year", "month"):
        later, earlier = max(first, second), min(first, second)
        months = (later.year - earlier.year) * 12 + later.month - earlier.month
        probe = add("month", months, earlier)
        if probe is None or probe > later:
            months -= 1
        units = months // 12 if part == "year" else months
        return units if second >= first else -units
    seconds = abs((second - first) // timedelta(microseconds=1)) // 1_000_000
    units = seconds // {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}[part]
    return units if second >= first else -units


def extract(part: str, at: datetime) -> int | float:
    """EXTRACT; seconds keep their fraction."""
    if part.startswith("timezone"):
        minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
        size = abs(minutes) // 60 if part == "timezone_hour" else abs(minutes) % 60
        return size if minutes >= 0 else -size
    if part == "second" and at.microsecond:
        return at.second + at.microsecond / 1_000_000
    return int(getattr(at, part))


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern of TO_STRING; None when nothing is."""
    for found in _PIECE.finditer(pattern):
        piece = found.group()
        if piece == "'":
            return "a single quote is not closed"
        if piece[0] not in "yMdahHmsSnXx'" and piece[0].isalpha():
            return f"the letter {piece!r} has no meaning"
    return None


def written(at: datetime, pattern: str) -> str:
    """TO_STRING: letters as in Java's DateTimeFormatter, text in single quotes as it stands."""
    return "".join(_written_piece(at, found.group()) for found in _PIECE.finditer(pattern))


def _written_piece(at: datetime, piece: str) -> str:
    n = len(piece)
    match piece[0]:
        case "y":
            return f"{at.year % 100:02d}" if n == 2 else f"{at.year:0{4 if n > 1 else 1}d}"
        case "M" if n >= 3:
            name = calendar.month_name[at.month]
            return name[:3] if n == 3 else name if n == 4 else name[:1]
        case "M":
            return f"{at.month:0{n}d}"
        case "d":
            return f"{at.day:0{n}d}"
        case "a":
            return "AM" if at.hour < 12 else "PM"
        case "h":
            return f"{(at.hour + 11) % 12 + 1:0{n}d}"
        case "H":
            return f"{at.hour:0{n}d}"
        case "m":
            return f"{at.minute:0{n}d}"
        case "s":
            return f"{at.second:0{n}d}"
        case "S":
            return f"{at.microsecond * 1000:09d}"[:n].ljust(n, "0")
        case "n":
            return str(at.microsecond * 1000)
        case "X" | "x":
            return _offset(at, piece)
        case "'":
            return piece[1:-1] or "'"
    return piece


def _offset(at: datetime, piece: str) -> str:
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    if piece[0] == "X" and minutes == 0:
        return "Z"
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    match len(piece):
        case 1:
            return f"{sign}{size // 60:02d}" + (f"{size % 60:02d}" if size % 60 else "")
        case 2 | 4:
            return f"{sign}{size // 60:02d}{size % 60:02d}"
    return f"{sign}{size // 60:02d}:{size % 60:02d}"
