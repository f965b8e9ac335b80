"""Certifying a whole remainder at once: how many errors can be left among the objects not yet looked at?

When a model has labeled all that is left, a random sample of the rest is shown to people, in random order and
without replacement. After each answer the number of errors in the part *not* seen is bounded, and the bounds
hold for all moments together. So one may look after every batch, stop as soon as the target is met, and
keep the promise; errors found on the way are corrected and no longer count.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import InvalidRequest

__all__ = ["Certificate", "attempt_level", "certify_rest", "expected_sample", "joined", "next_look"]


_FIRST_SHARE = 0.85  # of alpha for the first try
_PSEUDO_DRAWS = 5.0
_STAKE_MOST = 0.9  # of the stake with which a single draw could ruin
_LEARNING = 1.15  # stakes are a little off as long as mean and variance are being learned


@dataclasses.dataclass(frozen=True, slots=True)
class Certificate:
    """What a sample says about the objects of the remainder that were not sampled.

    Attributes
    ----------
    is_met : bool
        The mean loss of the unseen objects is at most the target, with the stated confidence.
    n_sampled, n_rest : int
        Objects looked at, and objects not looked at (those a machine label stands for).
    error_estimate : float
        Mean loss in the sample; NaN for an empty one.
    error_upper : float
        Upper bound on the mean loss of the unseen objects.
    confidence : float
        Of the bound, in (0, 1): one minus the level of this attempt.
    """

    is_met: bool
    n_sampled: int
    n_rest: int
    error_estimate: float
    error_upper: float
    confidence: float


def attempt_level(i_attempt: int, alpha: float) -> float:
    """Level of the `i_attempt`-th try (from 0) to certify, so that all tries together spend less than
    `alpha`.

    Each try is about another part, labeled by another model; the levels ``alpha * 0.85 * 0.15**i`` sum to
    `alpha`, so the chance that *any* try certifies wrongly stays below it. Most jobs need one try.

    Examples
    --------
    >>> round(attempt_level(0, 0.05), 4), round(attempt_level(1, 0.05), 5)
    (0.0425, 0.00638)
    """
    return alpha * _FIRST_SHARE * (1 - _FIRST_SHARE) ** i_attempt


def joined(certificates: Sequence[Certificate]) -> Certificate:
    """What certificates of parts without a common object say of all these parts together.

    Parameters
    ----------
    certificates : sequence of Certificate
        At least one; each met.

    Returns
    -------
    Certificate
        Its bound is the mean of the bounds, weighted with the objects not sampled: where each holds, so
        does it. They all hold with the confidence that is left when each takes what it may miss.
    """
    rest = np.array([found.n_rest for found in certificates], np.float64)
    weights = rest / rest.sum() if rest.sum() else np.full(len(rest), 1 / len(rest))
    return Certificate(
        all(found.is_met for found in certificates),
        sum(found.n_sampled for found in certificates),
        int(rest.sum()),
        float(weights @ [found.error_estimate for found in certificates]),
        float(weights @ [found.error_upper for found in certificates]),
        1 - sum(1 - found.confidence for found in certificates),
    )


def certify_rest(
    losses: ArrayLike,
    n_population: int,
    *,
    target_error: float,
    confidence: float = 0.95,
    expected_error: float | None = None,
    spread: float | None = None,
) -> Certificate:
    """Bound the error of the objects that were not sampled.

    Parameters
    ----------
    losses : array-like of shape (n_sampled,)
        1 - quality of the sampled objects in the order in which they were drawn, each in [0, 1]. The
        order must be a uniformly random one, fixed before anything was seen.
    n_population : int
        Objects in the remainder, the sampled ones included.
    target_error : float
        Largest mean loss of the unseen objects, in (0, 1).
    confidence : float
        In (0, 1); ``1 - attempt_level(i, alpha)`` in a job that may try again.
    expected_error : float, optional
        What the model expects (before sampling). Only sharpens the bound; a wrong value costs labels,
        never the guarantee. Default: a quarter of the target.
    spread : float, optional
        Standard deviation of one loss that one expects, for losses other than 0 and 1. Likewise.

    Returns
    -------
    Certificate

    Notes
    -----
    Losses 0 and 1. The number E of errors in the population has the prior beta-binomial(a, b) with mean
    `expected_error`; the ratio of prior to posterior probability of the true E is a martingale with mean
    one, whatever the truth, so by Ville's inequality ``{E : prior(E) / posterior(E) < 1 / level}`` holds
    the truth at all times together. The largest E in it, less the errors seen, bounds the unseen errors.

    Other losses. Capital of a gambler against "the total loss is L", with the conditional mean of the
    next draw without replacement, ``(L - sum so far) / (N - t)``; the L whose gambler reached ``1 /
    level`` are refuted. Stakes are those of the most growth against a remainder that just misses the target,
    with mean and variance from the draws before and five pseudo-draws of what was expected; they are the
    same for every L as far as that is allowed, so what refutes an L refutes all greater ones.

    References
    ----------
    I. Waudby-Smith, A. Ramdas, "Confidence sequences for sampling without replacement", NeurIPS 2020,
    arXiv:2006.04347, section 2 (prior-posterior ratio). Same, "Estimating means of bounded random
    variables by betting", JRSS B 86, 2024, doi:10.1093/jrsssb/qkad009, section 5.

    Examples
    --------
    >>> certify_rest([0] * 80, 1000, target_error=0.05).is_met
    True
    >>> certify_rest([0] * 40, 1000, target_error=0.05).is_met
    False
    """
    seen = np.asarray(losses, np.float64)
    n = len(seen)
    if seen.ndim != 1 or n > n_population or not np.all((seen >= 0) & (seen <= 1)):
        raise InvalidRequest(
            f"losses must be one row of at most {n_population} numbers in [0, 1]; got shape {seen.shape}.",
            field="losses",
            rule="0 <= loss <= 1, no more than the population",
        )
    rest = n_population - n
    estimate = float(seen.mean()) if n else math.nan
    if rest == 0:
        return Certificate(True, n, 0, estimate, 0.0, confidence)
    expected = _sensible(target_error / 4 if expected_error is None else expected_error, target_error)
    if bool(np.all((seen == 0) | (seen == 1))):
        upper = _errors_upper(round(float(seen.sum())), n, n_population, 1 - confidence, expected) / rest
    else:
        prior = (target_error / 2 if expected_error is None else expected_error), spread
        upper = _loss_upper(seen, n_population, 1 - confidence, target_error, *prior) / rest
    upper = min(1.0, upper)
    return Certificate(upper <= target_error, n, rest, estimate, upper, confidence)


def _errors_upper(n_errors: int, n: int, population: int, level: float, expected: float) -> int:
    """Most errors among the unseen that the prior-posterior ratio does not refute."""
    a = 2.0  # a prior worth two errors: narrow enough to help, wide enough to be wrong by a factor of two
    b = a * (1 - expected) / expected
    most = population - n
    # log prior(E) - log posterior(E) = log P_prior(data) - log P(data | E); any order of draws is as good.
    log_marginal = _log_beta(a + n_errors, b + n - n_errors) - _log_beta(a, b)

    def is_kept(unseen: int) -> bool:
        log_likelihood = _log_choose(most, unseen) - _log_choose(population, unseen + n_errors)
        return log_marginal - log_likelihood < -math.log(level)

    # The likelihood rises up to its mode and falls after it, so what is kept is an interval around the mode.
    low = min(most, (population + 1) * n_errors // n - n_errors) if n else most
    if not is_kept(low):
        return most  # The sample is unlucky beyond the level; then nothing is promised.
    high = most + 1
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if is_kept(middle) else (low, middle)
    return low


def _log_choose(top: int, bottom: int) -> float:
    return math.lgamma(top + 1) - math.lgamma(bottom + 1) - math.lgamma(top - bottom + 1)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _loss_upper(
    losses: NDArray[np.float64],
    population: int,
    level: float,
    target: float,
    expected: float,
    spread: float | None,
) -> float:
    """Most loss among the unseen that betting without replacement does not refute."""
    n = len(losses)
    sums = np.concatenate([[0.0], np.cumsum(losses)[:-1]])
    squares = np.concatenate([[0.0], np.cumsum((losses - expected) ** 2)[:-1]])
    weights = _PSEUDO_DRAWS + np.arange(n)
    mean = (_PSEUDO_DRAWS * expected + sums) / weights
    variance = expected * (1 - expected) if spread is None else spread**2
    gap = np.maximum(target - mean, 0.0)
    wanted = gap / ((_PSEUDO_DRAWS * variance + squares) / weights + gap**2 + 1e-12)

    def is_refuted(unseen: float) -> bool:
        # the mean of the next draw, if `unseen` is what is left in the end
        means = (unseen + losses.sum() - sums) / (population - np.arange(n))
        stakes = np.minimum(wanted, _STAKE_MOST / np.maximum(1 - means, 1e-12))
        capital = np.cumsum(np.log1p(-stakes * (losses - means)))
        return bool(capital.max() >= -math.log(level))

    low, high = 0.0, float(population - n)
    for _ in range(30 if n else 0):
        middle = (low + high) / 2
        if is_refuted(middle):
            high = middle
        else:
            low = middle
    return high


def next_look(
    losses: ArrayLike,
    n_population: int,
    *,
    target_error: float,
    confidence: float,
    expected_error: float | None = None,
    spread: float | None = None,
) -> int:
    """Fewest further objects after which the remainder could be certified, if no more errors were found.

    Parameters
    ----------
    losses, n_population, target_error, confidence, expected_error
        As for :func:`certify_rest`.
    spread : float, optional
        With it, further losses are taken to be `expected_error` less one spread, not 0.

    Returns
    -------
    int
        0 when it is certified already.

    Examples
    --------
    >>> next_look([], 1000, target_error=0.05, confidence=0.95)
    76
    """
    seen = np.asarray(losses, np.float64)
    lucky = 0.0 if spread is None or expected_error is None else max(0.0, expected_error - spread)

    def is_met(more: int) -> bool:
        return certify_rest(
            np.concatenate([seen, np.full(more, lucky)]),
            n_population,
            target_error=target_error,
            confidence=confidence,
            expected_error=expected_error,
            spread=spread,
        ).is_met

    low, high = 0, 1
    if is_met(0):
        return 0
    while len(seen) + high < n_population and not is_met(high):
        low, high = high, 2 * high
    high = min(high, n_population - len(seen))
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_met(middle) else (middle, high)
    return high


def errors_allowed(
    n: int, n_population: int, *, target_error: float, level: float, expected_error: float
) -> int:
    """Most errors among `n` sampled objects with which the remainder is certified, for losses 0 and 1.

    Parameters
    ----------
    n, n_population : int
        Sampled objects; objects of the remainder, the sampled ones included.
    target_error, level, expected_error : float
        As for :func:`certify_rest` (level = 1 - confidence).

    Returns
    -------
    int
        -1 where not even a sample without an error is enough.

    Examples
    --------
    >>> [errors_allowed(n, 1000, target_error=0.05, level=0.05, expected_error=0.01) for n in (60, 80, 150)]
    [-1, 0, 1]
    """
    expected = _sensible(expected_error, target_error)
    most = math.floor(target_error * (n_population - n))
    n_errors = -1
    while n_errors < n and _errors_upper(n_errors + 1, n, n_population, level, expected) <= most:
        n_errors += 1
    return n_errors


def _sensible(expected_error: float, target_error: float) -> float:
    # A prior much worse than what a certificate needs would only ask for more evidence.
    return min(max(expected_error, target_error / 20), target_error * 0.3)


def expected_sample(
    expected_error: float,
    n_population: int,
    *,
    target_error: float,
    level: float,
    n: int = 0,
    n_errors: float = 0,
    spread: float | None = None,
) -> int:
    """Further objects one expects to sample until the remainder is certified.

    Parameters
    ----------
    expected_error : float
        Mean loss one expects, in [0, 1).
    n_population : int
        Objects in the remainder.
    target_error, level : float
        As for :func:`certify_rest` (level = 1 - confidence).
    n, n_errors : int, float
        Objects sampled so far and their total loss.
    spread : float, optional
        Standard deviation of one loss; by default losses are 0 and 1.

    Returns
    -------
    int
        At most ``n_population - n``, which is the answer where the expectation is no better than the target.

    Notes
    -----
    Wald's expected length of a sequential test: what the capital lacks, ``log(1 / level)``, over its
    expected growth per draw, the divergence between the expected error and the target; then the
    correction for a finite population. It plans work and promises nothing. (A. Wald, "Sequential tests
    of statistical hypotheses", 1945.) With a spread the capital grows by what :func:`certify_rest` stakes
    on such losses, and good ones that are drawn are no longer in the remainder that is bounded.
    """
    left = n_population - n
    p, q = min(max(expected_error, 1e-9), 1.0), target_error
    if left <= 0:
        return 0
    if p >= q:
        return left
    if spread is not None:
        gap = q - p
        stake = min(gap / (spread**2 + gap**2), _STAKE_MOST / (1 - q))

        def growth(gap: float) -> float:
            return math.log1p(stake * gap) - (stake * spread / (1 + stake * gap)) ** 2 / 2

        if growth(gap) <= 0 or (n and stake * (n_errors / n - q) >= 1):
            return left
        lacking = _LEARNING * -math.log(level) - (n * growth(q - n_errors / n) if n else 0.0)
        more = max(1.0, lacking / growth(gap))
        return min(left, math.ceil(more * (1 + (n + more) / (2 * n_population))))
    gain_right, gain_wrong = math.log((1 - p) / (1 - q)), math.log(p / q)
    lacking = -math.log(level) + 0.2 - (n - n_errors) * gain_right - n_errors * gain_wrong
    if n_errors == 0 and expected_error <= 1e-9:
        lacking = -math.log(level) + 0.2 - n * gain_right
    more = max(1.0, lacking / (p * gain_wrong + (1 - p) * gain_right))
    return min(left, math.ceil(more / (1 + more / left)))
