"""The charts of automated labeling by iteration."""

from __future__ import annotations

from labelwright.console.auto_charts import Iteration, errors_chart, labels_chart


def test_bars_of_people_stand_below_those_of_the_machine() -> None:
    drawn = labels_chart(
        [Iteration(1, "probe", 10), Iteration(2, "training", 30, n_machine=60, status="done")]
    )
    assert drawn is not None
    first, second = drawn["bars"]
    bottom = drawn["y_ticks"][0]["y"]
    for bar in (first, second):
        assert bar["people_y"] + bar["people"] == bottom
        assert abs(bar["machine_y"] + bar["machine"] - bar["people_y"]) < 0.11
    assert abs(second["machine"] - 2 * second["people"]) < 0.2 and first["machine"] == 0
    assert (first["top"], second["top"]) == ("10", "90")
    assert drawn["summary"].endswith("40 objects sent to people in 2 iterations, 60 labeled by the machine")
    assert labels_chart([]) is None


def test_many_iterations_keep_their_axis_readable() -> None:
    drawn = labels_chart([Iteration(i, "training", 20) for i in range(1, 101)])
    assert drawn is not None
    assert len(drawn["x_ticks"]) <= 12 and drawn["x_ticks"][0]["text"] == "1"
    assert all(bar["top"] == "" for bar in drawn["bars"])
    assert all(a["x"] + a["width"] < b["x"] for a, b in zip(drawn["bars"], drawn["bars"][1:], strict=False))


def test_errors_are_drawn_against_the_target() -> None:
    rows = [
        Iteration(1),
        Iteration(2, expected_error=0.2),
        Iteration(3, expected_error=0.04),
        Iteration(4, error=0.0, upper=0.049),
    ]
    drawn = errors_chart(rows, target=0.05, measure="share of wrong labels")
    assert drawn is not None
    assert len(drawn["line"].split()) == len(drawn["expected"]) == 2
    assert drawn["expected"][0]["y"] < drawn["target_y"] < drawn["expected"][1]["y"]
    (upper,), (error,) = drawn["upper"], drawn["error"]
    assert upper["x"] == error["x"] and drawn["target_y"] < upper["y"] < error["y"]
    assert "last expected 0.040, last upper bound 0.049" in drawn["summary"]
    assert errors_chart([Iteration(1, "probe", 10)], target=0.05, measure="m") is None
