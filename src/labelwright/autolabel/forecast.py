"""What a job will come to, said while there is still money to save."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Forecast", "forecast", "machine_share_now"]

_ROUNDS = 4  # the slope is taken over so many
_POOR = 0.1
_IN_A_ROW = 3  # one odd model is no reason to give a job up
_HUMAN_LEAST = 0.04  # before that share is labeled nothing is said


@dataclasses.dataclass(frozen=True, slots=True)
class Forecast:
    """An expectation from the learning curve, not a promise.

    Attributes
    ----------
    coverage : float
        Share of all objects that the machine may label in the end, in [0, 1].
    is_poor : bool
        The machine will label little, and enough is known to say so.
    advice : str
        One or two sentences for the requester; empty unless `is_poor`.
    """

    coverage: float
    is_poor: bool
    advice: str


def machine_share_now(confidences: ArrayLike, n_objects: int, *, target_error: float) -> float:
    """Share of all objects that today's model would label at the target, by its own calibrated confidence.

    Parameters
    ----------
    confidences : array-like of shape (n_rest,)
        Of the unlabeled objects.
    n_objects : int
        All objects of the job.
    target_error : float

    Examples
    --------
    >>> machine_share_now([0.99, 0.97, 0.5, 0.4], 10, target_error=0.05)
    0.2
    """
    falling = np.sort(np.asarray(confidences, np.float64))[::-1]
    means = np.cumsum(falling) / np.arange(1, len(falling) + 1)
    reached = np.flatnonzero(means >= 1 - target_error)
    return float(reached[-1] + 1) / n_objects if len(reached) else 0.0


def forecast(n_human: Sequence[int], machine_share: Sequence[float], *, n_objects: int) -> Forecast:
    """Where the learning curve meets the labels it costs.

    Parameters
    ----------
    n_human : sequence of int
        Labels bought before each model, increasing.
    machine_share : sequence of float
        :func:`machine_share_now` of each model.
    n_objects : int
        All objects of the job.

    Returns
    -------
    Forecast

    Notes
    -----
    The share a model could label grows about linearly in the logarithm of its labels, while the share
    left to label falls. The job ends near the crossing of the two: the h with
    ``share + slope * log(h / n_human) = 1 - h / n_objects``. The slope is that of the last four models
    by least squares, not below zero. Poor is what three forecasts in a row find poor.

    Examples
    --------
    >>> forecast([100, 200, 300, 400], [0.0, 0.01, 0.0, 0.01], n_objects=5000).is_poor
    True
    >>> forecast([100, 200, 400], [0.3, 0.6, 0.8], n_objects=5000).is_poor
    False
    """
    if not n_human:
        return Forecast(0.0, False, "")
    coverage = _crossing(n_human, machine_share, n_objects)
    is_poor = (
        len(n_human) > _IN_A_ROW
        and n_human[-1] >= _HUMAN_LEAST * n_objects
        and all(
            _crossing(n_human[:end], machine_share[:end], n_objects) < _POOR
            for end in range(len(n_human) - _IN_A_ROW + 1, len(n_human) + 1)
        )
    )
    advice = (
        f"After {int(n_human[-1]):,} human labels the model is expected to label about {coverage:.0%} of the "
        "objects at this target in the end. Most labels have to come from people: consider clearer classes, "
        "features that fit the data (a pretrained backbone), a larger error target, or a job without "
        "automated labeling."
        if is_poor
        else ""
    )
    return Forecast(coverage, is_poor, advice)


def _crossing(n_human: Sequence[int], machine_share: Sequence[float], n_objects: int) -> float:
    """Share of the objects labeled by the machine where the two curves meet."""
    h = np.asarray(n_human[-_ROUNDS:], np.float64)
    share = np.asarray(machine_share[-_ROUNDS:], np.float64)
    logs = np.log(np.maximum(h, 1))
    spread = float(((logs - logs.mean()) ** 2).sum())
    slope = max(0.0, float(((logs - logs.mean()) * share).sum()) / spread) if spread > 0 else 0.0
    low, high = float(h[-1]), float(n_objects)
    level = float(share.mean()) - slope * float(
        logs.mean()
    )  # on the fitted line, so that one odd model matters less
    for _ in range(50):
        middle = (low + high) / 2
        if level + slope * math.log(middle) < 1 - middle / n_objects:
            low = middle
        else:
            high = middle
    return 1 - high / n_objects
