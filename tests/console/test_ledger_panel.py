"""The chart of a job's progress."""

from __future__ import annotations

from labelwright.console.ledger_panel import chart
from labelwright.store.work_totals import Point


def test_areas_are_stacked_and_end_at_the_axis() -> None:
    drawn = chart([Point(0.0, 0, 0, 0), Point(50.0, 4, 0, 0), Point(100.0, 4, 6, 0)])
    assert drawn is not None
    assert [tick["text"] for tick in drawn["y_ticks"]] == ["0", "5", "10"]
    people = [tuple(map(float, pair.split(","))) for pair in drawn["people"].split()]
    both = [tuple(map(float, pair.split(","))) for pair in drawn["machine"].split()]
    bottom, top = drawn["y_ticks"][0]["y"], drawn["y_ticks"][-1]["y"]
    assert people[0][1] == people[-1][1] == both[0][1] == both[-1][1] == bottom
    assert people[2] == both[2]  # no machine yet
    assert both[3][1] == top
    assert people[3][1] == people[2][1]
    assert drawn["summary"].startswith("Labels over time: 4 by people and 6 by machine")


def test_nothing_labeled_is_no_chart() -> None:
    assert chart([Point(0.0, 0, 0, 0), Point(9.0, 0, 0, 3)]) is None
    assert chart([Point(0.0, 7, 0, 0), Point(0.0, 7, 0, 0)]) is None  # chained, and no time has passed


def test_large_numbers_get_round_steps() -> None:
    drawn = chart([Point(0.0, 0, 0, 0), Point(9e6, 1_234_567, 0, 0)])
    assert drawn is not None
    assert [tick["text"] for tick in drawn["y_ticks"]] == ["0", "500,000", "1,000,000", "1,500,000"]
    assert drawn["x_ticks"][0]["text"].startswith("1970-01-01")
