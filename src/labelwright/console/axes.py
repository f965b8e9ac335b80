"""Axes of charts: where a value lies between 0 and 1, and the ticks that tell what is where.

Logarithmic and reverse logarithmic axes are those of a search's ranges, see `labelwright.core.tuning_ranges`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

__all__ = ["Axis", "categories", "linear", "logarithmic", "nice_step", "reverse_logarithmic"]

_N_CATEGORIES_SHOWN = 8
_CATEGORY_CHARS = 14


@dataclasses.dataclass(frozen=True, slots=True)
class Axis:
    """An axis.

    Attributes
    ----------
    place : callable
        From a value to where it lies, 0 at the lower end and 1 at the upper one.
    ticks : tuple of (float, str)
        Places with their texts, ascending.
    """

    place: Callable[[float], float]
    ticks: tuple[tuple[float, str], ...]


def linear(low: float, high: float, *, n_steps: int = 4) -> Axis:
    """From a round number at or below ``low`` to one at or above ``high``.

    Examples
    --------
    >>> [text for _, text in linear(0.12, 0.71).ticks]
    ['0.0', '0.2', '0.4', '0.6', '0.8']
    """
    step = nice_step((high - low) / n_steps or abs(high) / n_steps or 1.0)
    bottom = step * math.floor(low / step + 1e-9)
    top = max(step * math.ceil(high / step - 1e-9), bottom + step)
    decimals = max(0, -math.floor(math.log10(step)))
    n = round((top - bottom) / step)
    is_wide = max(abs(bottom), abs(top)) >= 1e6 or decimals > 5
    texts = [
        f"{value:.3g}" if is_wide else f"{value:,.{decimals}f}"
        for value in (bottom + i * step for i in range(n + 1))
    ]
    return Axis(
        place=lambda value: (value - bottom) / (top - bottom),
        ticks=tuple((i / n, text) for i, text in enumerate(texts)),
    )


def logarithmic(low: float, high: float) -> Axis:
    """From ``low`` above 0 to ``high``, ticks at powers of ten, or at their ends where there are too few.

    Examples
    --------
    >>> [text for _, text in logarithmic(1e-4, 0.1).ticks]
    ['0.0001', '0.001', '0.01', '0.1']
    """
    begin, end = _widened(math.log(low), math.log(high))
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    skip = math.ceil(len(powers) / 6) or 1
    values = [10.0**power for power in powers[::skip]]
    if len(values) < 2:
        values = sorted({low, high})

    def place(value: float) -> float:
        return (math.log(value) - begin) / (end - begin) if value > 0 else 0.0

    return Axis(place, tuple((place(value), f"{value:g}") for value in values))


def reverse_logarithmic(low: float, high: float) -> Axis:
    """From ``low`` to ``high``, both in [0, 1), finely near 1.

    Examples
    --------
    >>> [text for _, text in reverse_logarithmic(0.9, 0.999).ticks]
    ['0.9', '0.99', '0.999']
    """
    begin, end = _widened(-math.log1p(-low), -math.log1p(-high))
    values = [1 - 10.0**-n for n in range(1, 10) if low - 1e-12 <= 1 - 10.0**-n <= high + 1e-12]
    if len(values) < 2:
        values = sorted({low, high})

    def place(value: float) -> float:
        return (-math.log1p(-value) - begin) / (end - begin) if value < 1 else 1.0

    return Axis(place, tuple((place(value), f"{value:g}") for value in values))


def categories(names: Sequence[str]) -> Axis:
    """Categories side by side; a value is an index. Long names are shortened, and of many some are told."""
    n = max(1, len(names))
    shown = list(enumerate(names))[:: math.ceil(n / _N_CATEGORIES_SHOWN)]
    return Axis(
        place=lambda value: (value + 0.5) / n,
        ticks=tuple(((i + 0.5) / n, _shortened(name, n)) for i, name in shown),
    )


def nice_step(least: float) -> float:
    """The smallest of ... 0.1, 0.2, 0.5, 1, 2, 5, 10 ... that is not below ``least``."""
    size = 10.0 ** math.floor(math.log10(least))
    return float(next(size * n for n in (1, 2, 5, 10) if size * n >= least * (1 - 1e-9)))


def _widened(begin: float, end: float) -> tuple[float, float]:
    return (begin, end) if end > begin else (begin - 0.5, end + 0.5)


def _shortened(name: str, n: int) -> str:
    most = max(4, _CATEGORY_CHARS * 4 // max(4, n))
    return name if len(name) <= most else name[: most - 1] + "…"
