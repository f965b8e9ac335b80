"""A line chart of one metric of a training: SVG coordinates, so that the page needs no script."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from labelwright.console.axes import nice_step
from labelwright.store.metric_points import Point

__all__ = ["chart", "thinned"]

_WIDTH, _HEIGHT = 560, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 548, 12, 168
_N_POINTS = 400


def thinned(points: Sequence[Point], n_most: int = _N_POINTS) -> list[Point]:
    """At most about ``n_most`` points that keep every peak: of each stretch the least and the greatest.

    Examples
    --------
    >>> values = [Point(at, 9.0 if at == 503 else 0.0) for at in range(1000)]
    >>> Point(503, 9.0) in thinned(values, 10)
    True
    """
    if len(points) <= n_most:
        return list(points)
    width = math.ceil(2 * len(points) / n_most)
    kept = [points[0]]
    for i in range(0, len(points), width):
        stretch = points[i : i + width]
        ends = {min(stretch, key=lambda p: p.value), max(stretch, key=lambda p: p.value)}
        kept += sorted(ends - {kept[-1]}, key=lambda p: p.at)
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def chart(name: str, points: Sequence[Point], *, started_at: float) -> dict[str, Any]:
    """One metric over the time since the training began.

    Parameters
    ----------
    name : str
        As ``validation:mAP``.
    points : sequence of Point
        At least one, by time.
    started_at : float
        Where the axis begins, epoch seconds.
    """
    values = [point.value for point in points]
    low, high = min(values), max(values)
    step = nice_step((high - low) / 4 or abs(high) / 4 or 1.0)
    bottom = step * math.floor(low / step)
    top = max(step * math.ceil(high / step), bottom + step)
    begin = min(started_at, points[0].at)
    end = max(points[-1].at, begin + 1.0)

    def x(at: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (at - begin) / (end - begin), 1)

    def y(value: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * (value - bottom) / (top - bottom), 1)

    decimals = max(0, -math.floor(math.log10(step)))
    shown = thinned(points)
    return {
        "name": name,
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _RIGHT,
        "y_text": _LEFT - 8,
        "x_text": _HEIGHT - 12,
        "line": " ".join(f"{x(point.at)},{y(point.value)}" for point in shown),
        "dots": [
            {
                "x": x(point.at),
                "y": y(point.value),
                "text": f"{point.value:.6g} at {_since(point.at - begin)}",
            }
            for point in shown
        ]
        if len(shown) <= 60
        else [],
        "y_ticks": [
            {"y": y(bottom + i * step), "text": f"{bottom + i * step:,.{decimals}f}"}
            for i in range(round((top - bottom) / step) + 1)
        ],
        "x_ticks": [
            {"x": x(begin + share * (end - begin)), "anchor": anchor, "text": _since(share * (end - begin))}
            for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
        ],
        "last": f"{values[-1]:.6g}",
        "least": f"{low:.6g}",
        "greatest": f"{high:.6g}",
        "n": f"{len(points):,}",
        "summary": (
            f"{name}: {len(points):,} values from {low:.4g} to {high:.4g}, the last is {values[-1]:.4g}"
        ),
    }


def _since(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(seconds)) if seconds >= 3600 else _minutes(seconds)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
