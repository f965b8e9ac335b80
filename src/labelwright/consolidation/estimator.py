"""The manners all class estimators share, which are those of scikit-learn.

``__init__`` only stores; ``fit`` learns from :class:`~labelwright.consolidation.responses.Responses` and
returns the estimator; what was learned ends in an underscore; fitting again forgets.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.estimates import WorkerQuality
from labelwright.consolidation.responses import Responses
from labelwright.consolidation.workers import worker_quality

__all__ = ["ClassEstimator"]

Floats = npt.NDArray[np.float64]


class ClassEstimator:
    """Base of the class estimators.

    Attributes
    ----------
    probas_ : ndarray of shape (n_tasks, n_classes), float64
        Class probabilities of each task; rows sum to 1. A task without answers gets the class prior.
    labels_ : ndarray of shape (n_tasks,), int64
        The likeliest class, the lowest index among equals.
    n_iter_ : int
        Rounds that were run.
    converged_ : bool
        Whether the last round changed less than the tolerance.
    """

    probas_: Floats
    labels_: npt.NDArray[np.int64]
    n_iter_: int
    converged_: bool
    _responses: Responses

    def fit(self, responses: Responses) -> Self:
        """Estimate the classes of all tasks together.

        Parameters
        ----------
        responses : Responses
            May hold tasks and workers without answers.

        Returns
        -------
        self
        """
        self.n_iter_, self.converged_ = 0, True
        n, k = responses.n_tasks, responses.n_classes
        self._responses = responses
        if responses.n_answers == 0 or k == 1:
            self.probas_ = np.full((n, k), 1 / max(k, 1))
            self._learn_nothing(responses)
        else:
            self.probas_ = self._fit(responses)
        self.labels_ = self.probas_.argmax(axis=1) if k else np.zeros(n, dtype=np.int64)
        return self

    def fit_predict(self, responses: Responses) -> npt.NDArray[np.int64]:
        """Fit and return ``labels_``."""
        return self.fit(responses).labels_

    def fit_predict_proba(self, responses: Responses) -> Floats:
        """Fit and return ``probas_``."""
        return self.fit(responses).probas_

    @property
    def worker_quality_(self) -> WorkerQuality:
        """Accuracy and confusion of each worker with credible intervals, made when asked for."""
        return worker_quality(self._responses, self.probas_)

    def _fit(self, responses: Responses) -> Floats:
        raise NotImplementedError

    def _learn_nothing(self, responses: Responses) -> None:
        """Set what an algorithm learns beyond probabilities, where there is nothing to learn from."""
