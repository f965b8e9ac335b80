"""GLAD: one ability per worker and one difficulty per task.

Model
-----
Worker ``j`` of ability ``alpha_j`` is right on task ``i`` with probability ``sigma(alpha_j * beta_i)``;
``1 / beta_i > 0`` is the difficulty, ``beta_i = exp(b_i)``. Wrong answers spread evenly over the other
``k - 1`` classes, and all classes are equally likely. EM:

* E step. An answer is right with ``sigma(x)`` and names one certain wrong class with
  ``(1 - sigma(x)) / (k - 1)``, ``x = alpha_j beta_i``, so it adds ``x + log(k - 1)`` to the log-odds of its
  class; ``p_i`` is the softmax of the sums.
* M step. With ``r`` the probability that an answer is right, ``r log sigma + (1 - r) log(1 - sigma)`` has the
  slope ``r - sigma`` in ``x``. So the gradient is ``sum (r - sigma) beta_i`` for ``alpha_j`` and
  ``sum (r - sigma) alpha_j beta_i`` for ``b_i``, plus those of the priors ``alpha_j ~ N(1, 1)``,
  ``b_i ~ N(1, 1)``.

References
----------
J. Whitehill, P. Ruvolo, T. Wu, J. Bergsma, J. Movellan (2009), "Whose Vote Should Count More: Optimal
Integration of Labels from Labelers of Unknown Expertise", NeurIPS 22.

Deviation: two damped Newton steps per block of parameters take the place of gradient ascent. The problem is
concave in ``alpha`` for fixed ``b``, and its curvature is a number per parameter; that of ``b`` is taken at
its expectation (Fisher's), which is never negative.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.design import log_normalised, weighted_votes
from labelwright.consolidation.estimator import ClassEstimator
from labelwright.consolidation.majority import majority_vote
from labelwright.consolidation.responses import Responses

__all__ = ["GLAD"]

Floats = npt.NDArray[np.float64]
_N_STEPS = 2
_STEP_MAX = 1.0
_LOG_BETA_MAX = 4.0


class GLAD(ClassEstimator):
    """Ability of workers and difficulty of tasks, by EM.

    Parameters
    ----------
    n_rounds_max : int
    tol : float
        Stop when no class probability changed by as much.

    Attributes
    ----------
    ability_ : ndarray of shape (n_workers,), float64
        Negative for a worker who is wrong more often than not.
    difficulty_ : ndarray of shape (n_tasks,), float64
        ``1 / beta_i``, above 0.

    Examples
    --------
    >>> crowd = Responses.from_votes([[("a", 0), ("b", 0), ("c", 1)], [("a", 1), ("b", 1), ("c", 1)]], 2)
    >>> GLAD().fit_predict(crowd).tolist()
    [0, 1]
    """

    ability_: Floats
    difficulty_: Floats

    def __init__(self, *, n_rounds_max: int = 100, tol: float = 1e-3) -> None:
        self.n_rounds_max = n_rounds_max
        self.tol = tol

    def _fit(self, responses: Responses) -> Floats:
        n, k = responses.n_tasks, responses.n_classes
        tasks, workers = responses.tasks, responses.workers
        cells = tasks.astype(np.int64) * k + responses.labels
        alpha, b = np.ones(responses.n_workers), np.ones(n)
        p = majority_vote(responses)
        self.converged_ = False
        for n_iter in range(1, self.n_rounds_max + 1):
            self.n_iter_ = n_iter
            right = p.ravel()[cells]
            for _ in range(_N_STEPS):
                beta = np.exp(b)[tasks]
                alpha += _newton(right, alpha[workers] * beta, beta, workers, alpha - 1)
                x = alpha[workers] * beta
                b += _newton(right, x, x, tasks, b - 1)
                np.clip(b, -_LOG_BETA_MAX, _LOG_BETA_MAX, out=b)
            x = alpha[workers] * np.exp(b)[tasks] + np.log(k - 1)
            new, _ = log_normalised(weighted_votes(responses, x))
            change = float(np.abs(new - p).max())
            p = new
            if change < self.tol:
                self.converged_ = True
                break
        self.ability_, self.difficulty_ = alpha, np.exp(-b)
        return p

    def _learn_nothing(self, responses: Responses) -> None:
        self.ability_ = np.ones(responses.n_workers)
        self.difficulty_ = np.full(responses.n_tasks, np.exp(-1.0))


def _newton(right: Floats, x: Floats, slope: Floats, index: npt.NDArray[np.int32], off: Floats) -> Floats:
    """Step for parameters that move ``x`` by ``slope``; ``off`` is their distance to the prior mean."""
    sigma = 1 / (1 + np.exp(-np.clip(x, -30, 30)))
    gradient = np.bincount(index, weights=(right - sigma) * slope, minlength=off.size) - off
    curvature = np.bincount(index, weights=sigma * (1 - sigma) * slope**2, minlength=off.size) + 1
    step: Floats = np.clip(gradient / curvature, -_STEP_MAX, _STEP_MAX)
    return step
