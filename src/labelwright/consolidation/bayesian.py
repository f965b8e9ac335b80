"""The recommended algorithm: two Bayesian models weighed by how well they predict the crowd, and calibrated.

No model of workers is the best for all crowds: confusion matrices win where workers confuse classes alike but
independently, subtypes win where tasks mislead many workers at once, and both are far too sure of themselves.
The truth that would decide between them is not known, but every answer can be predicted from the others
(:mod:`labelwright.consolidation.held_out`). That decides, without any number set for a particular crowd:

1. Fit *A*, confusion matrices under a prior learned from the crowd, and *B*, four subtypes per class
   (:mod:`labelwright.consolidation.state_models`).
2. Find the temperatures ``T_A`` and ``T_B`` with which each predicts held-out answers best.
3. Weigh: ``w`` is the probability that *B* predicts better, ``Phi(D / se)``, with ``D`` the sum over tasks of
   the difference of log-probabilities and ``se`` its standard error over tasks.
4. ``e``: the weight of plain vote shares that predicts held-out answers best beside the models, by EM for
   mixture weights. Its prior is worth 50 answers, half of them predicted by votes: a handful of tasks cannot
   tell how good their workers are, and votes then keep the confidence down. Near 0 in a large crowd that fits
   the models.
5. ``p = (1 - e) * (w p_B + (1 - w) p_A) + e * shares``, where ``p_A ~ prior * (likelihood)**T_A`` and ``p_B``
   is the class posterior of *B* to the power ``min(T_A, T_B)``, normalised. The minimum, because subtypes can
   predict answers without knowing the class they belong to: their own temperature does not see that doubt,
   that of *A* does.

References
----------
Y. Yao, A. Vehtari, D. Simpson, A. Gelman (2018), "Using Stacking to Average Bayesian Predictive
Distributions", Bayesian Analysis 13(3), doi:10.1214/17-BA1091: stacking (step 4), and pseudo-BMA+ for step 3,
here with the normal approximation in place of the Bayesian bootstrap, which for two models it tends to.
Models: see their modules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.design import Design, log_normalised
from labelwright.consolidation.estimator import ClassEstimator
from labelwright.consolidation.held_out import held_out_answers, predict_held_out
from labelwright.consolidation.majority import majority_vote
from labelwright.consolidation.responses import Responses
from labelwright.consolidation.state_models import fit_states

__all__ = ["CalibratedBayesian"]

Floats = npt.NDArray[np.float64]
_N_SUBTYPES = 4
_VOTE_ANSWERS = 50.0  # prior of the vote weight: as if half of so many answers had been predicted by votes


class CalibratedBayesian(ClassEstimator):
    """Confusion matrices and subtypes, weighed and calibrated by held-out answers.

    Parameters
    ----------
    n_rounds_max : int
        Of each model.
    tol : float
        Stop a model when no class probability changed by as much.

    Attributes
    ----------
    temperature_ : float
        ``T_A``, 0.1-1: how far answers to one task count as independent.
    subtype_temperature_ : float
        ``T_B``.
    subtype_weight_ : float
        ``w``, 0-1.
    vote_weight_ : float
        ``e``, 0-1.

    Notes
    -----
    Memory: 24 bytes per task, class and subtype. In crowds of more than 200,000 answers the held-out ones
    are those of evenly spaced tasks.

    Examples
    --------
    >>> crowd = Responses.from_votes([[("a", 0), ("b", 0), ("c", 1)], [("a", 1), ("b", 1), ("c", 1)]], 2)
    >>> CalibratedBayesian().fit_predict(crowd).tolist()
    [0, 1]
    """

    temperature_: float
    subtype_temperature_: float
    subtype_weight_: float
    vote_weight_: float

    def __init__(self, *, n_rounds_max: int = 150, tol: float = 1e-3) -> None:
        self.n_rounds_max = n_rounds_max
        self.tol = tol

    def _fit(self, responses: Responses) -> Floats:
        design = Design(responses)
        shares = majority_vote(responses)
        votes = shares * responses.n_per_task[:, None]
        answers = held_out_answers(design)

        plain = fit_states(design, n_subtypes=1, prior="crowd", n_rounds_max=self.n_rounds_max, tol=self.tol)
        of_plain = predict_held_out(design, plain, votes, answers)
        self.temperature_ = of_plain.temperature
        tempered, _ = log_normalised(plain.log_prior + self.temperature_ * design.loglik(plain.log_table))
        p_plain = plain.classes_of(tempered)

        subtypes = fit_states(
            design, n_subtypes=_N_SUBTYPES, prior="fixed", n_rounds_max=self.n_rounds_max, tol=self.tol
        )
        of_subtypes = predict_held_out(design, subtypes, votes, answers)
        self.subtype_temperature_ = of_subtypes.temperature
        coldest = min(self.temperature_, self.subtype_temperature_)
        log_p = np.log(np.maximum(subtypes.classes_of(subtypes.q), 1e-12))
        p_subtypes, _ = log_normalised(coldest * log_p)

        w = _probability_better(of_subtypes.predicted, of_plain.predicted, responses.tasks[answers])
        predicted = w * of_subtypes.predicted + (1 - w) * of_plain.predicted
        e = _mixture_weight(of_plain.predicted_by_votes, predicted)
        self.subtype_weight_, self.vote_weight_ = w, e
        self.n_iter_ = plain.n_iter + subtypes.n_iter
        self.converged_ = plain.converged and subtypes.converged
        return (1 - e) * (w * p_subtypes + (1 - w) * p_plain) + e * shares

    def _learn_nothing(self, responses: Responses) -> None:
        self.temperature_ = self.subtype_temperature_ = 1.0
        self.subtype_weight_, self.vote_weight_ = 0.5, 0.5


def _probability_better(a: Floats, b: Floats, tasks: npt.NDArray[np.int32]) -> float:
    """Probability that ``a`` predicts better than ``b``: ``Phi(D / se)``, one half when they are equal."""
    from scipy.special import ndtr

    of_task = np.bincount(tasks, weights=np.log(a) - np.log(b))[np.unique(tasks)]
    total = float(of_task.sum())
    n = of_task.size
    # One task more in the sum keeps a few tasks that happen to agree from looking certain.
    error = np.sqrt(n * float(of_task.var()) + float((of_task**2).mean()))
    return float(ndtr(total / error)) if error > 0 else 0.5


def _mixture_weight(a: Floats, b: Floats) -> float:
    """Weight of ``a`` in the mixture of ``a`` and ``b`` that gives the answers the highest probability."""
    weight = 0.5
    for _ in range(500):
        share = weight * a / (weight * a + (1 - weight) * b)
        new = (float(share.sum()) + _VOTE_ANSWERS / 2) / (a.size + _VOTE_ANSWERS)
        if abs(new - weight) < 1e-6:
            return new
        weight = new
    return weight
