"""What happens next in a job, and whole jobs on planted data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labelwright.autolabel import RoundOptions, choose_queries, next_step, sample_order, simulate
from labelwright.autolabel.forecast import forecast, machine_share_now
from labelwright.autolabel.queries import random_count
from labelwright.autolabel.rounds import Step, first_batch, is_hopeless

OPTIONS = RoundOptions()


def test_an_unsure_model_asks_and_a_sure_one_is_certified() -> None:
    assert next_step(np.full(5000, 0.8), n_human=200, options=OPTIONS).kind == "query"
    sure = next_step(np.full(5000, 0.995), n_human=200, options=OPTIONS)
    assert sure.kind == "certify"
    assert 55 < sure.n < 90
    assert sure.n <= sure.n_most < 2500
    assert sure.level < 0.05


def test_a_small_remainder_goes_to_people() -> None:
    step = next_step(np.full(60, 0.999), n_human=200, options=OPTIONS)
    assert (step.kind, step.n) == ("humans", 60)
    assert next_step([], n_human=200, options=OPTIONS).kind == "humans"


def test_the_best_part_of_a_hard_remainder_is_certified() -> None:
    # 2,000 sure objects beside 3,000 of which nothing is known: what is left of a batch would be as hard.
    confidences = np.concatenate([np.full(2000, 0.995), np.full(3000, 0.5)])
    step = next_step(confidences, n_human=100_000, options=RoundOptions(batch_most=20))
    assert step.kind == "certify"
    assert 1800 <= step.n_part <= 2100
    assert step.expected_error < 0.03
    easy = next_step(np.full(5000, 0.995), n_human=200, options=OPTIONS)
    assert easy.n_part == 5000


def test_a_part_is_certified_while_there_are_labels_for_it() -> None:
    # There is time for one more batch, but then the sample could no longer be bought.
    confidences = np.concatenate([np.full(2000, 0.98), np.full(3000, 0.5)])
    assert next_step(confidences, n_human=400, options=OPTIONS).kind == "query"
    step = next_step(confidences, n_human=400, n_allowed=200, options=OPTIONS)
    assert step.kind == "certify"
    assert 1500 < step.n_part < 2100
    assert next_step(confidences, n_human=400, n_allowed=400, options=OPTIONS).kind == "query"
    # What cannot be checked with so few labels is not tried.
    assert next_step(confidences, n_human=400, n_allowed=40, options=OPTIONS).kind == "query"


def test_what_a_certified_part_leaves_goes_to_people_in_large_batches() -> None:
    left = np.full(900, 0.6)
    assert next_step(left, n_human=400, options=OPTIONS).n == 100
    step = next_step(left, n_human=400, n_attempts=1, has_certified=True, options=OPTIONS)
    assert (step.kind, step.n) == ("query", 900)


def test_people_are_asked_about_the_hard_objects_first() -> None:
    # There is a good part already, but a batch from outside it costs nothing and teaches.
    confidences = np.concatenate([np.full(2000, 0.98), np.full(3000, 0.5)])
    assert next_step(confidences, n_human=400, options=OPTIONS).kind == "query"


def test_a_part_is_planned_for_losses_that_spread() -> None:
    options = RoundOptions(target_error=0.3, spread=0.1)
    confidences = np.concatenate([np.full(300, 0.85), np.full(300, 0.5)])
    step = next_step(confidences, n_human=10_000, options=options)
    assert step.kind == "certify" and step.spread == 0.1
    assert 280 <= step.n_part <= 420


def test_later_attempts_need_more_evidence() -> None:
    first, second = (
        next_step(np.full(5000, 0.995), n_human=200, n_attempts=i, options=OPTIONS) for i in (0, 1)
    )
    assert second.level < first.level
    assert second.n > first.n


def test_batches_keep_their_limit() -> None:
    step = next_step(np.full(90_000, 0.6), n_human=20_000, options=RoundOptions(batch_most=300))
    assert step.n == 300


def test_a_bad_sample_ends_the_attempt_and_a_good_one_does_not() -> None:
    step = next_step(np.full(5000, 0.99), n_human=500, options=OPTIONS)
    arguments = {"n": 60, "n_rest": 5000, "step": step, "target_error": 0.05}
    assert is_hopeless(6, **arguments)  # type: ignore[arg-type]
    assert not is_hopeless(0, **arguments)  # type: ignore[arg-type]


def test_an_attempt_ends_when_asking_would_be_cheaper() -> None:
    # Far from hopeless by itself: 2 % errors where 5 % are allowed, of 5,000.
    arguments = {"n": 150, "n_rest": 5000, "target_error": 0.05}
    step = Step("certify", 70, 2500, 0.02, 0.035, ways=((50, 1.0),))
    assert not is_hopeless(3, step=step, **arguments)  # type: ignore[arg-type]
    helpful = Step("certify", 70, 2500, 0.02, 0.035, ways=((50, 1.0), (100, 0.1)))
    assert is_hopeless(5, step=helpful, **arguments)  # type: ignore[arg-type]
    assert not is_hopeless(0, step=helpful, **arguments)  # type: ignore[arg-type]


def test_after_a_failed_attempt_people_are_asked_first() -> None:
    confidences = np.full(5000, 0.995)
    assert next_step(confidences, n_human=200, options=OPTIONS).kind == "certify"
    assert next_step(confidences, n_human=200, options=OPTIONS, has_just_failed=True).kind == "query"


def test_labels_of_an_earlier_job_make_a_batch_less_worth() -> None:
    confidences = np.linspace(0.9, 1, 2000)
    assert next_step(confidences, n_human=20, options=OPTIONS).kind == "query"
    assert next_step(np.full(2000, 0.985), n_human=1, n_before=500, options=OPTIONS).kind == "certify"
    assert next_step(np.full(2000, 0.985), n_human=1, options=OPTIONS).kind == "query"


def test_sampling_orders_are_permutations_that_can_be_repeated() -> None:
    order = sample_order(50, seed=1, i_attempt=0)
    assert sorted(order.tolist()) == list(range(50))
    assert np.array_equal(order, sample_order(50, seed=1, i_attempt=0))
    assert not np.array_equal(order, sample_order(50, seed=1, i_attempt=1))


def test_queries_are_the_least_sure_and_some_at_random() -> None:
    margin = np.random.default_rng(0).random(500)
    chosen = choose_queries(margin, None, 100, seed=3)
    n_random = random_count(100)
    least = np.argsort(margin)[: 100 - n_random]
    assert np.array_equal(chosen[: len(least)], least)
    assert len(set(chosen.tolist())) == 100
    assert margin[chosen[len(least) :]].mean() > 0.4
    assert np.array_equal(chosen, choose_queries(margin, None, 100, seed=3))


def test_queries_from_probabilities_use_the_margin() -> None:
    probabilities = [[0.5, 0.5, 0.0], [0.4, 0.3, 0.3], [0.9, 0.1, 0.0]]
    assert choose_queries(probabilities, None, 9, seed=0).tolist() == [0, 1, 2]
    assert choose_queries(np.empty((0, 3)), None, 5, seed=0).tolist() == []


def blobs(n: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    centres = np.random.default_rng(7).normal(size=(4, 8))
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=n)
    return (centres[y] + spread * rng.normal(size=(n, 8))).astype(np.float32), y


def test_easy_data_is_labeled_by_the_machine() -> None:
    coverage = 0.0
    for seed in range(3):  # a single sample may be unlucky, which costs labels
        x, y = blobs(2000, 0.5, seed)
        done = simulate(x, y, seed=seed)
        coverage += done.coverage / 3
        assert done.machine_error <= 0.05
        assert done.n_human + done.n_machine == done.n == 2000
        assert done.accuracy == pytest.approx(1 - done.machine_error * done.coverage)
        assert done.certificate is not None
        assert done.certificate.error_upper <= 0.05
    assert coverage > 0.75


def test_a_job_with_a_limit_leaves_labels_for_its_certificate() -> None:
    # Without knowing of the limit these jobs ask until it is reached, and the machine labels nothing.
    n_machine, broken = 0, 0
    for seed in range(4):
        x, y = blobs(2000, 0.5, seed)
        done = simulate(x / 4, y, seed=seed, is_embedded=True, most_human=200)
        assert done.n_human <= 200
        n_machine += done.n_machine
        broken += done.machine_error > 0.05
    assert n_machine > 2000
    assert broken <= 1


def test_labels_without_meaning_are_all_left_to_people() -> None:
    x, _ = blobs(700, 0.5, 0)
    y = np.random.default_rng(1).integers(4, size=700)
    done = simulate(x / 4, y, seed=0, is_embedded=True)
    assert done.coverage == 0
    assert done.accuracy == 1
    assert done.certificate is None


def test_a_job_that_cannot_be_learned_says_so_and_can_stop() -> None:
    x, _ = blobs(3000, 0.5, 0)
    y = np.random.default_rng(1).integers(4, size=3000)
    done = simulate(x / 4, y, seed=0, is_embedded=True, stops_on_advice=True)
    assert "Most labels have to come from people" in done.advice
    assert done.n_human_at_advice == done.n_human < 0.15 * done.n
    assert (done.n_machine, done.accuracy) == (0, 1)


def test_a_job_that_can_be_learned_says_nothing() -> None:
    for seed in range(3):
        x, y = blobs(2000, 0.5, seed)
        done = simulate(x / 4, y, seed=seed, is_embedded=True, stops_on_advice=True)
        assert (done.advice, done.n_human_at_advice) == ("", None)
        assert done.n_human + done.n_machine == 2000


def test_a_chained_job_on_other_data_keeps_the_promise() -> None:
    # The earlier job's classes are exchanged: its model is sure and wrong.
    broken = 0
    for seed in range(6):
        x, y = blobs(2400, 0.5, seed)
        first = simulate(x[:1200] / 4, (y[:1200] + 1) % 4, seed=seed, is_embedded=True)
        done = simulate(x[1200:] / 4, y[1200:], seed=seed, is_embedded=True, start=first.learner)
        broken += done.machine_error > 0.05
    assert broken <= 1


def test_jobs_that_are_easy_in_part_are_labeled_in_part() -> None:
    # A third of the objects can be learned, the others are labeled by chance.
    n_runs, broken, coverage = 8, 0, 0.0
    for seed in range(n_runs):
        x, y = blobs(1800, 0.4, seed)
        rng = np.random.default_rng([seed, 2])
        is_noise = np.arange(1800) % 3 > 0
        y = np.where(is_noise, rng.integers(4, size=1800), y)
        x = np.concatenate([x * ~is_noise[:, None], x * is_noise[:, None]], axis=1) / 4
        done = simulate(x.astype(np.float32), y, seed=seed, n_classes=4, is_embedded=True)
        broken += done.machine_error > 0.05
        coverage += done.coverage / n_runs
        assert done.n_human + done.n_machine == done.n
    assert broken <= 2
    assert coverage > 0.15


def test_whole_jobs_keep_the_promise_where_it_is_hard_to_keep() -> None:
    # Overlapping classes and 2 % label noise: the rest is often near the target when it is certified.
    n_runs, broken, covered = 12, 0, 0
    for seed in range(n_runs):
        x, y = blobs(1500, 0.6, seed)
        rng = np.random.default_rng([seed, 1])
        y = np.where(rng.random(1500) < 0.02, rng.integers(4, size=1500), y)
        done = simulate(x / 4, y, seed=seed, n_classes=4, is_embedded=True)
        broken += done.machine_error > 0.05
        covered += done.coverage > 0
    assert broken <= 0.05 * n_runs + 2 * math.sqrt(0.05 * 0.95 * n_runs)
    assert covered >= n_runs // 2


def test_a_chained_job_needs_fewer_labels() -> None:
    needed = np.zeros(2)
    for seed in range(4):
        x, y = blobs(3000, 0.4, seed)
        first = simulate(x[:1500] / 4, y[:1500], seed=seed, is_embedded=True)
        alone = simulate(x[1500:] / 4, y[1500:], seed=seed, is_embedded=True)
        chained = simulate(x[1500:] / 4, y[1500:], seed=seed, is_embedded=True, start=first.learner)
        assert chained.machine_error <= 0.05
        needed += alone.n_human, chained.n_human
    assert needed[1] < 0.75 * needed[0]


def test_a_simulation_can_be_repeated() -> None:
    x, y = blobs(600, 0.4, 4)
    a, b = (simulate(x / 4, y, seed=9, is_embedded=True) for _ in range(2))
    assert (a.n_human, a.machine_error) == (b.n_human, b.machine_error)


def test_first_batch_never_exceeds_the_objects() -> None:
    assert first_batch(10, 3) == 10


def test_forecast_follows_the_curve() -> None:
    poor = forecast([100, 200, 400, 800], [0, 0.01, 0.01, 0.02], n_objects=10_000)
    assert poor.is_poor
    assert "800 human labels" in poor.advice
    good = forecast([100, 200, 400, 800], [0.1, 0.3, 0.5, 0.7], n_objects=10_000)
    assert not good.is_poor
    assert good.coverage > 0.7
    assert good.advice == ""
    odd = forecast([100, 200, 400, 800], [0.1, 0.3, 0.0, 0.0], n_objects=10_000)
    assert not odd.is_poor
    assert forecast([], [], n_objects=10).coverage == 0
    assert machine_share_now([], 10, target_error=0.05) == 0
