"""Finite-sample upper bounds on an error, one-sided and exact or conservative: never an approximation.

Three situations, three bounds:

- independent draws that are right or wrong: :func:`binomial_upper` (Clopper and Pearson);
- independent draws with a loss anywhere in [0, 1], such as 1 - IoU: :func:`bounded_upper` (betting);
- draws without replacement from a finite rest, looked at as often as one likes:
  :mod:`labelwright.autolabel.certify`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import InvalidRequest

__all__ = [
    "betting_p_value",
    "binomial_p_value",
    "binomial_upper",
    "bounded_upper",
    "hoeffding_bentkus_p_value",
]


def binomial_p_value(n_errors: int, n: int, error: float) -> float:
    """Probability of so few errors, or fewer, when each of `n` draws errs with probability `error`.

    Parameters
    ----------
    n_errors : int
        Errors seen, 0 to `n`.
    n : int
        Independent draws; 0 gives 1.
    error : float
        Error under the null hypothesis, in [0, 1].

    Returns
    -------
    float
        ``P(Binomial(n, error) <= n_errors)``: a valid p-value for "the error is at least `error`".

    Examples
    --------
    >>> round(binomial_p_value(0, 59, 0.05), 4)
    0.0485
    """
    if n_errors >= n:
        return 1.0
    from scipy.special import bdtr

    return float(bdtr(n_errors, n, error))


def binomial_upper(n_errors: int, n: int, confidence: float = 0.95) -> float:
    """Upper end of the one-sided exact interval for a probability (Clopper and Pearson, 1934).

    Parameters
    ----------
    n_errors, n : int
        Errors among `n` independent draws.
    confidence : float
        Probability with which the bound holds, in (0, 1).

    Returns
    -------
    float
        In [0, 1]; 1 when `n` is 0.

    References
    ----------
    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26, 1934, doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> round(binomial_upper(0, 59), 4)
    0.0495
    """
    if n == 0 or n_errors >= n:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(n_errors + 1, n - n_errors, confidence))


def _losses(values: ArrayLike) -> NDArray[np.float64]:
    losses = np.asarray(values, np.float64)
    if losses.ndim != 1 or not np.all((losses >= 0) & (losses <= 1)):
        raise InvalidRequest(
            f"losses must be one row of numbers in [0, 1]; got shape {losses.shape}. Scale them first.",
            field="losses",
            rule="0 <= loss <= 1",
        )
    return losses


def hoeffding_bentkus_p_value(losses: ArrayLike, error: float) -> float:
    """p-value for "the mean loss is at least `error`" from the number of draws and their mean alone.

    Parameters
    ----------
    losses : array-like of shape (n,)
        Independent draws in [0, 1].
    error : float
        Mean loss under the null hypothesis, in (0, 1).

    Returns
    -------
    float
        The smaller of Hoeffding's and Bentkus's bound, at most 1. Valid in any order of the draws, so it
        suits samples without an order; :func:`betting_p_value` is sharper where the variance is small.

    References
    ----------
    S. Bates et al., "Distribution-free, risk-controlling prediction sets", J. ACM 68, 2021,
    doi:10.1145/3478535, theorem 4 and equation 12.
    """
    values = _losses(losses)
    n = len(values)
    if n == 0:
        return 1.0
    mean = float(values.mean())
    if mean >= error:
        return 1.0
    divergence = (1 - mean) * math.log((1 - mean) / (1 - error))
    if mean > 0:
        divergence += mean * math.log(mean / error)
    # A hair above, so that a mean such as 3/n does not become 4 errors by rounding.
    bentkus = math.e * binomial_p_value(math.ceil(n * mean - 1e-9), n, error)
    return min(1.0, math.exp(-n * divergence), bentkus)


def betting_p_value(losses: ArrayLike, error: float) -> float:
    """p-value for "the mean loss is at least `error`" by betting against it, one draw after the other.

    A gambler pays 1 and at each draw stakes a share of the capital on the loss being below `error`; under the
    null hypothesis no strategy grows in expectation, so by Ville's inequality the capital exceeds 1/p with
    probability at most p.

    Parameters
    ----------
    losses : array-like of shape (n,)
        Independent draws in [0, 1], in the (random) order in which they were made.
    error : float
        Mean loss under the null hypothesis, in (0, 1).

    Returns
    -------
    float
        One over the greatest capital ever reached, at most 1.

    Notes
    -----
    Capital ``K_t = prod_i (1 - stake_i (loss_i - error))``. The stake follows approximate growth optimisation
    (aGRAPA) from the draws before, with one pseudo-draw at half of `error`, capped at ``0.75 / (1 -
    error)`` so that one bad draw never ruins.

    References
    ----------
    I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86, 2024,
    doi:10.1093/jrsssb/qkad009, section 4 and appendix B.3.
    """
    values = _losses(losses)
    if len(values) == 0:
        return 1.0
    capital = np.cumsum(np.log1p(-stakes(values, error) * (values - error)))
    return float(min(1.0, math.exp(-max(0.0, float(capital.max())))))


def stakes(losses: NDArray[np.float64], error: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Stakes of :func:`betting_p_value` (n,): each uses the draws before it only."""
    n = len(losses)
    before = np.arange(1, n + 1)  # one pseudo-draw
    first = np.broadcast_to(np.asarray(error, np.float64), (n,))[0] / 2 if n else 0.0
    mean = (first + np.concatenate([[0.0], np.cumsum(losses)[:-1]])) / before
    spread = np.concatenate([[0.0], np.cumsum((losses - mean) ** 2)[:-1]])
    variance = (first * (1 - first) + spread) / before
    gap = np.asarray(error) - mean
    best = gap / (variance + gap**2 + 1e-12)
    return np.clip(best, 0.0, 0.75 / (1 - np.asarray(error)))


def bounded_upper(losses: ArrayLike, confidence: float = 0.95) -> float:
    """Upper bound on the mean of losses in [0, 1]: the smallest mean that betting refutes.

    Parameters
    ----------
    losses : array-like of shape (n,)
        Independent draws in [0, 1], in random order.
    confidence : float
        Probability with which the bound holds, in (0, 1).

    Returns
    -------
    float
        In [0, 1]; 1 when nothing was drawn.

    Examples
    --------
    >>> 0.2 < bounded_upper([0.2] * 200) < 0.25
    True
    """
    values = _losses(losses)
    low, high = (float(values.mean()), 1.0) if len(values) else (1.0, 1.0)
    for _ in range(30):
        middle = (low + high) / 2
        if middle < 1 and betting_p_value(values, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high
