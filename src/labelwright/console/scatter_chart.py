"""Scatter charts of a search: SVG coordinates, so that the page needs no script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from labelwright.console.axes import Axis

__all__ = ["Mark", "best_so_far", "scatter"]

_WIDTH, _HEIGHT = 560, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 544, 14, 180
_INSET = 8  # so that marks at the ends of the horizontal axis are whole
_N_TOLD = 200  # marks that can be pointed at; more are drawn as one shape


class Mark(NamedTuple):
    """A value ``y`` at ``x``, and what is said of it."""

    x: float
    y: float
    text: str


def best_so_far(
    marks: Sequence[Mark], is_better: Callable[[float, float], bool], *, end: float
) -> list[tuple[float, float]]:
    """The corners of a line of steps: the best ``y`` of all marks up to each ``x``.

    Parameters
    ----------
    marks : sequence of Mark
        By ``x``.
    is_better : callable
        Whether the first value is better than the second.
    end : float
        Where the line ends.

    Examples
    --------
    >>> marks = [Mark(1, 0.3, ""), Mark(2, 0.2, ""), Mark(3, 0.5, "")]
    >>> best_so_far(marks, lambda a, b: a > b, end=4)
    [(1, 0.3), (3, 0.3), (3, 0.5), (4, 0.5)]
    """
    corners: list[tuple[float, float]] = []
    for mark in marks:
        if not corners:
            corners.append((mark.x, mark.y))
        elif is_better(mark.y, corners[-1][1]):
            corners += [(mark.x, corners[-1][1]), (mark.x, mark.y)]
    return [*corners, (end, corners[-1][1])] if corners else []


def scatter(
    name: str,
    marks: Sequence[Mark],
    *,
    across: Axis,
    up: Axis,
    summary: str,
    best: Mark | None = None,
    line: Sequence[tuple[float, float]] = (),
) -> dict[str, Any]:
    """Marks over two axes, with one that stands out and a line.

    Parameters
    ----------
    name, summary : str
        What is shown, and what it says to those who cannot see it.
    marks : sequence of Mark
    across, up : Axis
    best : Mark, optional
        One of the marks.
    line : sequence of (float, float)
    """

    def x(value: float) -> float:
        left, right = _LEFT + _INSET, _RIGHT - _INSET
        return round(left + (right - left) * min(max(across.place(value), 0.0), 1.0), 1)

    def y(value: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * min(max(up.place(value), 0.0), 1.0), 1)

    is_told = len(marks) <= _N_TOLD
    return {
        "name": name,
        "summary": summary,
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _RIGHT,
        "bottom": _BOTTOM,
        "y_text": _LEFT - 8,
        "x_text": _BOTTOM + 22,
        "marks": [{"x": x(m.x), "y": y(m.y), "text": m.text} for m in marks] if is_told else [],
        "cloud": "" if is_told else " ".join(f"M{x(m.x)} {y(m.y)}h0" for m in marks),
        "best": None if best is None else {"x": x(best.x), "y": y(best.y), "text": best.text},
        "line": " ".join(f"{x(a)},{y(b)}" for a, b in line),
        "x_ticks": [
            {"x": round(_LEFT + _INSET + (_RIGHT - _LEFT - 2 * _INSET) * place, 1), "text": text}
            for place, text in across.ticks
            if -0.001 <= place <= 1.001
        ],
        "y_ticks": [
            {"y": round(_BOTTOM - (_BOTTOM - _TOP) * place, 1), "text": text} for place, text in up.ticks
        ],
    }
