"""A start for EM from how often workers agree: a rank-one factorisation.

Model
-----
In the one-coin model with ``k`` balanced classes, two workers of skills ``s_j = (k a_j - 1) / (k - 1)``
agree with probability ``1/k + (1 - 1/k) s_j s_m``. So ``C[j, m] = (k * agreement - 1) / (k - 1)`` has rank
one off its diagonal, ``C = s s'``, and its leading vector holds the skills: a moment estimate that has no
local optimum to fall into. With ``n[j, m]`` the tasks both answered, the fit is alternating least squares
over what was observed,

``s_j = sum_m n[j, m] C[j, m] s_m / sum_m n[j, m] s_m**2``,

each drawn towards the crowd's mean skill by the weight of two common answers, each step halved. Votes
weighted by ``log(a_j (k - 1) / (1 - a_j))`` then give the posteriors EM starts from.

References
----------
Y. Zhang, X. Chen, D. Zhou, M. I. Jordan (2016), "Spectral Methods Meet EM", JMLR 17(102): moments first, EM
after; the general case there takes third moments of groups of workers, this one takes second moments of the
one-coin model, which sparse crowds can estimate. N. Dalvi, A. Dasgupta, R. Kumar, V. Rastogi (2013),
"Aggregating Crowdsourced Binary Ratings", WWW, doi:10.1145/2488388.2488414 (eigenvector of agreement). Q. Ma
and A. Olshevsky (2020), "Adversarial Crowdsourcing Through Robust Rank-One Matrix Completion", NeurIPS 33
(several classes, missing pairs).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.design import Design, log_normalised, weighted_votes
from labelwright.consolidation.responses import Responses

__all__ = ["spectral_skills", "spectral_start"]

Floats = npt.NDArray[np.float64]
_SKILL_MAX = 0.98
_N_STEPS = 100
_PRIOR_COMMON = 2.0


def spectral_skills(responses: Responses) -> Floats:
    """Return the skill of every worker: 1 is always right, 0 is chance, below 0 is worse than chance.

    Returns
    -------
    ndarray of shape (n_workers,), float64
        From -0.98 to 0.98. A worker who shares no task with others gets the mean of the crowd.

    Notes
    -----
    Memory and time are those of the pairs of workers who share tasks.
    """
    from scipy.sparse import coo_array, csr_array

    n_workers, k = responses.n_workers, responses.n_classes
    design = Design(responses)
    a = design.matrix
    of_pair = csr_array(
        (np.ones(design.n_pairs), (np.arange(design.n_pairs), design.pair_worker)),
        shape=(design.n_pairs, n_workers),
    )
    together = a @ of_pair  # (n_tasks, n_workers)
    common = coo_array(together.T @ together)
    same = coo_array(a.T @ a)
    is_same = design.pair_label[same.row] == design.pair_label[same.col]
    agreeing = coo_array(
        (same.data[is_same], (design.pair_worker[same.row[is_same]], design.pair_worker[same.col[is_same]])),
        shape=(n_workers, n_workers),
    )
    # n C = (k * agreements - common) / (k - 1), without the diagonal
    product = _off_diagonal(csr_array(agreeing * (k / (k - 1)) - common * (1 / (k - 1))))
    weight = _off_diagonal(csr_array(common))
    total = float(weight.sum())
    mean = np.sqrt(np.clip(float(product.sum()) / total, 0.01, _SKILL_MAX**2)) if total else 0.5
    skills = np.full(n_workers, mean)
    for _ in range(_N_STEPS):
        new = (product @ skills + _PRIOR_COMMON * mean * mean**2) / (
            weight @ skills**2 + _PRIOR_COMMON * mean**2
        )
        new = (skills + np.clip(new, -_SKILL_MAX, _SKILL_MAX)) / 2
        change = float(np.abs(new - skills).max())
        skills = new
        if change < 1e-6:
            break
    return skills


def spectral_start(responses: Responses) -> Floats:
    """Return class probabilities by votes weighted with :func:`spectral_skills`.

    Returns
    -------
    ndarray of shape (n_tasks, n_classes), float64

    Examples
    --------
    >>> crowd = Responses.from_votes([[("a", 0), ("b", 0), ("c", 1)], [("a", 1), ("b", 1), ("c", 1)]], 2)
    >>> spectral_start(crowd).argmax(axis=1).tolist()
    [0, 1]
    """
    k = responses.n_classes
    accuracy = (spectral_skills(responses) * (k - 1) + 1) / k
    accuracy = np.clip(accuracy, 0.01 / k, None)
    weight = np.log(accuracy * (k - 1) / (1 - accuracy))
    return log_normalised(weighted_votes(responses, weight[responses.workers]))[0]


def _off_diagonal(matrix: Any) -> Any:
    matrix.setdiag(0)
    return matrix
