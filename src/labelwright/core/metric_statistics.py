"""Statistics of a metric over periods of time, as CloudWatch gives them.

A period begins at a multiple of its length since the epoch; it holds the values from its beginning to, but
without, its end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["STATISTICS", "by_period", "is_period", "period_start", "statistic"]

_Values = Sequence[float]

STATISTICS: Mapping[str, Callable[[_Values], float]] = {
    "SampleCount": lambda values: float(len(values)),
    "Average": lambda values: math.fsum(values) / len(values),
    "Sum": math.fsum,
    "Minimum": min,
    "Maximum": max,
}
"""Those with a name; percentiles are written ``p99`` or ``p99.9``."""

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)", re.ASCII)


def is_period(seconds: int) -> bool:
    """Whether a period may have this length: 1, 5, 10, 20, 30 or a multiple of 60 seconds."""
    return seconds in (1, 5, 10, 20, 30) or (seconds > 0 and seconds % 60 == 0)


def period_start(at: float, period_s: int) -> int:
    """When the period began that a time belongs to.

    >>> period_start(119.9, 60)
    60
    """
    return math.floor(at / period_s) * period_s


def by_period(points: Iterable[tuple[float, float]], period_s: int) -> dict[int, list[float]]:
    """The values of each period by its beginning; periods without values are left out.

    Parameters
    ----------
    points : iterable of (at, value)
        In the order of their times, epoch seconds.
    period_s : int

    Examples
    --------
    >>> by_period([(59.0, 1.0), (60.0, 2.0), (61.5, 3.0), (200.0, 4.0)], 60)
    {0: [1.0], 60: [2.0, 3.0], 180: [4.0]}
    """
    periods: dict[int, list[float]] = {}
    for at, value in points:
        periods.setdefault(period_start(at, period_s), []).append(value)
    return periods


def statistic(name: str) -> Callable[[_Values], float] | None:
    """The function of a statistic's name, for values of which there is at least one; None for no name.

    A percentile is interpolated between the two values next to it.

    >>> statistic("p50")([1.0, 2.0, 4.0, 8.0])
    3.0
    """
    known = STATISTICS.get(name)
    if known is not None:
        return known
    found = _PERCENTILE.fullmatch(name)
    if found is None:
        return None
    share = float(found.group(1)) / 100

    def percentile(values: _Values) -> float:
        ordered = sorted(values)
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return percentile
