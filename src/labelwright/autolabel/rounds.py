"""What to do next in a job: ask people for more labels, try to certify the rest, or let people do it all.

The loop of a certified job, on any data:

1. People label a random first batch; a model is trained.
2. :func:`next_step` looks at the model's calibrated confidence on all that is unlabeled. It answers ``query`` (people label
   the objects the model is least sure of, the model learns from them), or ``certify``.
3. ``certify``: the model's label of every remaining object is frozen, a random sample of the remainder is shown
   to people in the order of :func:`sample_order`, and :func:`labelwright.autolabel.certify.certify_rest` is asked
   after each batch. Met: the machine labels all that was not sampled, the job is done, and the promise
   holds for *all* machine labels of the job together, because there are no others. Not met after `Step.n_most`
   answers: the answers become training data and the loop goes on with the next attempt (a smaller share of alpha).

Nothing is stored here: the same arguments give the same answer, so a job can be resumed from its rows.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["RoundOptions", "Step", "next_step", "sample_order"]


@dataclasses.dataclass(frozen=True, slots=True)
class RoundOptions:
    """Choices that stay the same for a whole job.

    Attributes
    ----------
    target_error : float
        Largest mean loss of the machine's labels, in (0, 1).
    confidence : float
        Probability with which the target is kept, in (0, 1).
    n_first : int
        Random objects people label before the first model.
    batch_most : int
        Most objects sent to people at once (``MaxConcurrentTaskCount``).
    """

    target_error: float = 0.05
    confidence: float = 0.95
    n_first: int = 100
    batch_most: int = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What to do next.

    Attributes
    ----------
    kind : str
        ``query``: let people label the `n` objects that :func:`labelwright.autolabel.choose_queries` picks;
        ``certify``: let people label the first `n` of :func:`sample_order`, then decide;
        ``humans``: too few objects are left for the machine to pay; people label all of them.
    n : int
        Objects to send now.
    n_most : int
        For ``certify``: objects to sample at most in this attempt before it counts as failed.
    expected_error : float
        Mean loss that the model expects on the remainder, in [0, 1]. Not a guarantee.
    level : float
        For ``certify``: pass ``confidence=1 - level`` to ``certify_rest``.
    """

    kind: Literal["query", "certify", "humans"]
    n: int
    n_most: int
    expected_error: float
    level: float


def next_step(
    confidences: ArrayLike,
    *,
    n_human: int,
    n_attempts: int = 0,
    options: RoundOptions,
) -> Step:
    """Decide from what the model thinks of the unlabeled remainder.

    Parameters
    ----------
    confidences : array-like of shape (n_rest,)
        Calibrated probability that the model's label is right (or expected quality), for every unlabeled object.
    n_human : int
        Objects people have labeled so far.
    n_attempts : int
        Certifications that failed so far.
    options : RoundOptions

    Returns
    -------
    Step
    """
    raise NotImplementedError


def sample_order(n_rest: int, *, seed: int, i_attempt: int) -> NDArray[np.intp]:
    """Order (n_rest,) in which the remainder is sampled in attempt `i_attempt`; positions in the remainder's order by id."""
    return np.random.default_rng([seed, 7, i_attempt]).permutation(n_rest)
