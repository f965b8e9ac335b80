"""The next points of a search: pure functions of the seed, the numbers of the trials and what was observed.

A trial's random numbers come from the seed and its own number, so the same seed gives the same trials
whatever ran side by side. Bayesian search depends on what was known when it was asked, too.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from labelwright.core.tuning_ranges import Categorical, Space, from_unit, to_unit
from labelwright.errors import LabelwrightError

__all__ = ["Observation", "SearchFailed", "grid_point", "random_point", "suggest"]

_CHILD = "labelwright.tuning.ask"
_TIMEOUT_S = 300.0
_DRAWS_MAX = 100
_STARTUP_MIN = 3

Tuned = dict[str, str]


class SearchFailed(LabelwrightError):
    """The child process did not answer."""


@dataclasses.dataclass(frozen=True, slots=True)
class Observation:
    """One trial that a search knows of.

    Attributes
    ----------
    tuned : Mapping of str to str
        Values as texts.
    value : float or None
        None while it runs; larger is better unless the search minimises.
    """

    tuned: Mapping[str, str]
    value: float | None = None


def suggest(
    strategy: str,
    space: Space,
    numbers: Sequence[int],
    *,
    seed: int,
    observations: Sequence[Observation] = (),
    earlier: Sequence[Observation] = (),
    is_maximised: bool = True,
    n_parallel: int = 1,
) -> list[Tuned]:
    """Hyperparameters for the trials with these numbers.

    Parameters
    ----------
    strategy : str
        ``Bayesian``, ``Random``, ``Hyperband`` or ``Grid``.
    space : Space
    numbers : sequence of int
        From 1, without gaps.
    seed : int
    observations : sequence of Observation
        Trials of this search, those that run included.
    earlier : sequence of Observation
        Of the parents of a warm start, their values on the scale of this search.
    is_maximised : bool
    n_parallel : int
        How many trials may run side by side.

    Returns
    -------
    list of dict
        One for each number: name to text.

    Raises
    ------
    SearchFailed
        When the child process failed or took too long.
    """
    match strategy:
        case "Grid":
            return [grid_point(space, number - 1) for number in numbers]
        case "Bayesian":
            n_startup = max(_STARTUP_MIN, n_parallel)
            n_known = sum(each.value is not None for each in (*observations, *earlier))
            if n_known < n_startup and not earlier:
                return [random_point(space, seed, number) for number in numbers]
            known = [*earlier, *observations]
            return _ask(space, numbers, seed=seed, known=known, is_maximised=is_maximised)
        case _:
            tried = {_key(space, each.tuned) for each in earlier}
            return [_untried_point(space, seed, number, tried) for number in numbers]


def grid_point(space: Space, index: int) -> Tuned:
    """The point of a grid over categories; the last hyperparameter varies fastest.

    Examples
    --------
    >>> grid = (Categorical("a", ("1", "2")), Categorical("b", ("x", "y", "z")))
    >>> grid_point(grid, 4)
    {'a': '2', 'b': 'y'}
    """
    chosen: Tuned = {}
    for each in reversed(space):
        if not isinstance(each, Categorical):
            raise TypeError(f"{each.name} is not categorical")
        index, i = divmod(index, len(each.values))
        chosen[each.name] = each.values[i]
    return dict(reversed(chosen.items()))


def random_point(space: Space, seed: int, number: int, draw: int = 0) -> Tuned:
    """Independent draws, uniform on the scaled ranges."""
    # A text seeds by its hash, which is the same in every process (SHA-512, not Python's `hash`).
    chance = random.Random(f"{seed}/{number}/{draw}")  # noqa: S311 - not for secrets
    return {
        each.name: chance.choice(each.values)
        if isinstance(each, Categorical)
        else from_unit(each, chance.random())
        for each in space
    }


def _untried_point(space: Space, seed: int, number: int, tried: set[tuple[str, ...]]) -> Tuned:
    """A random point that no parent has tried; after many draws any."""
    for draw in range(_DRAWS_MAX):
        point = random_point(space, seed, number, draw)
        if _key(space, point) not in tried:
            return point
    return random_point(space, seed, number)


def _key(space: Space, tuned: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(tuned.get(each.name, "") for each in space)


def _ask(
    space: Space,
    numbers: Sequence[int],
    *,
    seed: int,
    known: Sequence[Observation],
    is_maximised: bool,
) -> list[Tuned]:
    question: dict[str, Any] = {
        "seed": seed,
        "numbers": list(numbers),
        "is_maximised": is_maximised,
        "space": [
            {"name": each.name, "n_values": len(each.values)}
            if isinstance(each, Categorical)
            else {"name": each.name}
            for each in space
        ],
        "trials": [
            {"point": point, "value": each.value}
            for each in known
            if None not in (point := [to_unit(range_, each.tuned.get(range_.name, "")) for range_ in space])
        ],
    }
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", _CHILD],
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=_TIMEOUT_S,
            env=environment,
            check=True,
        )
        points: list[list[float]] = json.loads(done.stdout)["points"]
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise SearchFailed(
            f"The search for hyperparameters ended with code {error.returncode}: {said[-1] if said else ''}"
        ) from error
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise SearchFailed(f"The search for hyperparameters did not answer: {error}") from error
    return [
        {
            each.name: each.values[int(u)] if isinstance(each, Categorical) else from_unit(each, float(u))
            for each, u in zip(space, point, strict=True)
        }
        for point in points
    ]
