"""Learning rate over a run: a short rise, then a long fall to nothing, by steps or by the clock.

A run that is cut off while its rate is still high ends with a bad model. So where there is a time limit the
schedule follows whichever is further along, the steps or the time, and the rate is down when the time is up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch

__all__ = ["one_cycle", "one_cycle_schedule"]

_RISE = 0.15
_START = 1 / 25


def one_cycle(progress: float) -> float:
    """Factor on the peak learning rate at a progress between 0 and 1.

    Rises along a cosine from 1/25 to 1 during the first 15 %, then falls along a cosine to 0.

    References
    ----------
    Smith, Topin (2018), Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates,
    arXiv:1708.07120; cosines instead of lines.

    Examples
    --------
    >>> [round(one_cycle(p), 3) for p in (0.0, 0.15, 1.0, 2.0)]
    [0.04, 1.0, 0.0, 0.0]
    """
    if progress < _RISE:
        return _START + (1 - _START) * (1 - math.cos(math.pi * progress / _RISE)) / 2
    share = min((progress - _RISE) / (1 - _RISE), 1.0)
    return (1 + math.cos(math.pi * share)) / 2


def one_cycle_schedule(
    optimizer: torch.optim.Optimizer,
    *,
    n_steps: int,
    time_limit_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> torch.optim.lr_scheduler.LambdaLR:
    """A scheduler to be stepped after each optimizer step; the optimizer's rate is the peak.

    Parameters
    ----------
    optimizer : Optimizer
    n_steps : int
        Planned steps.
    time_limit_s : float, optional
        Counted from now. Without it the schedule depends on the steps alone, so runs can be repeated.
    clock : callable
        Seconds; a test passes its own.
    """
    started = clock()

    def factor(step: int) -> float:
        progress = step / max(n_steps, 1)
        if time_limit_s is not None:
            progress = max(progress, (clock() - started) / time_limit_s)
        return one_cycle(progress)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
