"""Axes and scatter charts: everything stays in its frame, and ticks say what they are."""

from __future__ import annotations

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from labelwright.console import axes
from labelwright.console.scatter_chart import Mark, best_so_far, scatter

NUMBERS = st.floats(-1e12, 1e12)


@given(NUMBERS, NUMBERS)
def test_a_linear_axis_holds_its_values(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    assume(high == low or high - low > 1e-9 * max(abs(low), abs(high)))
    axis = axes.linear(low, high)
    assert -0.001 <= axis.place(low) <= axis.place(high) <= 1.001
    assert 2 <= len(axis.ticks) <= 8
    places = [place for place, _ in axis.ticks]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0.0, 1.0)


@given(st.floats(-30, 30), st.floats(0, 30))
def test_a_logarithmic_axis_is_even_in_powers(exponent: float, decades: float) -> None:
    low, high = 10.0**exponent, 10.0 ** (exponent + decades)
    axis = axes.logarithmic(low, high)
    assert -0.001 <= axis.place(low) <= axis.place(high) <= 1.001
    if decades > 0.01:
        assert math.isclose(axis.place(math.sqrt(low) * math.sqrt(high)), 0.5, abs_tol=1e-6)
    assert 1 <= len(axis.ticks) <= 7


@given(st.floats(0, 0.99), st.floats(0, 1))
def test_a_reverse_logarithmic_axis_is_fine_near_one(low: float, share: float) -> None:
    high = low + (0.9999 - low) * share
    assume(high == low or high - low > 1e-9)
    axis = axes.reverse_logarithmic(low, high)
    assert -0.001 <= axis.place(low) <= axis.place(high) <= 1.001
    assert axis.place((low + high) / 2) <= 0.5001
    assert axis.ticks


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=60, unique=True))
def test_categories_lie_side_by_side(names: list[str]) -> None:
    axis = axes.categories(names)
    places = [axis.place(i) for i in range(len(names))]
    assert places == sorted(set(places))
    assert all(0 < place < 1 for place in places)
    assert len(axis.ticks) <= 8
    assert all(len(text) <= 14 for _, text in axis.ticks)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.booleans())
def test_the_line_follows_the_best(values: list[float], is_maximised: bool) -> None:
    def is_better(value: float, than: float) -> bool:
        return value > than if is_maximised else value < than

    marks = [Mark(i, value, "") for i, value in enumerate(values)]
    line = best_so_far(marks, is_better, end=len(values))
    assert line[0] == (0, values[0])
    assert line[-1] == (len(values), max(values) if is_maximised else min(values))
    for x, y in line:
        seen = values[: int(x) + 1]
        assert y in seen
    assert [x for x, _ in line] == sorted(x for x, _ in line)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
def test_marks_stay_in_the_frame(points: list[tuple[float, float]]) -> None:
    marks = [Mark(x, y, "") for x, y in points]
    across, up = axes.linear(-1.0, 1.0), axes.linear(-1.0, 1.0)
    drawn = scatter("loss", marks, across=across, up=up, summary="")
    for mark in drawn["marks"]:
        assert drawn["left"] <= mark["x"] <= drawn["right"]
        assert 0 <= mark["y"] <= drawn["bottom"]
