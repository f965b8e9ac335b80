"""What is counted of each function since the server started."""

from __future__ import annotations

import threading

from labelwright.core.histogram import Histogram

__all__ = ["FunctionStats", "Stats"]

_N_MAX = 1000
_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


class FunctionStats:
    """Of one function; the names are CloudWatch's."""

    def __init__(self) -> None:
        self.n_invocations = 0
        self.n_errors = 0
        self.seconds = Histogram(_SECONDS)


class Stats:
    """Of all functions, by region and name. Those beyond a thousand are not counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[tuple[str, str], FunctionStats] = {}

    def observe(self, region: str, name: str, *, is_error: bool, seconds: float) -> None:
        """Count an invocation."""
        with self._lock:
            found = self._by_name.get((region, name))
            if found is None:
                if len(self._by_name) >= _N_MAX:
                    return
                found = self._by_name[region, name] = FunctionStats()
            found.n_invocations += 1
            found.n_errors += is_error
            found.seconds.observe(seconds)

    def forget(self, region: str, name: str) -> None:
        """A function was deleted."""
        with self._lock:
            self._by_name.pop((region, name), None)

    def items(self) -> list[tuple[tuple[str, str], FunctionStats]]:
        """By region and name."""
        with self._lock:
            return sorted(self._by_name.items(), key=lambda item: item[0])
