"""A tuning job's request as a plan, with what the built-in algorithms say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelwright import algorithms
from labelwright.core.tuning_ranges import n_combinations
from labelwright.core.tuning_rules import AlgorithmFacts, Plan, parse_plan

__all__ = ["facts_of", "place_of", "plan_of"]


def plan_of(request: Mapping[str, Any]) -> Plan:
    """Check and read a request.

    Raises
    ------
    InvalidRequest
    """
    return parse_plan(request, facts_of)


def facts_of(image: str) -> AlgorithmFacts | None:
    """What tuning must know of the built-in algorithm behind an image; None for somebody's own image."""
    name = algorithms.algorithm_of(image)
    if name is None:
        return None
    algorithm = algorithms.get(name)
    return AlgorithmFacts(
        name=name,
        objectives=algorithm.objectives,
        tunable=frozenset(each.name for each in algorithm.hyperparameters if each.tunable),
        can_checkpoint=algorithm.can_checkpoint,
    )


def place_of(plan: Plan, number: int) -> tuple[int, int]:
    """Which definition the n-th training job is of, and its number among those, both as they are counted.

    Definitions take turns; a grid finishes one before it begins the next.

    Returns
    -------
    tuple of int
        Index of the definition from 0, number from 1.
    """
    n = len(plan.definitions)
    if plan.strategy != "Grid":
        return (number - 1) % n, (number - 1) // n + 1
    for index, definition in enumerate(plan.definitions):
        size = n_combinations(definition.space)
        if number <= size:
            return index, number
        number -= size
    raise ValueError(f"the grid ends {number} before this")
