"""Statistics of metrics by periods."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.metric_statistics import by_period, is_period, period_start, statistic

values = st.lists(st.floats(-1e6, 1e6), min_size=1)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(-1, 1))), st.sampled_from([1, 5, 60, 300]))
def test_every_value_is_in_its_period(points: list[tuple[float, float]], period: int) -> None:
    points = sorted(points)
    found = by_period(points, period)
    assert [value for held in found.values() for value in held] == [value for _, value in points]
    assert list(found) == sorted({period_start(at, period) for at, _ in points})
    assert all(start % period == 0 for start in found)


@given(values)
def test_percentiles_lie_between_the_extremes(held: list[float]) -> None:
    for name in ("p0", "p37.5", "p99.9", "p100"):
        function = statistic(name)
        assert function is not None
        assert min(held) <= function(held) <= max(held)
    assert statistic("p100")(held) == max(held)  # type: ignore[misc]
    average = statistic("Average")
    assert average is not None
    assert math.isclose(average(held), sum(held) / len(held), rel_tol=1e-9, abs_tol=1e-6)


@pytest.mark.parametrize("name", ["p101", "p", "average", "tm90", "p-1", "p\u0661", ""])
def test_what_is_no_statistic(name: str) -> None:
    assert statistic(name) is None


def test_lengths_of_periods() -> None:
    assert [s for s in range(-60, 181) if is_period(s)] == [1, 5, 10, 20, 30, 60, 120, 180]
