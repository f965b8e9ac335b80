"""Requests, counted at the one place where all of them come in."""

from __future__ import annotations

from labelwright.core.histogram import Histogram

__all__ = ["Traffic"]


class Traffic:
    """Requests by door and by class of status; used by the event loop's thread only."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.latency: dict[str, Histogram] = {}

    def observe(self, door: str, status: int, seconds: float) -> None:
        """Count a request that has been answered.

        Parameters
        ----------
        door : str
            Which part of the server answered; there are a handful.
        status : int
            HTTP status, 0 when the connection was cut off before there was one.
        seconds : float
            Until the last byte of the answer was handed on.
        """
        key = (door, f"{status // 100}xx" if status else "none")
        self.counts[key] = self.counts.get(key, 0) + 1
        histogram = self.latency.get(door)
        if histogram is None:
            histogram = self.latency[door] = Histogram()
        histogram.observe(seconds)
