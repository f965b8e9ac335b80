"""How good each worker is, and how sure that is, from the class probabilities of any algorithm.

Model
-----
Accuracy. The number of right answers of worker ``j`` is not observed; its expectation is
``R_j = sum over answers of p``, with ``p`` the probability that the answer names the true class. Given the
classes, accuracy has the posterior ``Beta(a + R_j, b + T_j - R_j)``, ``T_j`` answers. The classes are not
given: by the law of total variance the unknown classes add ``sum of p (1 - p) / (a + b + T_j)**2``; the
interval is that of the Beta distribution with the same mean and total variance. The prior ``Beta(a, b)`` has
the crowd's mean accuracy and the weight of two answers.

Confusion. Row ``c`` of the matrix of worker ``j`` has the posterior Dirichlet of ``N_j[c] + 2 m[c]``:
``N_j`` the expected counts, ``m`` the crowd's matrix. Its cells have Beta marginals, which give their
intervals.

The numbers are as good as the probabilities they come from: an overconfident algorithm gives intervals that
are too narrow. Those of ``bayesian`` are calibrated.

References
----------
A. Gelman et al. (2013), "Bayesian Data Analysis", 3rd ed., chapters 2 and 3: the Beta posterior of a share,
the Dirichlet posterior of several, and the law of total variance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.design import Design
from labelwright.consolidation.estimates import WorkerQuality
from labelwright.consolidation.responses import Responses

__all__ = ["confusion_intervals", "share_intervals", "worker_quality"]

Floats = npt.NDArray[np.float64]

PRIOR_ANSWERS = 2.0
"""Weight of the crowd in what is believed of one worker, in answers."""

_CONFUSION_CELLS_MAX = 2_000_000  # 16 MB


def worker_quality(responses: Responses, posteriors: Floats, *, level: float = 0.95) -> WorkerQuality:
    """Estimate every worker's accuracy and confusion matrix.

    Parameters
    ----------
    responses : Responses
    posteriors : ndarray of shape (n_tasks, n_classes), float64
        Class probabilities of the tasks.
    level : float
        Probability of the interval, in (0, 1).

    Returns
    -------
    WorkerQuality
        A worker without answers gets the crowd's accuracy and an interval as wide as the prior's. The
        matrices are left out where they would have more than two million cells.

    Raises
    ------
    ValueError
        When ``level`` is not between 0 and 1.
    """
    _tail(level)  # before any work is done
    right = posteriors[responses.tasks, responses.labels]
    n_workers, k = responses.n_workers, responses.n_classes
    n = np.bincount(responses.workers, minlength=n_workers)

    def per_worker(values: Floats) -> Floats:
        sums = np.bincount(responses.workers, weights=values, minlength=n_workers)
        return np.asarray(sums, dtype=np.float64)

    mean, lower, upper = share_intervals(
        per_worker(right), n.astype(np.float64), per_worker(right * (1 - right)), level=level
    )
    confusion = None
    if n_workers * k * k <= _CONFUSION_CELLS_MAX:
        confusion = _dirichlet(responses, posteriors)
        confusion /= confusion.sum(axis=2, keepdims=True)
    return WorkerQuality(responses.worker_names, n, mean, lower, upper, level, confusion)


def share_intervals(
    hits: Floats, n: Floats, unsure: Floats, *, level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Return a share of every worker with its credible interval: the model of the module, for any share.

    Parameters
    ----------
    hits : ndarray of shape (n_workers,), float64
        Expected number of hits.
    n : ndarray of shape (n_workers,), float64
        Out of how many; at least ``hits``.
    unsure : ndarray of shape (n_workers,), float64
        Variance of the number of hits, because what is a hit is not known for certain.
    level : float
        Probability of the interval, in (0, 1).

    Returns
    -------
    mean, lower, upper : ndarrays of shape (n_workers,), float64

    Examples
    --------
    >>> mean, lower, upper = share_intervals(np.array([9.0]), np.array([10.0]), np.array([0.0]))
    >>> f"{mean[0]:.2f} from {lower[0]:.2f} to {upper[0]:.2f}"
    '0.89 from 0.67 to 0.99'
    """
    tail = _tail(level)
    from scipy.special import betaincinv  # scipy.stats takes seconds to import

    crowd = (float(hits.sum()) + 1.0) / (float(n.sum()) + 2.0)
    total = n + PRIOR_ANSWERS
    mean = (PRIOR_ANSWERS * crowd + hits) / total
    spread = np.maximum(mean * (1 - mean), 1e-12)
    variance = spread / (total + 1) + np.maximum(unsure, 0.0) / total**2
    weight = np.maximum(spread / variance - 1, 1e-3)  # a + b of the matching Beta distribution
    lower = betaincinv(mean * weight, (1 - mean) * weight, tail)
    upper = betaincinv(mean * weight, (1 - mean) * weight, 1 - tail)
    return mean, lower, upper


def confusion_intervals(
    responses: Responses, posteriors: Floats, *, level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Return mean, lower and upper end of every cell of the workers' confusion matrices.

    Parameters are those of :func:`worker_quality`.

    Returns
    -------
    mean, lower, upper : ndarrays of shape (n_workers, n_classes, n_classes), float64
        ``[j, c, l]``: worker ``j`` answers ``l`` when ``c`` is true.
    """
    tail = _tail(level)
    from scipy.special import betaincinv  # scipy.stats takes seconds to import

    a = _dirichlet(responses, posteriors)
    rest = a.sum(axis=2, keepdims=True) - a
    mean = a / (a + rest)
    if responses.n_classes < 2:
        return mean, mean.copy(), mean.copy()
    return mean, betaincinv(a, rest, tail), betaincinv(a, rest, 1 - tail)


def _dirichlet(responses: Responses, posteriors: Floats) -> Floats:
    """Parameters of the Dirichlet posteriors: (n_workers, true class, answer)."""
    k = responses.n_classes
    design = Design(responses)
    counts = np.zeros((responses.n_workers, k, k))
    counts[design.pair_worker, :, design.pair_label] = design.counts(posteriors)
    crowd = counts.sum(axis=0) + 1.0 + np.eye(k)
    crowd /= crowd.sum(axis=1, keepdims=True)
    counts += PRIOR_ANSWERS * crowd
    return counts


def _tail(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    return (1 - level) / 2
