"""One coin per worker: right with one probability, whatever the class.

Model
-----
Worker ``j`` names the true class with probability ``a_j`` and any other with ``(1 - a_j) / (k - 1)``. EM with
``p_i`` the class posteriors:

* E step: ``p_i[c] ~ prior[c] * product over answers of a_j if l_ij = c else (1 - a_j) / (k - 1)``.
* M step: ``a_j = (1 + R_j) / (1 + 1/2 + T_j)``, ``R_j`` the sum of ``p_i[l_ij]`` over the ``T_j`` answers of
  ``j``: the mean under a ``Beta(1, 1/2)`` prior, a worker of two thirds; ``prior`` is the mean of ``p_i``,
  one task more per class.

Few parameters: right where workers answer little or where classes are alike, blind to a worker who confuses
two classes in one direction.

References
----------
Y. Zhang, X. Chen, D. Zhou, M. I. Jordan (2016), "Spectral Methods Meet EM: A Provably Optimal Algorithm for
Crowdsourcing", JMLR 17(102), http://jmlr.org/papers/v17/14-511.html (the one-coin model, without priors);
G. Demartini, D. E. Difallah, P. Cudré-Mauroux (2012), "ZenCrowd", WWW, doi:10.1145/2187836.2187900.

Deviations: both priors, so that a worker of one answer is neither perfect nor useless, and no class vanishes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.design import log_normalised, weighted_votes
from labelwright.consolidation.estimator import ClassEstimator
from labelwright.consolidation.majority import majority_vote
from labelwright.consolidation.responses import Responses

__all__ = ["OneCoin"]

Floats = npt.NDArray[np.float64]
_A, _B = 1.0, 0.5


class OneCoin(ClassEstimator):
    """One accuracy per worker, by EM.

    Parameters
    ----------
    n_rounds_max : int
    tol : float
        Stop when no class probability changed by as much.

    Attributes
    ----------
    accuracy_ : ndarray of shape (n_workers,), float64
    class_prior_ : ndarray of shape (n_classes,), float64

    Examples
    --------
    >>> crowd = Responses.from_votes([[("a", 0), ("b", 0), ("c", 1)], [("a", 1), ("b", 1), ("c", 1)]], 2)
    >>> OneCoin().fit_predict(crowd).tolist()
    [0, 1]
    """

    accuracy_: Floats
    class_prior_: Floats

    def __init__(self, *, n_rounds_max: int = 200, tol: float = 1e-4) -> None:
        self.n_rounds_max = n_rounds_max
        self.tol = tol

    def _fit(self, responses: Responses) -> Floats:
        n, k = responses.n_tasks, responses.n_classes
        tasks, workers, labels = responses.tasks, responses.workers, responses.labels
        cells = tasks.astype(np.int64) * k + labels
        n_answers_of = np.bincount(workers, minlength=responses.n_workers)
        p = majority_vote(responses)
        self.converged_ = False
        for n_iter in range(1, self.n_rounds_max + 1):
            self.n_iter_ = n_iter
            hits = np.bincount(workers, weights=p.ravel()[cells], minlength=responses.n_workers)
            self.accuracy_ = (hits + _A) / (n_answers_of + _A + _B)
            self.class_prior_ = (p.sum(axis=0) + 1) / (n + k)
            weight = np.log(self.accuracy_ * (k - 1) / (1 - self.accuracy_))
            logits = weighted_votes(responses, weight[workers])
            new, _ = log_normalised(logits + np.log(self.class_prior_))
            change = float(np.abs(new - p).max())
            p = new
            if change < self.tol:
                self.converged_ = True
                break
        return p

    def _learn_nothing(self, responses: Responses) -> None:
        self.accuracy_ = np.full(responses.n_workers, _A / (_A + _B))
        self.class_prior_ = np.full(responses.n_classes, 1 / max(responses.n_classes, 1))
