"""When a search ends, and when one of its jobs does."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.tuning_job import (
    Criteria,
    Progress,
    Verdict,
    improvement_lag,
    is_converged,
    verdict,
)
from labelwright.core.tuning_stops import bracket_of, first_rung, is_below_median, is_below_rung, n_brackets

VALUES = st.lists(st.floats(-100, 100), max_size=30)


def progress(
    *values: float, started: int | None = None, running: int = 0, failed: int = 0, age_s: float = 0.0
) -> Progress:
    n = len(values) + failed + running if started is None else started
    return Progress(tuple(values), n, running, failed, age_s)


@pytest.mark.parametrize(
    "criteria, so_far, expected",
    [
        (Criteria(3), progress(), Verdict.GO_ON),
        (Criteria(3), progress(1.0, 2.0, running=1), Verdict.WAIT),
        (Criteria(3), progress(1.0, 2.0, 3.0), Verdict.ENOUGH),
        (Criteria(3), progress(failed=2, running=1), Verdict.WAIT),
        (Criteria(3), progress(failed=3), Verdict.HOPELESS),
        (Criteria(9), progress(failed=4, running=1), Verdict.GO_ON),
        (Criteria(9), progress(failed=5, running=1), Verdict.HOPELESS),
        (Criteria(9), progress(1.0, failed=7), Verdict.GO_ON),
        (Criteria(9, runtime_s_max=120), progress(1.0, age_s=120), Verdict.ENOUGH),
        (Criteria(9, target=0.9), progress(0.5, 0.9), Verdict.ENOUGH),
        (Criteria(9, target=0.9), progress(0.5, 0.89), Verdict.GO_ON),
        (Criteria(9, target=0.1, is_maximised=False), progress(0.5, 0.1), Verdict.ENOUGH),
        (Criteria(9, n_not_improving_max=3), progress(1.0, 0.5, 0.5, 1.0), Verdict.ENOUGH),
        (Criteria(9, n_not_improving_max=3), progress(1.0, 0.5, 2.0, 1.0), Verdict.GO_ON),
        (Criteria(99, ends_on_convergence=True), progress(*[1.0] * 20), Verdict.ENOUGH),
        (Criteria(99), progress(*[1.0] * 20), Verdict.GO_ON),
    ],
)
def test_the_verdict(criteria: Criteria, so_far: Progress, expected: Verdict) -> None:
    assert verdict(criteria, so_far) is expected


@given(VALUES)
def test_minimising_mirrors_maximising(values: list[float]) -> None:
    mirrored = [-value for value in values]
    assert improvement_lag(values, is_maximised=True) == improvement_lag(mirrored, is_maximised=False)
    assert is_converged(values, is_maximised=True) == is_converged(mirrored, is_maximised=False)
    others = [values[i : i + 5] for i in range(0, len(values), 5)]
    flipped = [[-value for value in other] for other in others]
    for n in range(len(values)):
        assert is_below_median(values[:n], others, is_maximised=True) == is_below_median(
            mirrored[:n], flipped, is_maximised=False
        )


def test_a_search_that_still_improves_has_not_converged() -> None:
    assert not is_converged([float(n) for n in range(25)], is_maximised=True)
    assert not is_converged([1.0] * 19, is_maximised=True)
    assert is_converged([*[1.0] * 10, *[1.009] * 10], is_maximised=True)


def test_the_median_rule_waits_for_two_epochs_and_three_jobs() -> None:
    good = [[0.5, 0.6, 0.7]] * 3
    assert not is_below_median([0.1], good, is_maximised=True)
    assert not is_below_median([0.1, 0.1], good[:2], is_maximised=True)
    assert is_below_median([0.1, 0.1], good, is_maximised=True)
    # The median of running averages up to here is 0.55: less than the others' values by now.
    assert not is_below_median([0.1, 0.56], good, is_maximised=True)
    # Jobs that did not get as far say nothing.
    assert not is_below_median([0.1, 0.1, 0.1, 0.1], good, is_maximised=True)


def test_brackets_are_dealt_as_their_budgets_ask() -> None:
    assert [n_brackets(1, high) for high in (1, 2, 3, 8, 9, 27, 81)] == [1, 1, 2, 2, 3, 4, 5]
    counts = Counter(bracket_of(number, 1, 9) for number in range(1, 18))
    assert counts == {0: 9, 1: 5, 2: 3}  # ceil(3/3 * 9), ceil(3/2 * 3), ceil(3/1 * 1)
    assert [first_rung(bracket, 1) for bracket in range(3)] == [1, 3, 9]


def below(values: list[float], others: list[list[float]], bracket: int = 0) -> bool:
    return is_below_rung(
        values,
        dict(enumerate(others)),
        bracket=bracket,
        min_resource=1,
        max_resource=9,
        is_maximised=True,
    )


def test_rungs_let_the_best_third_go_on() -> None:
    assert not below([0.1], [[0.9]])  # two are too few to compare
    assert below([0.1], [[0.9], [0.5]])
    assert not below([0.9], [[0.1], [0.5]])
    assert not below([0.9, 0.2], [[0.1], [0.5]])  # between two rungs nothing is compared
    assert not below([0.9, 0.2, 0.2], [[0.1], [0.5]])  # nobody else is at the second rung
    assert below([0.9, 0.2, 0.2], [[0.1, 0, 0.5], [0.5, 0, 0.6]])
    assert not below([0.1], [[0.9], [0.5]], bracket=1)  # begins to compare at 3
    assert below([0.9] * 9, [])  # has had its resource
