"""Majority vote: the share of the answers that a class got is its probability.

``p_i[c] = (number of answers c to task i) / (number of answers to task i)``, uniform without answers. Ties
go to the lowest class index. Contradicting answers of one worker all count (see
:mod:`labelwright.consolidation.responses`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.responses import Responses

__all__ = ["majority_vote"]


def majority_vote(responses: Responses) -> npt.NDArray[np.float64]:
    """Return vote shares.

    Returns
    -------
    ndarray of shape (n_tasks, n_classes), float64
        Rows sum to 1.

    Examples
    --------
    >>> majority_vote(Responses.from_votes([[("a", 0), ("b", 0), ("c", 1), ("d", 0)], []], 2)).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    n, k = responses.n_tasks, responses.n_classes
    cell = responses.tasks.astype(np.int64) * k + responses.labels
    votes = np.bincount(cell, minlength=n * k).reshape(n, k).astype(np.float64)
    n_per_task = responses.n_per_task[:, None]
    shares: npt.NDArray[np.float64] = np.divide(
        votes, n_per_task, out=np.full((n, k), 1 / max(k, 1)), where=n_per_task > 0
    )
    return shares
