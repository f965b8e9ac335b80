"""The confidence from which a model may label alone: the plain rule and the certified one.

Both look at a sample of objects that people labeled and the model has not been trained on. The plain
rule asks that the sample reaches the target; the certified rule asks that the *population* does, with a
stated probability, although the threshold was chosen on the very same sample.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.autolabel.bounds import betting_p_value, binomial_p_value, binomial_upper, bounded_upper
from labelwright.errors import InvalidRequest

__all__ = ["Threshold", "certified_threshold", "default_k_min", "plain_threshold"]

_WILSON_Z = 1.2815515655446004  # one-sided 90 %


@dataclasses.dataclass(frozen=True, slots=True)
class Threshold:
    """A confidence from which labels of a model are accepted, and what is known about their error.

    Attributes
    ----------
    value : float or None
        Accept where ``confidence >= value``; None accepts nothing.
    n_above : int
        Objects of the sample at or above the threshold.
    error_estimate : float
        Mean loss (1 - quality) of those; NaN where there are none.
    error_upper : float
        Upper bound on the mean loss in the population at or above the threshold, not above the target
        when the threshold is certified; 1 where nothing is accepted.
    confidence : float
        Probability with which `error_upper` was promised to be at most the target.
    """

    value: float | None
    n_above: int
    error_estimate: float
    error_upper: float
    confidence: float


def _sample(confidences: ArrayLike, qualities: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    c = np.asarray(confidences, np.float64)
    q = np.asarray(qualities, np.float64)
    if c.ndim != 1 or c.shape != q.shape:
        raise InvalidRequest(
            f"confidences and qualities must be two rows of one length; got shapes {c.shape} and {q.shape}.",
            field="qualities",
            rule="one quality per confidence",
        )
    if np.isnan(c).any() or not np.all((q >= 0) & (q <= 1)):
        raise InvalidRequest(
            "qualities must lie in [0, 1] and confidences must be numbers (not NaN).",
            field="qualities",
            rule="0 <= quality <= 1",
        )
    order = np.argsort(-c, kind="stable")
    return c[order], q[order]


def _ends_of_ties(c: NDArray[np.float64]) -> NDArray[np.intp]:
    """Counts k (falling confidence) after which the confidence really falls."""
    return np.flatnonzero(np.append(c[1:] != c[:-1], True)) + 1 if len(c) else np.empty(0, np.intp)


def default_k_min(n: int) -> int:
    """Fewest objects above a plain threshold: 10 or 5 % of the validation set, whichever is more.

    Examples
    --------
    >>> default_k_min(100), default_k_min(1000)
    (10, 50)
    """
    return max(10, -(-n // 20))


def plain_threshold(
    confidences: ArrayLike,
    qualities: ArrayLike,
    *,
    target_quality: float | str | Fraction,
    k_min: int | None = None,
    wilson: bool = False,
) -> float | None:
    """Lowest confidence at or above which the validation objects reach the target on average.

    This is the rule as the service describes it. It promises nothing about the unlabeled objects: use
    :func:`certified_threshold` unless compatibility is wanted.

    Parameters
    ----------
    confidences, qualities : array-like of shape (n,)
        Of validation objects; qualities in [0, 1]. Objects of equal confidence are taken together.
    target_quality : float, str or Fraction
        0.95 for classes, 0.6 for boxes, 0.7 for masks. A float counts as the decimal it prints as, and
        sums are exact fractions, so that 152 right of 160 reach 0.95.
    k_min : int, optional
        Fewest objects above the threshold; :func:`default_k_min` unless given.
    wilson : bool
        Compare the lower end of Wilson's one-sided 90 % interval instead of the mean. For qualities 0 and 1
        and small validation sets (fewer than 500 objects).

    Returns
    -------
    float or None
        Accept an object whose confidence is at least this; None when no threshold reaches the target.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927,
    doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> plain_threshold([0.9] * 19 + [0.8], [1] * 19 + [0], target_quality=0.95, k_min=10)
    0.8
    """
    c, q = _sample(confidences, qualities)
    target = Fraction(str(target_quality)) if isinstance(target_quality, float) else Fraction(target_quality)
    least = default_k_min(len(c)) if k_min is None else k_min
    total, start, best = Fraction(0), 0, None
    is_binary = bool(np.all((q == 0) | (q == 1)))
    for end in _ends_of_ties(c).tolist():
        piece = q[start:end]
        total += int(piece.sum()) if is_binary else sum((Fraction(float(v)) for v in piece), Fraction(0))
        start = end
        if end < max(1, least):
            continue
        reached = _wilson_lower(float(total), end) >= target if wilson else total >= target * end
        if reached:
            best = float(c[end - 1])
    return best


def _wilson_lower(n_right: float, n: int) -> float:
    z2 = _WILSON_Z**2
    mean = n_right / n
    spread = _WILSON_Z * math.sqrt(mean * (1 - mean) / n + z2 / (4 * n * n))
    return (mean + z2 / (2 * n) - spread) / (1 + z2 / n)


def certified_threshold(
    confidences: ArrayLike,
    qualities: ArrayLike,
    *,
    target_error: float,
    confidence: float = 0.95,
    n_starts: int = 4,
    seed: int = 0,
) -> Threshold:
    """Lowest threshold above which the error of the *population* is at most the target, with a guarantee.

    With probability at least `confidence` over the draw of the sample, every object of the population with
    a confidence at or above the returned value has an expected loss of at most `target_error` on average.

    Parameters
    ----------
    confidences, qualities : array-like of shape (n,)
        Of a random sample of the population that the model was not trained on; qualities in [0, 1]. Any
        monotone confidence will do: the guarantee does not need it calibrated.
    target_error : float
        Largest mean loss (1 - quality), in (0, 1): 0.05 for classes, 0.4 for boxes, 0.3 for masks.
    confidence : float
        In (0, 1).
    n_starts : int
        Places where the search may begin anew after a failed test; each pays a share of ``1 - confidence``.
    seed : int
        Orders the draws for the betting bound (qualities other than 0 and 1).

    Returns
    -------
    Threshold

    Notes
    -----
    Candidate thresholds are fixed by the confidences alone, before any quality is looked at. They are
    tested from the strictest to the most generous with the fallback procedure: each test has its own
    share of ``1 - confidence`` (zero but at the starts) and inherits the level of the test before when
    that one passed. The chance that any threshold passes wrongly is then at most ``1 - confidence``,
    however many were tried (Learn then Test with a graph of tests). p-values are the exact binomial ones
    for qualities 0 and 1 and those of betting otherwise. The object whose confidence *is* the threshold
    was not drawn at random from those at or above it, so its loss counts and its draw does not. A
    threshold promises nothing about a population that has changed since: after some objects were taken
    away by an earlier model, draw anew, or certify the rest as :mod:`labelwright.autolabel.certify`
    does.

    References
    ----------
    A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan, L. Lei, "Learn then Test: calibrating predictive
    algorithms to achieve risk control", Annals of Applied Statistics 19, 2025, arXiv:2110.01052,
    sections 2 and 4. B. L. Wiens, A. Dmitrienko, "The fallback procedure for evaluating a single family
    of hypotheses", J. Biopharm. Stat. 15, 2005, doi:10.1080/10543400500265660.
    """
    c, q = _sample(confidences, qualities)
    losses = 1 - q
    is_binary = bool(np.all((q == 0) | (q == 1)))
    alpha = 1 - confidence
    nothing = Threshold(None, 0, math.nan, 1.0, confidence)
    ends = _ends_of_ties(c)
    ends = ends[
        ends > math.log(alpha) / math.log1p(-target_error)
    ]  # fewer could not pass even without an error
    if len(ends) == 0:
        return nothing
    places = sorted({int(np.searchsorted(ends, len(c) * 0.5**i, "left")) for i in range(n_starts)} | {0})
    places = [place for place in places if place < len(ends)]
    spread = np.searchsorted(ends, np.geomspace(ends[0], ends[-1], 60))
    steps = sorted({*places, *np.minimum(spread, len(ends) - 1).tolist()})  # geomspace may exceed its end
    shuffled = np.random.default_rng(seed).permutation(len(c))
    level, best_level, best_end = 0.0, 0.0, 0
    for step in steps:
        end = int(ends[step])
        level += alpha / len(places) if step in places else 0.0
        if level == 0.0:
            continue
        above = losses[:end]
        if is_binary:
            p_value = binomial_p_value(round(float(above.sum())), end - 1, target_error)
        else:
            p_value = betting_p_value(_draws(losses, shuffled, end), target_error)
        if p_value > level:
            level = 0.0
            continue
        best_end, best_level = end, level
    if best_end == 0:
        return nothing
    above = losses[:best_end]
    if is_binary:
        upper = binomial_upper(round(float(above.sum())), best_end - 1, 1 - best_level)
    else:
        upper = min(target_error, bounded_upper(_draws(losses, shuffled, best_end), 1 - best_level))
    return Threshold(float(c[best_end - 1]), best_end, float(above.mean()), upper, confidence)


def _draws(losses: NDArray[np.float64], shuffled: NDArray[np.intp], end: int) -> NDArray[np.float64]:
    """Losses above the threshold in random order; the boundary's joins the worst of the others (or
    counts alone).
    """
    draws = losses[shuffled[shuffled < end - 1]]
    if len(draws):
        draws[-1] = max(draws[-1], losses[end - 1])
    return draws
