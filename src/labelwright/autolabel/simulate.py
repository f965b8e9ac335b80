"""A whole job on arrays with hidden labels: what would it cost, and is the promise kept?"""

from __future__ import annotations

import dataclasses
from typing import Any

from numpy.typing import ArrayLike

from labelwright.autolabel.learners import Learner
from labelwright.autolabel.rounds import RoundOptions

__all__ = ["SimulationResult", "simulate"]


@dataclasses.dataclass(frozen=True, slots=True)
class SimulationResult:
    """Outcome of one simulated job.

    Attributes
    ----------
    n, n_human, n_machine : int
        Objects; labeled by people; labeled by the machine.
    coverage : float
        ``n_machine / n``: the share of human work saved.
    machine_error : float
        Share of wrong machine labels, 0 where there are none.
    accuracy : float
        Share of right labels among all objects (people are right).
    learner : Learner
        Last model.
    """

    n: int
    n_human: int
    n_machine: int
    coverage: float
    machine_error: float
    accuracy: float
    learner: Learner


def simulate(
    x: Any, y: ArrayLike, *, seed: int, options: RoundOptions | None = None, start: Learner | None = None
) -> SimulationResult:
    """Run the loop of :mod:`labelwright.autolabel.rounds` on raw features (n, d) and true labels (n,)."""
    raise NotImplementedError
