"""Bounds against known values and by simulation; certificates under every way of stopping."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from labelwright.autolabel import certify_rest
from labelwright.autolabel.bounds import (
    betting_p_value,
    binomial_p_value,
    binomial_upper,
    bounded_upper,
    hoeffding_bentkus_p_value,
)
from labelwright.autolabel.certify import attempt_level, errors_allowed, expected_sample, joined, next_look
from labelwright.errors import InvalidRequest


@pytest.mark.parametrize(("errors", "n"), [(0, 59), (3, 100), (17, 200), (5, 5)])
def test_binomial_upper_is_clopper_and_pearsons(errors: int, n: int) -> None:
    interval = stats.binomtest(errors, n, alternative="less").proportion_ci(0.95, method="exact")
    assert binomial_upper(errors, n) == pytest.approx(interval.high, abs=1e-9)


def test_all_wrong_is_never_significant() -> None:
    assert binomial_p_value(10, 10, 0.05) == 1
    assert binomial_p_value(11, 10, 0.05) == 1


def test_bounds_on_nothing_say_nothing() -> None:
    assert binomial_upper(0, 0) == 1
    assert bounded_upper([]) == 1
    assert betting_p_value([], 0.1) == 1
    assert hoeffding_bentkus_p_value([], 0.1) == 1


@pytest.mark.parametrize("test", [betting_p_value, hoeffding_bentkus_p_value])
def test_p_values_of_bounded_losses_are_rarely_small_under_the_null(test: object) -> None:
    assert callable(test)
    rng = np.random.default_rng(1)
    draws = rng.beta(0.8, 1.2, size=(400, 80))  # mean 0.4
    small = np.mean([test(row, 0.4) <= 0.1 for row in draws])
    assert small <= 0.1 + 2 * math.sqrt(0.1 * 0.9 / 400)
    lower = np.mean([test(row * 0.5, 0.4) <= 0.1 for row in draws])
    assert lower > 0.8


def test_losses_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="0, 1"):
        betting_p_value([1.5], 0.1)
    with pytest.raises(InvalidRequest):
        certify_rest([0, 0, 0], 2, target_error=0.05)


def first_success(population: np.ndarray, level: float, most: int = 400) -> int | None:
    """Look after every seventh object, and stop as soon as it pays."""
    for n in range(60, most, 7):
        if certify_rest(population[:n], len(population), target_error=0.05, confidence=1 - level).is_met:
            return n
    return None


@pytest.mark.parametrize("n_population", [500, 3000])
def test_looking_again_and_again_does_not_break_the_promise(n_population: int) -> None:
    level, n_runs, broken = 0.1, 100, 0
    population = np.zeros(n_population)
    population[: math.ceil(0.055 * n_population)] = 1  # worse than the target
    rng = np.random.default_rng(5)
    for _ in range(n_runs):
        drawn = rng.permutation(population)
        n = first_success(drawn, level, most=250)
        broken += n is not None and drawn[n:].mean() > 0.05
    assert broken <= level * n_runs + 2 * math.sqrt(level * (1 - level) * n_runs)


def test_a_good_remainder_is_certified_with_few_labels() -> None:
    rng = np.random.default_rng(2)
    population = np.zeros(3000)
    population[:15] = 1
    counts = [first_success(rng.permutation(population), 0.05) for _ in range(20)]
    assert all(count is not None for count in counts)
    assert np.median([count for count in counts if count]) < 150


def test_certificate_for_bounded_losses() -> None:
    rng = np.random.default_rng(4)
    good = certify_rest(rng.beta(4, 12, 200), 2000, target_error=0.4)  # mean 0.25
    assert good.is_met
    assert 0.25 < good.error_upper <= 0.4
    assert not certify_rest(rng.beta(8, 12, 200), 2000, target_error=0.4).is_met


def test_everything_seen_needs_no_certificate() -> None:
    done = certify_rest([1, 1, 0], 3, target_error=0.05)
    assert done.is_met
    assert done.n_rest == 0


def test_all_attempts_together_spend_at_most_alpha() -> None:
    assert sum(attempt_level(i, 0.05) for i in range(200)) <= 0.05 + 1e-12


def test_many_parts_certified_one_after_the_other_keep_the_promise_together() -> None:
    # Four parts of one job, each a little worse than the target: one that passes breaks the promise.
    alpha, n_runs, broken = 0.2, 60, 0
    rng = np.random.default_rng(8)
    for _ in range(n_runs):
        is_broken = False
        for i_attempt in range(4):
            part = np.zeros(1200)
            part[:67] = 1
            n = first_success(rng.permutation(part), attempt_level(i_attempt, alpha), most=260)
            is_broken |= n is not None
        broken += is_broken
    assert broken <= alpha * n_runs + 2 * math.sqrt(alpha * (1 - alpha) * n_runs)
    assert broken > 0  # the populations are near enough to the target for the test to mean something


def test_certificates_of_parts_make_one_of_all() -> None:
    first = certify_rest([0] * 100, 1000, target_error=0.05, confidence=0.965)
    second = certify_rest([0] * 200, 500, target_error=0.05, confidence=0.9895)
    both = joined([first, second])
    assert both.is_met and (both.n_sampled, both.n_rest) == (300, 900 + 300)
    assert both.confidence == pytest.approx(1 - 0.035 - 0.0105)
    unseen = first.error_upper * 900 + second.error_upper * 300
    assert both.error_upper == pytest.approx(unseen / 1200) and both.error_upper <= 0.05


def test_next_look_is_the_first_that_can_succeed() -> None:
    arguments = {"target_error": 0.05, "confidence": 0.95}
    seen = [0] * 40 + [1]
    more = next_look(seen, 2000, **arguments)
    assert certify_rest(seen + [0] * more, 2000, **arguments).is_met
    assert not certify_rest(seen + [0] * (more - 1), 2000, **arguments).is_met
    assert next_look([0] * 200, 2000, **arguments) == 0


def test_expected_sample_grows_with_the_error_up_to_everything() -> None:
    sizes = [
        expected_sample(p, 5000, target_error=0.05, level=0.05) for p in (0, 0.005, 0.01, 0.02, 0.04, 0.06)
    ]
    assert sizes == sorted(sizes)
    assert 55 < sizes[0] < 75
    assert sizes[-1] == 5000


def test_losses_that_hardly_spread_need_small_samples_and_keep_the_promise() -> None:
    rng = np.random.default_rng(9)
    planned = expected_sample(0.3, 400, target_error=0.4, level=0.05, spread=0.1)
    assert planned < 0.5 * expected_sample(0.3, 400, target_error=0.4, level=0.05)
    arguments: dict[str, float] = {"target_error": 0.4, "expected_error": 0.3, "spread": 0.1}
    met = [certify_rest(rng.normal(0.3, 0.1, planned).clip(0, 1), 400, **arguments).is_met for _ in range(40)]
    assert np.mean(met) > 0.5
    # However wrong the expectation: the unseen losses exceed the bound in few populations.
    n_broken = 0
    for _ in range(60):
        losses = rng.beta(4.2, 6, 160)
        n_broken += any(
            certify_rest(losses[:n], 160, **arguments).error_upper < losses[n:].mean()
            for n in range(10, 90, 20)
        )
    assert n_broken <= 6


@pytest.mark.parametrize("n", [60, 90, 200, 500])
def test_errors_that_are_allowed_are_those_a_certificate_allows(n: int) -> None:
    most = errors_allowed(n, 1500, target_error=0.05, level=0.05, expected_error=0.01)

    def is_met(n_errors: int) -> bool:
        losses = [1] * n_errors + [0] * (n - n_errors)
        return certify_rest(losses, 1500, target_error=0.05, expected_error=0.01).is_met

    assert most == -1 or is_met(most)
    assert not is_met(most + 1)


def test_the_bound_on_errors_is_the_greatest_number_that_is_not_refuted() -> None:
    # Every number of errors is weighed here; the bound looks for the end of an interval.
    rng = np.random.default_rng(5)
    for _ in range(200):
        population = int(rng.integers(2, 400))
        n = int(rng.integers(1, population))
        n_errors = int(rng.integers(0, n + 1)) if rng.random() < 0.3 else int(rng.integers(0, min(n, 4) + 1))
        losses = np.repeat([1.0, 0.0], [n_errors, n - n_errors])
        found = certify_rest(losses, population, target_error=0.05, expected_error=0.01)
        unseen = np.arange(population - n + 1)
        log_data = stats.hypergeom(population, unseen + n_errors, n).logpmf(n_errors)
        log_evidence = stats.betabinom(n, 2, 198).logpmf(n_errors)
        kept = np.flatnonzero(log_evidence - log_data < -math.log(0.05))
        expected = kept[-1] if len(kept) else population - n
        assert found.error_upper == pytest.approx(min(1, expected / (population - n)))
