"""A histogram with fixed bounds: what a server counts about itself, cheaply."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["SECONDS", "Histogram"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Bounds for durations of requests, commits and steps."""


class Histogram:
    """Counts values by the first bound that is not below them.

    One thread observes, any may read: a reader may see a value in ``counts`` that ``total`` lacks yet.

    Parameters
    ----------
    bounds : sequence of float
        Ascending upper bounds; values above the last are counted apart.

    Examples
    --------
    >>> h = Histogram((1.0, 10.0))
    >>> for value in (0.5, 1.0, 3.0, 99.0):
    ...     h.observe(value)
    >>> h.counts, h.total
    ([2, 1, 1], 103.5)
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
