"""What to do next in a job: ask people for more labels, try to certify the rest, or let people do it all.

The loop of a certified job, on any data:

1. People label a random first batch; a model is trained.
2. :func:`next_step` looks at the model's calibrated confidence on all that is unlabeled. It answers
   ``query`` (people label the objects the model is least sure of, the model learns from them), or
   ``certify``.
3. ``certify``: the model's labels of the remainder, or of its most confident part, are frozen, a random
   sample of them is shown to people in the order of :func:`sample_order`, and
   :func:`labelwright.autolabel.certify.certify_rest` is asked after each batch. Met: the machine labels
   all of the part that was not sampled; with what is left the loop goes on. Not met when the attempt is
   given up: the answers become training data and the loop goes on. Either way the next attempt has a
   smaller share of alpha.

Why the promise holds for all machine labels of a job together: attempt i freezes its part and the labels
before any of these is shown to people for it, so it certifies a part that misses the target with probability
at most level i. The levels sum to alpha (:func:`labelwright.autolabel.certify.attempt_level`), so with
probability 1 - alpha every part that was certified keeps the target, hence their union does. Which part is
frozen, and when, may depend on everything known before.

Nothing is stored here: the same arguments give the same answer, so a job can be resumed from its rows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.autolabel.certify import attempt_level, errors_allowed, expected_sample
from labelwright.autolabel.queries import random_count

__all__ = ["RoundOptions", "Step", "first_batch", "is_hopeless", "next_step", "sample_order", "surest"]

# a batch is a quarter of what is labeled: models are trained a number of times that grows with the log
_GROWTH = 0.25
_BATCH_LEAST = 20
# Errors are taken to fall with the square root of the labels, the slowest rate of parametric models.
_LEARN = 0.5
# Expected errors are too high: calibration rests partly on models that had not yet learned from the last
# batches, and what few random objects cannot exclude counts as expected.
_STALENESS = 0.75
_PRIOR_ERRORS = 2.0  # in a sample weigh as much as what was expected before
_N_SIZES = 25  # of the part that are weighed
_N_CHECKED = 20  # objects whose quality a model of boxes or masks was checked on, about
_LEARN_SPREAD = 0.1  # losses of boxes and masks: most of them is how people draw, which nobody learns
_RESERVE = 1.25  # of an expected sample, where labels are limited: short of it all of them are lost
# The error may be this multiple of what is expected, all of them equally likely.
_SURPRISES = (0.5, 0.8, 1.0, 1.2, 1.5)
_NEXT_LEVEL = 0.15  # of the level of an attempt that of the next one, see `attempt_level`


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
    n_part : int
        For ``certify``: the so many objects of which the model is surest are frozen and sampled; the others
        stay where they are.
    n_most : int
        For ``certify``: objects to sample at most before the attempt counts as failed, for callers that
        do not keep `ways`.
    expected_error : float
        Mean loss that the model expects on the remainder, or on the part, in [0, 1]. Not a guarantee.
    level : float
        For ``certify``: pass ``confidence=1 - level`` to ``certify_rest``.
    ways : tuple of (int, float)
        For ``certify``: what may be done instead. So many objects of the part go to people, and the error
        of the others is then expected to be this multiple of what it is now.
    spread : float, optional
        As in :class:`RoundOptions`.
    """

    kind: Literal["query", "certify", "humans"]
    n: int
    n_most: int
    expected_error: float
    level: float
    ways: tuple[tuple[int, float], ...] = ()
    spread: float | None = None
    n_part: int = 0


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
    has_certified: bool = False,
    n_allowed: int | None = None,
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
        Attempts to certify so far, those that succeeded included.
    has_just_failed : bool
        The last step was an attempt to certify that was given up: then a batch of questions comes first,
        which is what giving up was weighed against. The model alone would often be as sure as before.
    has_certified : bool
        A part was certified before, so that what is left is what the model is bad at: it goes to people in
        the largest batches, as learning between small ones would hardly pay.
    n_allowed : int, optional
        How many more objects people may label, where a stopping condition or a budget says so.
    options : RoundOptions

    Returns
    -------
    Step

    Notes
    -----
    To certify the s objects of which the model is surest, with an expected error p, takes about n(p, s)
    labels (:func:`~labelwright.autolabel.certify.expected_sample`) and gives s - n(p, s) labels of the
    machine: the best part is the one that gives most. It is certified as soon as another batch of questions
    would not give more: of the objects outside the part a batch costs nothing, as people label them in any
    case; of those inside it takes some away, and the model learns from all of them (errors fall with the
    square root of the labels). A try that goes badly is given up early (:func:`is_hopeless`).
    With `n_allowed`, a part counts by the chance that its sample can still be bought, after the batch as well
    as now: so the attempt comes while there are labels for it, if for a smaller part.
    """
    falling = 1 - np.sort(1 - np.asarray(confidences, np.float64))
    n_rest = len(falling)
    level = attempt_level(n_attempts, 1 - options.confidence)
    n_batch = min(options.batch_most, n_rest)
    if not has_certified:
        n_batch = min(n_batch, max(_BATCH_LEAST, min(int(_GROWTH * n_human), n_rest // 5)))
    expected = float(1 - falling.mean()) if n_rest else 0.0
    least = expected_sample(0.0, n_rest, target_error=options.target_error, level=level)
    if 2 * least >= n_rest:
        return Step("humans", n_rest, 0, expected, level)
    # What a mask or box costs hardly shrinks with a batch, so today's word for it stands.
    # A model of an earlier job is judged as it is: it was calibrated before, and on objects like these.
    staleness = _STALENESS if options.spread is None and n_human else 1.0
    errors = staleness * np.cumsum(1 - falling) / np.arange(1, n_rest + 1)  # of the surest s, at s - 1
    sizes = np.unique(np.linspace(2 * least, n_rest, _N_SIZES).astype(int))
    gain, size = _best_part(errors, sizes, level, options, n_allowed)
    n_outside = n_rest - size
    n_asked = min(n_batch, n_outside) if n_outside >= _BATCH_LEAST else n_batch
    n_learned = max(1, n_human + n_before)
    rate = _LEARN if options.spread is None else _LEARN_SPREAD
    learned = (n_learned / (n_learned + n_asked)) ** rate
    later_gain, later_size, n_left = 0.0, 0, n_rest - n_asked
    if n_left:
        later_sizes = np.append(sizes[sizes < n_left], n_left)
        allowed_later = None if n_allowed is None else n_allowed - n_asked
        later_gain, later_size = _best_part(learned * errors, later_sizes, level, options, allowed_later)
        # Some of a batch are drawn at random, from the part as well.
        later_gain -= random_count(n_asked) * later_size / n_left
    # A model that has seen fewer labels than the least certificate takes cannot know that it is good enough.
    is_untried = options.spread is None and n_learned < least
    is_last_chance = n_allowed is not None and later_gain <= 0
    if (is_last_chance or not (has_just_failed or is_untried)) and gain > 0 and gain >= later_gain:
        error = float(errors[size - 1])
        now = expected_sample(
            error, size, target_error=options.target_error, level=level, spread=options.spread
        )
        return Step(
            "certify",
            expected_sample(0.0, size, target_error=options.target_error, level=level),
            min(size // 2, 2 * now + n_batch),
            error / staleness,
            level,
            tuple(_ways(errors, size, n_batch, n_learned, rate)),
            options.spread,
            size,
        )
    return Step("query", n_batch, 0, expected, level)


def _ways(
    errors: NDArray[np.float64], size: int, n_batch: int, n_learned: int, rate: float
) -> Iterator[tuple[int, float]]:
    """One batch of questions, two, four and so on, in place of an attempt to certify: see `Step.ways`."""
    n_asked, n_rest = n_batch, len(errors)
    while True:
        kept = min(size, n_rest - n_asked)
        if kept < size // 5:
            break
        learned = (n_learned / (n_learned + n_asked)) ** rate
        factor = learned * float(errors[kept - 1]) / max(float(errors[size - 1]), 1e-9)
        yield max(1, size - kept), min(1.0, factor)
        n_asked *= 2


def _best_part(
    errors: NDArray[np.float64],
    sizes: NDArray[np.int64],
    level: float,
    options: RoundOptions,
    n_allowed: int | None,
) -> tuple[float, int]:
    """What the machine is expected to label of the best part of one of these sizes, and that size."""
    return max(
        (_gain(float(errors[size - 1]), size, level, options, n_allowed), size) for size in sizes.tolist()
    )


def _gain(error: float, size: int, level: float, options: RoundOptions, n_allowed: int | None) -> float:
    """Objects of a part that the machine labels, none where the sample would take half of it; times the
    chance that `n_allowed` labels are enough.
    """
    if options.spread is not None:  # one standard error of what is known of a model of boxes or masks
        error += options.spread / math.sqrt(_N_CHECKED)
    sample = expected_sample(
        error, size, target_error=options.target_error, level=level, spread=options.spread
    )
    if 2 * sample > size:
        return 0.0
    gain = float(size - sample)
    if options.spread is None:
        n = min(size // 2, size if n_allowed is None else n_allowed)
        most = errors_allowed(
            n,
            size,
            target_error=options.target_error,
            level=level,
            expected_error=error / _STALENESS,
        )
        if most < 0:
            return 0.0
        return gain if n_allowed is None else gain * _chance(most, n, error)
    if n_allowed is None:
        return gain
    return gain if _RESERVE * sample <= n_allowed else 0.0


def _chance(most: int, n: int, error: float) -> float:
    """That `n` objects hold at most so many errors, if `error` is about right."""
    from scipy.special import bdtr

    return float(np.mean(bdtr(most, n, np.minimum(1.0, np.array(_SURPRISES) * error))))


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
    have held two errors. What is still needed is then compared with some batches of questions and the next
    attempt after them, at its smaller level. What was spent so far does not matter: the answers are kept
    either way.
    Stopping early never harms the guarantee.
    """
    staleness = _STALENESS if step.spread is None else 1.0
    weight = _PRIOR_ERRORS / max(staleness * step.expected_error, target_error / 50)
    likely = (_PRIOR_ERRORS + n_errors) / (weight + n)
    needed = expected_sample(
        likely,
        n_rest,
        target_error=target_error,
        level=step.level,
        n=n,
        n_errors=n_errors,
        spread=step.spread,
    )
    if not step.ways:
        return n + needed > step.n_most
    if n + needed > n_rest // 2:
        return True
    later = min(
        n_taken
        + expected_sample(
            likely * factor,
            n_rest - n - n_taken,
            target_error=target_error,
            level=step.level * _NEXT_LEVEL,
            spread=step.spread,
        )
        for n_taken, factor in step.ways
    )
    return needed >= later


def surest(confidences: ArrayLike, certainties: ArrayLike, n: int) -> NDArray[np.intp]:
    """Positions of the `n` objects of which the model is surest, in their own order.

    Parameters
    ----------
    confidences : array-like of shape (n_rest,)
        As given to :func:`next_step`.
    certainties : array-like of shape (n_rest,)
        Decide among equal confidences; further ties go to the earlier object.
    n : int
        ``Step.n_part``.

    Examples
    --------
    >>> surest([0.9, 0.5, 0.9, 0.9], [1, 1, 3, 2], 2).tolist()
    [2, 3]
    """
    order = np.lexsort((-np.asarray(certainties, np.float64), -np.asarray(confidences, np.float64)))
    return np.sort(order[:n])


def sample_order(n_rest: int, *, seed: int, i_attempt: int) -> NDArray[np.intp]:
    """Order (n_rest,) in which the remainder is sampled in attempt `i_attempt`; positions in the
    remainder's or the part's order by id.
    """
    return np.random.default_rng([seed, 7, i_attempt]).permutation(n_rest)
