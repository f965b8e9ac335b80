"""What to do next in a job: ask people for more labels, try to certify the rest, or let people do it all.

The loop of a certified job, on any data:

1. People label a random first batch; a model is trained.
2. :func:`next_step` looks at the model's calibrated confidence on all that is unlabeled. It answers
   ``query`` (people label the objects the model is least sure of, the model learns from them), or
   ``certify``.
3. ``certify``: the model's label of every remaining object is frozen, a random sample of the remainder
   is shown to people in the order of :func:`sample_order`, and
   :func:`labelwright.autolabel.certify.certify_rest` is asked after each batch. Met: the machine labels
   all that was not sampled, the job is done, and the promise holds for *all* machine labels of the job
   together, because there are no others. Not met after `Step.n_most` answers: the answers become
   training data and the loop goes on with the next attempt (a smaller share of alpha).

Nothing is stored here: the same arguments give the same answer, so a job can be resumed from its rows.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.autolabel.certify import attempt_level, expected_sample

__all__ = ["RoundOptions", "Step", "first_batch", "is_hopeless", "next_step", "sample_order"]

# a batch is a quarter of what is labeled: models are trained a number of times that grows with the log
_GROWTH = 0.25
_BATCH_LEAST = 20
# Errors are taken to fall with the square root of the labels, the slowest rate of parametric models.
_LEARN = 0.5
# Calibration rests partly on models that had not yet learned from the last two batches: they erred more.
_STALENESS = 0.85
_LEARN_SPREAD = 0.1  # losses of boxes and masks: most of them is how people draw, which nobody learns
_NEXT_LEVEL = 0.3  # of the level of an attempt that of the next one, see `attempt_level`


@dataclasses.dataclass(frozen=True, slots=True)
class RoundOptions:
    """Choices that stay the same for a whole job.

    Attributes
    ----------
    target_error : float
        Largest mean loss of the machine's labels, in (0, 1).
    confidence : float
        Probability with which the target is kept, in (0, 1).
    batch_most : int
        Most objects sent to people at once (``MaxConcurrentTaskCount``).
    spread : float, optional
        Standard deviation of one object's loss; by default losses are 0 and 1.
    """

    target_error: float = 0.05
    confidence: float = 0.95
    batch_most: int = 1000
    spread: float | None = None


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
        For ``certify``: objects to sample at most before the attempt counts as failed, for callers that
        do not keep `n_batch` and `decline`.
    expected_error : float
        Mean loss that the model expects on the remainder, in [0, 1]. Not a guarantee.
    level : float
        For ``certify``: pass ``confidence=1 - level`` to ``certify_rest``.
    n_batch : int
        What a batch of questions would hold in place of an attempt to certify.
    decline : float
        Expected error of the remainder after such a batch, over that of today.
    spread : float, optional
        As in :class:`RoundOptions`.
    """

    kind: Literal["query", "certify", "humans"]
    n: int
    n_most: int
    expected_error: float
    level: float
    n_batch: int = 0
    decline: float = 1.0
    spread: float | None = None


def first_batch(n_objects: int, n_classes: int) -> int:
    """Random objects that people label before the first model: 1 % of the objects, two per class, at least
    40.

    Examples
    --------
    >>> first_batch(12_000, 10), first_batch(1_797, 10), first_batch(13_071, 77)
    (120, 40, 154)
    """
    return min(n_objects, max(40, 2 * n_classes, n_objects // 100))


def next_step(
    confidences: ArrayLike,
    *,
    n_human: int,
    n_before: int = 0,
    n_attempts: int = 0,
    has_just_failed: bool = False,
    options: RoundOptions,
) -> Step:
    """Decide from what the model thinks of the unlabeled remainder.

    Parameters
    ----------
    confidences : array-like of shape (n_rest,)
        Calibrated probability that the model's label is right (or expected quality), for every unlabeled
        object.
    n_human : int
        Objects people have labeled so far in this job; batches grow with it.
    n_before : int
        Labels of earlier jobs that the model has learned from: the more, the less another batch teaches.
    n_attempts : int
        Certifications that failed so far.
    has_just_failed : bool
        The last step was an attempt to certify that was given up: then a batch of questions comes first,
        which is what giving up was weighed against. The model alone would often be as sure as before.
    options : RoundOptions

    Returns
    -------
    Step

    Notes
    -----
    A certificate for an expected error p costs about n(p) labels
    (:func:`~labelwright.autolabel.certify.expected_sample`). It is tried as soon as one more batch of
    questions would not pay for itself: when n(p) is at most the batch plus n(p') with p' the error to
    expect of what that batch would leave, less what the model learns from it (errors fall with the
    square root of the labels). A try that goes badly is given up early (:func:`is_hopeless`).
    """
    values = np.sort(np.asarray(confidences, np.float64))
    n_rest = len(values)
    target = options.target_error
    level = attempt_level(n_attempts, 1 - options.confidence)
    n_batch = min(options.batch_most, n_rest, max(_BATCH_LEAST, min(int(_GROWTH * n_human), n_rest // 5)))
    expected = float(1 - values.mean()) if n_rest else 0.0
    least = expected_sample(0.0, n_rest, target_error=target, level=level)
    if least >= 0.5 * n_rest:
        return Step("humans", n_rest, 0, expected, level)
    # What a mask or box costs hardly shrinks with a batch, so today's word for it stands.
    spread, staleness = options.spread, (_STALENESS if options.spread is None else 1.0)
    likely = staleness * expected
    now = expected_sample(likely, n_rest, target_error=target, level=level, spread=spread)
    left = values[n_batch:]
    n_learned = max(1, n_human + n_before)
    learned = (n_learned / (n_learned + n_batch)) ** (_LEARN if spread is None else _LEARN_SPREAD)
    later_error = staleness * learned * float(1 - left.mean()) if len(left) else 0.0
    later = n_batch + expected_sample(later_error, len(left), target_error=target, level=level, spread=spread)
    if not has_just_failed and likely < target and now <= later and now < 0.5 * n_rest:
        decline = later_error / max(likely, 1e-9)
        n_most = min(n_rest // 2, 2 * now + n_batch)
        return Step(
            "certify", min(least, n_rest), n_most, expected, level, n_batch, min(1.0, decline), spread
        )
    return Step("query", n_batch, 0, expected, level)


def is_hopeless(n_errors: float, n: int, n_rest: int, step: Step, *, target_error: float) -> bool:
    """Whether an attempt to certify should be given up, because another way is expected to be cheaper.

    Parameters
    ----------
    n_errors : float
        Total loss in the sample so far.
    n, n_rest : int
        Objects sampled so far; objects of the remainder, the sampled ones included.
    step : Step
        That began the attempt.
    target_error : float
        As in :class:`RoundOptions`.

    Notes
    -----
    The error of the remainder is estimated anew; the expected error counts as much as a sample that would
    have held two errors. What is still needed is then compared with a batch of questions and the next attempt
    after it, at its smaller level. What was spent so far does not matter: the answers are kept either way.
    Stopping early never harms the guarantee.
    """
    prior = 2.0
    staleness = _STALENESS if step.spread is None else 1.0
    weight = prior / max(staleness * step.expected_error, target_error / 50)
    likely = (prior + n_errors) / (weight + n)
    needed = expected_sample(
        likely,
        n_rest,
        target_error=target_error,
        level=step.level,
        n=n,
        n_errors=n_errors,
        spread=step.spread,
    )
    if step.n_batch == 0:
        return n + needed > step.n_most
    if n + needed > n_rest // 2:
        return True
    later = expected_sample(
        likely * step.decline,
        n_rest - n - step.n_batch,
        target_error=target_error,
        level=step.level * _NEXT_LEVEL,
        spread=step.spread,
    )
    return needed >= step.n_batch + later


def sample_order(n_rest: int, *, seed: int, i_attempt: int) -> NDArray[np.intp]:
    """Order (n_rest,) in which the remainder is sampled in attempt `i_attempt`; positions in the
    remainder's order by id.
    """
    return np.random.default_rng([seed, 7, i_attempt]).permutation(n_rest)
