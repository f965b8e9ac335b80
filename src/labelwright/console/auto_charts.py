"""Charts of automated labeling by iteration, as SVG coordinates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from labelwright.console.axes import linear

__all__ = ["Iteration", "errors_chart", "labels_chart"]

_WIDTH, _HEIGHT = 560, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 548, 12, 168
_N_TICKS = 12
_GAP = 0.25  # between two bars, of their distance
_WIDEST = 48.0


@dataclasses.dataclass(frozen=True, slots=True)
class Iteration:
    """One batch of people and the pass of the machine with the same number.

    Attributes
    ----------
    number : int
    asked : str
        What the batch is for: ``probe``, ``training`` or ``validation``; empty when there is none yet.
    n_people, n_machine : int
        Objects of the batch; labels that the machine gave.
    status, run : str
        Of the pass, empty when there is none; its training job.
    expected_error : float or None
        What the model expects of all that is left.
    error, upper : float or None
        What people found among the machine's labels, and the bound that follows from it.
    n_checked : int
        How many labels that rests on.
    threshold : float or None
        The least confidence of a label that was taken.
    """

    number: int
    asked: str = ""
    n_people: int = 0
    n_machine: int = 0
    status: str = ""
    run: str = ""
    expected_error: float | None = None
    error: float | None = None
    upper: float | None = None
    n_checked: int = 0
    threshold: float | None = None


def labels_chart(iterations: Sequence[Iteration]) -> dict[str, Any] | None:
    """A bar for every iteration, people below and the machine above; None before the first one."""
    if not iterations:
        return None
    n_people, n_machine = sum(row.n_people for row in iterations), sum(row.n_machine for row in iterations)
    # A little more than the highest bar, whose number stands above it.
    axis = linear(0, 1.08 * max(1, *(row.n_people + row.n_machine for row in iterations)))
    width = min(_WIDEST, (1 - _GAP) * (_RIGHT - _LEFT) / len(iterations))

    def height(n: int) -> float:
        return round((_BOTTOM - _TOP) * axis.place(n), 1)

    bars = []
    for i, row in enumerate(iterations):
        people, machine = height(row.n_people), height(row.n_machine)
        n = row.n_people + row.n_machine
        bars.append(
            {
                "x_text": _x(i, len(iterations)),
                "top": f"{n:,}" if n and len(iterations) <= _N_TICKS else "",
                "x": round(_x(i, len(iterations)) - width / 2, 1),
                "width": round(width, 1),
                "people_y": round(_BOTTOM - people, 1),
                "people": people,
                "machine_y": round(_BOTTOM - people - machine, 1),
                "machine": machine,
                "text": f"iteration {row.number}: {row.n_people:,} to people, {row.n_machine:,} by machine",
            }
        )
    return {
        **_frame(iterations, axis.ticks),
        "bars": bars,
        "summary": (
            f"Labels by iteration: {n_people:,} objects sent to people in {len(iterations)} iterations, "
            f"{n_machine:,} labeled by the machine"
        ),
    }


def errors_chart(iterations: Sequence[Iteration], *, target: float, measure: str) -> dict[str, Any] | None:
    """Expected error, found error and its bound by iteration against the target; None without any."""
    series = {
        "expected": [row.expected_error for row in iterations],
        "error": [row.error for row in iterations],
        "upper": [row.upper for row in iterations],
    }
    known = [value for values in series.values() for value in values if value is not None]
    if not known:
        return None
    axis = linear(0, max(*known, 1.2 * target))

    def y(value: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * axis.place(value), 1)

    def dots(name: str, what: str) -> list[dict[str, Any]]:
        return [
            {
                "x": _x(i, len(iterations)),
                "y": y(value),
                "text": f"iteration {row.number}: {what} {value:.3f}",
            }
            for i, (row, value) in enumerate(zip(iterations, series[name], strict=True))
            if value is not None
        ]

    expected = dots("expected", "expected")
    last_upper = next((value for value in reversed(series["upper"]) if value is not None), None)
    last_expected = next((value for value in reversed(series["expected"]) if value is not None), None)
    said = [] if last_expected is None else [f"last expected {last_expected:.3f}"]
    said += [] if last_upper is None else [f"last upper bound {last_upper:.3f}"]
    return {
        **_frame(iterations, axis.ticks),
        "line": " ".join(f"{dot['x']},{dot['y']}" for dot in expected),
        "expected": expected,
        "error": dots("error", "found"),
        "upper": dots("upper", "at most"),
        "target_y": y(target),
        "summary": f"Error by iteration ({measure}), target {target:.3g}: {', '.join(said) or 'estimates'}",
    }


def _frame(iterations: Sequence[Iteration], ticks: Sequence[tuple[float, str]]) -> dict[str, Any]:
    every = math.ceil(len(iterations) / _N_TICKS)
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _RIGHT,
        "y_text": _LEFT - 8,
        "x_text": _HEIGHT - 12,
        "y_ticks": [{"y": round(_BOTTOM - (_BOTTOM - _TOP) * at, 1), "text": text} for at, text in ticks],
        "x_ticks": [
            {"x": _x(i, len(iterations)), "text": str(row.number)}
            for i, row in enumerate(iterations)
            if i % every == 0
        ],
    }


def _x(i: int, n: int) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * (i + 0.5) / n, 1)
