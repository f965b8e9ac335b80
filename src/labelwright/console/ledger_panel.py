"""The panel of a job's progress and cost: a chart of labels over time, and the ledger's rows."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.engine.accounts import account_of
from labelwright.ledger import cost_rows
from labelwright.store import labeling_jobs
from labelwright.store.work_totals import Point

__all__ = ["chart", "panel"]

_WIDTH, _HEIGHT = 1120, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 1112, 10, 190
_DAY_S = 86_400


def panel(connection: Connection, job_id: int, *, now: float) -> dict[str, Any]:
    """What the template of the panel needs."""
    job = labeling_jobs.get(connection, job_id)
    if job is None:  # jobs are never deleted
        return {"rows": [], "chart": None, "is_priced": True, "budget_percent": None}
    kept = account_of(connection, job, now=now)
    percent = None
    if kept.budget is not None:
        percent = round(float(100 * kept.money.total / kept.budget), 1)
    return {
        "rows": cost_rows(kept.counts, kept.prices, kept.money, kept.outlook, budget=kept.budget),
        "chart": chart(kept.points),
        "is_priced": kept.prices.has_human_price or kept.prices.per_machine_label is not None,
        "budget_percent": percent,
    }


def chart(points: Sequence[Point]) -> dict[str, Any] | None:
    """Two stacked areas, people below and machine above; None when nothing is labeled.

    Parameters
    ----------
    points : sequence of Point
        At least two, by time.
    """
    first, last = points[0], points[-1]
    n_most = max(point.n_human + point.n_machine for point in points)
    if n_most == 0 or last.at <= first.at:
        return None
    step = _nice_step(n_most / 4)
    top = step * math.ceil(n_most / step)

    def x(at: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (at - first.at) / (last.at - first.at), 1)

    def y(n: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * n / top, 1)

    def area(values: Sequence[int]) -> str:
        line = [f"{x(point.at)},{y(n)}" for point, n in zip(points, values, strict=True)]
        return " ".join([f"{x(first.at)},{y(0)}", *line, f"{x(last.at)},{y(0)}"])

    pattern = "%Y-%m-%d %H:%M UTC" if last.at - first.at >= _DAY_S else "%H:%M:%S UTC"
    anchors = ("start", "middle", "middle", "end")
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _RIGHT,
        "y_text": _LEFT - 8,
        "x_text": _HEIGHT - 10,
        "people": area([point.n_human for point in points]),
        # Down to the axis; the people's area lies on top of it.
        "machine": area([point.n_human + point.n_machine for point in points]),
        "y_ticks": [{"y": y(i * step), "text": f"{i * step:,}"} for i in range(top // step + 1)],
        "x_ticks": [
            {"x": x(at), "anchor": anchor, "text": time.strftime(pattern, time.gmtime(at))}
            for anchor, at in zip(
                anchors, (first.at + i * (last.at - first.at) / 3 for i in range(4)), strict=True
            )
        ],
        "summary": (
            f"Labels over time: {last.n_human:,} by people and {last.n_machine:,} by machine "
            f"from {_utc(first.at)} to {_utc(last.at)}"
        ),
    }


def _nice_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 ... that is not below ``least``."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step >= least:
                return step
        size *= 10


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
