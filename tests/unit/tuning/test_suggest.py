"""Suggestions follow from the seed, the number of the trial and what is known."""

from __future__ import annotations

import math

import pytest

from labelwright.core.tuning_ranges import Categorical, Continuous, Integer, to_unit
from labelwright.tuning import Observation, suggest
from labelwright.tuning.ask import GAUSSIAN_MAX, answer, normal_scores
from labelwright.tuning.suggest import SearchFailed

SPACE = (
    Continuous("lr", 1e-5, 0.1, "Logarithmic"),
    Integer("layers", 1, 8, "Linear"),
    Categorical("optimizer", ("sgd", '"adam"')),
)


def quality(tuned: dict[str, str]) -> float:
    return -((math.log10(float(tuned["lr"])) + 3) ** 2) - (tuned["optimizer"] == "sgd")


@pytest.mark.parametrize("strategy", ["Random", "Hyperband"])
def test_draws_depend_on_seed_and_number_alone(strategy: str) -> None:
    together = suggest(strategy, SPACE, range(1, 9), seed=7)
    apart = [suggest(strategy, SPACE, [number], seed=7)[0] for number in range(1, 9)]
    assert together == apart
    assert suggest(strategy, SPACE, [1], seed=8) != together[:1]
    assert len({tuple(each.values()) for each in together}) == 8
    for point in together:
        assert None not in [to_unit(each, point[each.name]) for each in SPACE]


def test_bayesian_search_is_reproducible_and_goes_where_it_is_good() -> None:
    start = suggest("Bayesian", SPACE, range(1, 9), seed=1, n_parallel=8)
    assert start == suggest("Random", SPACE, range(1, 9), seed=1)
    known = [Observation(point, quality(point)) for point in start]
    points = suggest("Bayesian", SPACE, [9, 10], seed=1, observations=known)
    assert points == suggest("Bayesian", SPACE, [9, 10], seed=1, observations=known)
    best = sorted((each.value for each in known if each.value is not None), reverse=True)
    assert max(map(quality, points)) > best[2]  # chance would be there in three of eight


@pytest.mark.parametrize("n", [1, 2, 3])
def test_scores_keep_the_order(n: int) -> None:
    values = [0.5, -1e9, 0.5, 7.0][: n + 1]
    scores = normal_scores(values)
    assert sorted(range(n + 1), key=values.__getitem__) == sorted(range(n + 1), key=scores.__getitem__)
    assert all(math.isfinite(score) for score in scores)


def test_large_searches_use_the_other_sampler() -> None:
    trials = [{"point": [i / 400, i % 2], "value": -abs(i / 400 - 0.6)} for i in range(GAUSSIAN_MAX + 1)]
    asked = answer(
        {
            "seed": 1,
            "numbers": [500],
            "is_maximised": True,
            "space": [{"name": "x"}, {"name": "c", "n_values": 2}],
            "trials": trials,
        }
    )
    ((x, c),) = asked["points"]
    assert 0.4 < x < 0.8 and c in (0, 1)


def test_trials_that_run_and_values_outside_the_ranges_are_no_trouble() -> None:
    known = [Observation({"lr": "1e-4", "layers": "2", "optimizer": "sgd"}, 0.5)] * 3
    odd = [Observation({"lr": "7", "layers": "2"}, 9.0), Observation(known[0].tuned, None)]
    (point,) = suggest("Bayesian", SPACE, [6], seed=1, observations=[*known, *odd])
    assert None not in [to_unit(each, point[each.name]) for each in SPACE]


def test_a_child_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no interpreter can start there
    known = [Observation({"lr": "1e-4", "layers": "2", "optimizer": "sgd"}, 0.5)] * 3
    with pytest.raises(SearchFailed, match="ended with code"):
        suggest("Bayesian", SPACE, [4], seed=1, observations=known)
