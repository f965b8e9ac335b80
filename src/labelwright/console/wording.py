"""How the console writes times, durations and numbers."""

from __future__ import annotations

import json
import time

__all__ = ["duration", "literal", "moment", "number", "short_duration"]


def moment(at: float | None) -> str:
    """A time in epoch seconds, in UTC; nothing for None."""
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def duration(started_at: float | None, ended_at: float | None, now: float) -> str:
    """How long something took, or takes so far; nothing when it has not begun.

    Examples
    --------
    >>> duration(100.0, 3825.0, 9000.0)
    '1:02:05'
    """
    if started_at is None:
        return ""
    seconds = max(0, int((now if ended_at is None else ended_at) - started_at))
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def short_duration(seconds: float) -> str:
    """A latency in the unit that suits it.

    Examples
    --------
    >>> short_duration(0.0042), short_duration(2.5)
    ('4.2 ms', '2.5 s')
    """
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def number(value: float | None) -> str:
    """A value of a metric; nothing for None."""
    return "" if value is None else f"{value:.5g}"


def literal(text: str) -> str:
    """A text as it is written in Python, in double quotes.

    Examples
    --------
    >>> print(literal('a "b"'))
    "a \\"b\\""
    """
    return json.dumps(text, ensure_ascii=False)  # whatever JSON escapes, Python reads the same way
