"""The plain threshold digit for digit, and the certified one against planted populations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.autolabel import certified_threshold, plain_threshold
from labelwright.errors import InvalidRequest


def worked_example() -> tuple[np.ndarray, np.ndarray]:
    """200 validation objects: 2 errors in the first 143, 8 in the first 160, 9 in 161, and no recovery."""
    wrong = [50, 100, *range(144, 150), 160, *range(165, 200, 2)]
    quality = np.ones(200)
    quality[wrong] = 0
    return np.linspace(0.999, 0.4, 200), quality


def test_plain_threshold_of_the_worked_example_is_the_160th_confidence() -> None:
    confidence, quality = worked_example()
    assert quality[:143].sum() == 141
    assert quality[:160].sum() == 152
    assert quality[:161].sum() == 152
    shuffled = np.random.default_rng(0).permutation(200)
    value = plain_threshold(confidence[shuffled], quality[shuffled], target_quality=0.95, k_min=10)
    assert value == confidence[159]


def test_plain_threshold_takes_equal_confidences_together() -> None:
    assert plain_threshold([0.9] * 20, [1] * 19 + [0], target_quality=0.95) == 0.9
    assert plain_threshold([0.9] * 20, [1] * 18 + [0] * 2, target_quality=0.95) is None


def test_plain_threshold_needs_enough_objects() -> None:
    assert plain_threshold([0.9] * 9, [1] * 9, target_quality=0.95) is None
    assert plain_threshold([0.9] * 9, [1] * 9, target_quality=0.95, k_min=9) == 0.9
    assert plain_threshold([], [], target_quality=0.95) is None


def test_plain_threshold_of_shares_is_exact() -> None:
    assert (
        plain_threshold([0.5] * 10, [0.6] * 10, target_quality=0.6) is None
    )  # 0.6 as a float is a hair below
    assert plain_threshold([0.5] * 10, [0.75] * 10, target_quality=0.75) == 0.5


def test_wilson_asks_for_more_than_the_mean() -> None:
    confidence, quality = worked_example()
    value = plain_threshold(confidence, quality, target_quality=0.95, k_min=10, wilson=True)
    assert value is not None
    assert value > confidence[159]


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=60), st.integers(1, 12))
def test_plain_threshold_is_the_lowest_that_reaches_the_target(
    rows: list[tuple[int, bool]], k_min: int
) -> None:
    confidence, right = [row[0] for row in rows], [int(row[1]) for row in rows]
    reached = []
    for candidate in set(confidence):
        above = [r for c, r in zip(confidence, right, strict=True) if c >= candidate]
        if len(above) >= k_min and 100 * sum(above) >= 80 * len(above):
            reached.append(candidate)
    expected = min(reached) if reached else None
    assert plain_threshold(confidence, right, target_quality=0.8, k_min=k_min) == expected


def test_certified_threshold_of_a_perfect_sample_accepts_all() -> None:
    found = certified_threshold(np.linspace(1, 0.5, 300), np.ones(300), target_error=0.05)
    assert found.value == 0.5
    assert found.n_above == 300
    assert found.error_upper <= 0.05
    assert found.error_estimate == 0


def test_certified_threshold_of_a_small_or_bad_sample_accepts_nothing() -> None:
    for quality in (np.ones(40), np.zeros(400)):
        found = certified_threshold(np.linspace(1, 0, len(quality)), quality, target_error=0.05)
        assert found.value is None
        assert found.error_upper == 1
        assert math.isnan(found.error_estimate)


@pytest.mark.parametrize("bounded", [False, True])
def test_certified_threshold_breaks_the_target_in_at_most_one_run_of_twenty(bounded: bool) -> None:
    # Loss given confidence c is (1 - c)^2 on average, c uniform: the error above t is (1 - t)^2 / 3, so
    # that any threshold below 0.613 breaks a target of 5 %.
    rng = np.random.default_rng(3)
    broken, accepted, n_runs = 0, 0, 60 if bounded else 200
    for run in range(n_runs):
        c = rng.random(1500)
        mean_loss = (1 - c) ** 2
        loss = (
            rng.beta(2 * mean_loss + 1e-9, 2 * (1 - mean_loss)) if bounded else rng.random(1500) < mean_loss
        )
        found = certified_threshold(c, 1 - np.clip(loss, 0, 1), target_error=0.05, seed=run)
        if found.value is not None:
            accepted += 1
            broken += (1 - found.value) ** 2 / 3 > 0.05
    assert broken <= 0.05 * n_runs + 2 * math.sqrt(0.05 * 0.95 * n_runs)
    assert accepted > 0.5 * n_runs  # not by accepting nothing


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=80), st.floats(0.02, 0.5))
@settings(max_examples=40, deadline=None)
def test_certified_threshold_never_promises_what_the_sample_contradicts(
    rows: list[tuple[float, float]], target: float
) -> None:
    confidence = np.array([row[0] for row in rows])
    quality = np.array([row[1] for row in rows])
    found = certified_threshold(confidence, quality, target_error=target)
    if found.value is not None:
        above = confidence >= found.value
        assert above.sum() == found.n_above
        assert (1 - quality[above]).mean() <= target
        assert found.error_upper <= target


@pytest.mark.parametrize(
    ("confidences", "qualities"),
    [([0.5], [0.5, 0.5]), ([0.5], [1.5]), ([float("nan")], [1.0])],
)
def test_samples_that_make_no_sense_are_refused(confidences: list[float], qualities: list[float]) -> None:
    with pytest.raises(InvalidRequest):
        plain_threshold(confidences, qualities, target_quality=0.95)
    with pytest.raises(InvalidRequest):
        certified_threshold(confidences, qualities, target_error=0.05)


@pytest.mark.parametrize("n", [45, 59, 61, 100, 148, 199])
def test_a_sample_with_a_single_confidence_is_judged_as_a_whole(n: int) -> None:
    found = certified_threshold(np.full(n, 0.5), np.ones(n), target_error=0.06)
    assert found.value in (None, 0.5)
    assert found.n_above in (0, n)
    assert (found.value == 0.5) == (n >= 50)
