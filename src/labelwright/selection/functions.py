"""The functions of the dialect: names, numbers of arguments, and what each does with plain values.

An argument that is null, MISSING or of another type than the function takes gives null.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from labelwright.selection import moments
from labelwright.selection.values import as_integer

__all__ = ["AGGREGATES", "DATE_PARTS", "FUNCTIONS", "apply"]

AGGREGATES: Final = ("AVG", "COUNT", "MAX", "MIN", "SUM")
DATE_PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "timezone_hour", "timezone_minute")

# name -> least and most arguments
FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    "CHARACTER_LENGTH": (1, 1),
    "CHAR_LENGTH": (1, 1),
    "COALESCE": (1, 100),
    "DATE_ADD": (3, 3),
    "DATE_DIFF": (3, 3),
    "EXTRACT": (2, 2),
    "LOWER": (1, 1),
    "NULLIF": (2, 2),
    "SUBSTRING": (2, 3),
    "TO_STRING": (2, 2),
    "TO_TIMESTAMP": (1, 1),
    "TRIM": (1, 3),
    "UPPER": (1, 1),
    "UTCNOW": (0, 0),
}


def _substring(text: object, start: object, length: object = 1 << 62) -> object:
    first, n = as_integer(start), as_integer(length)
    if not isinstance(text, str) or first is None or n is None or n < 0:
        return None
    # Positions count from 1; what lies before the text counts towards the length, as in SQL-92.
    end = first + n
    return text[max(first - 1, 0) : max(end - 1, 0)]


def _trim(side: object, characters: object, text: object) -> object:
    if not isinstance(text, str) or not isinstance(characters, str):
        return None
    match side:
        case "LEADING":
            return text.lstrip(characters)
        case "TRAILING":
            return text.rstrip(characters)
    return text.strip(characters)


def _date_add(part: object, quantity: object, at: object) -> object:
    n = as_integer(quantity)
    if n is None or not isinstance(at, datetime):
        return None
    return moments.add(str(part), n, at)


def _date_diff(part: object, first: object, second: object) -> object:
    if not isinstance(first, datetime) or not isinstance(second, datetime):
        return None
    return moments.difference(str(part), first, second)


def _extract(part: object, at: object) -> object:
    return moments.extract(str(part), at) if isinstance(at, datetime) else None


def _to_string(at: object, pattern: object) -> object:
    if not isinstance(at, datetime) or not isinstance(pattern, str):
        return None
    return moments.written(at, pattern)


def _of_text(function: Callable[[str], object]) -> Callable[..., object]:
    def applied(text: object) -> object:
        return function(text) if isinstance(text, str) else None

    return applied


_TABLE: Final[dict[str, Callable[..., object]]] = {
    "CHARACTER_LENGTH": _of_text(len),
    "CHAR_LENGTH": _of_text(len),
    "DATE_ADD": _date_add,
    "DATE_DIFF": _date_diff,
    "EXTRACT": _extract,
    "LOWER": _of_text(str.lower),
    "SUBSTRING": _substring,
    "TO_STRING": _to_string,
    "TO_TIMESTAMP": _of_text(moments.parsed),
    "TRIM": _trim,
    "UPPER": _of_text(str.upper),
}


def apply(name: str) -> Callable[..., object]:
    """The function behind a name; COALESCE, NULLIF and UTCNOW are the evaluator's own."""
    return _TABLE[name]
