"""Suggestions follow from the seed, the number of the trial and what is known."""

from __future__ import annotations

import math

import pytest

from labelwright.core.tuning_ranges import Categorical, Continuous, Integer, to_unit
from labelwright.tuning import Observation, suggest
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


def test_bayesian_search_is_reproducible_and_better_than_chance() -> None:
    observations: list[Observation] = []
    for first in (1, 5, 9):
        points = suggest("Bayesian", SPACE, range(first, first + 4), seed=1, observations=observations)
        observations += [Observation(point, quality(point)) for point in points]
    again = suggest("Bayesian", SPACE, range(9, 13), seed=1, observations=observations[:8])
    assert again == [each.tuned for each in observations[8:]]
    late = [each.value for each in observations[8:] if each.value is not None]
    early = [each.value for each in observations[:4] if each.value is not None]
    assert sum(late) / len(late) > sum(early) / len(early)


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
