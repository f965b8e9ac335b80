"""Worker accuracy with a credible interval, from class posteriors of any algorithm.

Model
-----
The number of right answers of worker ``j`` is not observed; its expectation is
``R_j = sum over answers k of p_k``, with ``p_k`` the probability that answer ``k`` is right. Given the
classes, the accuracy ``a_j`` has a Beta posterior ``Beta(a + R_j, b + T_j - R_j)``, with ``T_j`` the number
of answers. Two corrections keep the interval honest:

* Own vote. An answer raises the probability of its own class, so ``p_k`` is taken from the other answers of
  the task only, where an algorithm can give it (``right`` below).
* Unsure classes. ``p_k`` adds the variance ``p_k (1 - p_k)`` of the unknown class to that of the Beta
  posterior (law of total variance); the interval is that of the Beta distribution with the same mean and
  total variance.

The prior ``Beta(a, b)`` is the crowd: its mean is the crowd's accuracy and its weight two answers.

References
----------
R. Snow, B. O'Connor, D. Jurafsky, A. Ng (2008), "Cheap and Fast - But is it Good?", EMNLP, section 4.3
(worker accuracy from agreement); A. Gelman et al. (2013), "Bayesian Data Analysis", 3rd ed., section 2.4
(Beta posterior) and equation (2.8) (total variance).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.estimates import WorkerQuality
from labelwright.consolidation.responses import Responses

__all__ = ["accuracy_intervals"]

Floats = npt.NDArray[np.float64]

_PRIOR_ANSWERS = 2.0


def accuracy_intervals(
    responses: Responses, right: Floats, *, level: float = 0.95, confusion: Floats | None = None
) -> WorkerQuality:
    """Turn the probability that each answer is right into accuracies with intervals.

    Parameters
    ----------
    responses : Responses
    right : ndarray of shape (n_answers,), float64
        Probability that each answer names the true class, 0-1.
    level : float
        Probability of the interval, in (0, 1).
    confusion : ndarray of shape (n_workers, n_classes, n_classes), optional
        Passed through.

    Returns
    -------
    WorkerQuality
        A worker without answers gets the crowd's accuracy and an interval as wide as the prior's.

    Raises
    ------
    ValueError
        When ``level`` is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    from scipy.stats import beta

    n_workers = responses.n_workers
    n = np.bincount(responses.workers, minlength=n_workers)
    hits = np.bincount(responses.workers, weights=right, minlength=n_workers)
    unsure = np.bincount(responses.workers, weights=right * (1 - right), minlength=n_workers)
    crowd = (float(right.sum()) + 1.0) / (right.size + 2.0)
    a = _PRIOR_ANSWERS * crowd + hits
    b = _PRIOR_ANSWERS * (1 - crowd) + np.maximum(n - hits, 0.0)
    total = a + b
    mean = a / total
    variance = mean * (1 - mean) / (total + 1) + unsure / total**2
    weight = np.maximum(mean * (1 - mean) / variance - 1, 1e-3)  # a + b of the matching Beta distribution
    tail = (1 - level) / 2
    lower = beta.ppf(tail, mean * weight, (1 - mean) * weight)
    upper = beta.ppf(1 - tail, mean * weight, (1 - mean) * weight)
    return WorkerQuality(responses.worker_names, n, mean, lower, upper, level, confusion)
