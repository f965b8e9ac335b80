"""Ranges of hyperparameters: every value lies in its range, and to and fro come to the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.tuning_ranges import (
    Categorical,
    Continuous,
    Integer,
    from_unit,
    n_combinations,
    parse_ranges,
    to_unit,
)
from labelwright.errors import InvalidRequest

UNIT = st.floats(0, 1)
CONTINUOUS = st.one_of(
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(
        lambda pair: Continuous("x", min(pair), max(pair), "Linear")
    ),
    st.tuples(st.floats(1e-9, 1e6), st.floats(1e-9, 1e6)).map(
        lambda pair: Continuous("x", min(pair), max(pair), "Logarithmic")
    ),
    st.tuples(st.floats(0, 0.999999), st.floats(0, 0.999999)).map(
        lambda pair: Continuous("x", min(pair), max(pair), "ReverseLogarithmic")
    ),
)
COUNTS = st.integers(1, 10**6)
INTEGER = st.tuples(COUNTS, COUNTS, st.sampled_from(["Linear", "Logarithmic"])).map(
    lambda given: Integer("n", min(given[:2]), max(given[:2]), given[2])
)


@given(st.one_of(CONTINUOUS, INTEGER), UNIT)
def test_values_lie_in_their_range_and_say_where(each: Continuous | Integer, u: float) -> None:
    text = from_unit(each, u)
    assert each.low <= float(text) <= each.high
    back = to_unit(each, text)
    assert back is not None
    assert from_unit(each, float(back)) == text or isinstance(each, Continuous)
    again = float(from_unit(each, float(back)))
    assert again == pytest.approx(float(text), rel=1e-6, abs=1e-6 * max(abs(each.low), abs(each.high), 1e-12))
    if isinstance(each, Integer):
        assert text == str(int(text))


@given(CONTINUOUS, UNIT, UNIT)
def test_larger_numbers_are_larger_values(each: Continuous, u: float, v: float) -> None:
    low, high = (float(from_unit(each, w)) for w in sorted((u, v)))
    assert low <= high


def test_every_integer_is_as_likely() -> None:
    dice = Integer("n", 1, 6, "Linear")
    counts = Counter(from_unit(dice, (k + 0.5) / 6000) for k in range(6000))
    assert counts == {str(n): 1000 for n in range(1, 7)}


def test_reverse_logarithmic_has_fine_steps_near_one() -> None:
    momentum = Continuous("m", 0.0, 0.999, "ReverseLogarithmic")
    assert [from_unit(momentum, u) for u in (0, 1 / 3, 2 / 3, 1)] == ["0.0", "0.9", "0.99", "0.999"]


@pytest.mark.parametrize(
    "low, high, scaling", [("1e-5", "0.1", "Logarithmic"), ("0", "1", "Linear"), ("1", "50", "Linear")]
)
def test_auto_chooses_by_the_ratio(low: str, high: str, scaling: str) -> None:
    item = {"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": "Auto"}
    (each,) = parse_ranges({"ContinuousParameterRanges": [item]})
    assert isinstance(each, Continuous) and each.scaling == scaling


def ranges(kind: str, *items: tuple[Any, ...]) -> dict[str, Any]:
    keys = ("Name", "MinValue", "MaxValue", "ScalingType")
    return {f"{kind}ParameterRanges": [dict(zip(keys, item, strict=False)) for item in items]}


@pytest.mark.parametrize(
    "given, words",
    [
        ({}, "names 0 hyperparameters"),
        (ranges("Integer", ("a", "5", "4")), "not above its MaxValue"),
        (ranges("Integer", ("a", "1.5", "4")), "whole numbers"),
        (ranges("Integer", ("a", "1", "4", "ReverseLogarithmic")), "whole numbers"),
        (ranges("Continuous", ("a", "0", "1", "Logarithmic")), "above 0"),
        (ranges("Continuous", ("a", "0", "1", "ReverseLogarithmic")), "0 <= x < 1"),
        (ranges("Continuous", ("a", "x", "1")), "numbers as bounds"),
        (ranges("Continuous", ("a", "nan", "1")), "finite"),
        (ranges("Continuous", ("a", "0", "1"), ("a", "0", "2")), "one range only"),
        (ranges("Continuous", *((f"p{i}", "0", "1") for i in range(31))), "31 hyperparameters"),
        ({"CategoricalParameterRanges": [{"Name": "a", "Values": ["x", "x"]}]}, "twice"),
        ({"AutoParameters": [{"Name": "a", "ValueHint": "1"}]}, "AutoParameters"),
    ],
)
def test_ranges_that_cannot_be(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        parse_ranges(given)


def test_what_is_not_in_a_range_has_no_place() -> None:
    assert to_unit(Integer("n", 1, 3, "Linear"), "4") is None
    assert to_unit(Continuous("x", 0.0, 1.0, "Linear"), "much") is None
    assert to_unit(Categorical("c", ("a", "b")), "b") == 1
    assert to_unit(Categorical("c", ("a", "b")), "c") is None
    assert n_combinations([Categorical("c", ("a", "b")), Categorical("d", ("a", "b", "c"))]) == 6
