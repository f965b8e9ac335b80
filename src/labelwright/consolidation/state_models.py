"""Bayesian classifier combination: worker confusion with priors, and subtypes within classes.

Model
-----
A task has a class ``c ~ prior`` and, within it, a subtype ``m ~ tau_c``; together they are its *state*.
Worker ``j`` answers ``l`` in state ``(c, m)`` with probability ``V_j[c, m][l]``, a row that has a Dirichlet
prior. Subtypes make answers to one task depend on each other although they do not given the state: "cats
that look like dogs" mislead many workers at once, which a plain confusion matrix takes for independent
evidence.

Coordinate ascent, with ``q`` the posterior of the states and ``N`` expected counts of answers:

* ``q_i[c, m] ~ prior[c] tau_c[m] * product over answers of exp E[log V_j[c, m][l_ij]]``;
* ``V_j[c, m] | .. ~ Dirichlet(b_c + N_j[c, m])``, so ``E[log V] = psi(b + N) - psi(sum of b + N)``; the class
  and subtype shares are ``(alpha + n_c)`` and ``(a + n_cm)``, normalised.

Two priors:

* ``fixed``: ``b_c`` has 4 on the diagonal and 1 elsewhere, and ``alpha = 1``: the values in the program of
  EBCC's authors. ``a = 1``.
* ``crowd``: ``b_c`` is two answers, spread as the whole crowd's confusion matrix of class ``c``, learned in
  the same rounds from ``0.7`` on the diagonal with the weight of twenty answers, so that small groups of
  tasks lean on it: a hierarchical prior. The
  rows of ``V`` are then taken at their mean instead of ``exp E[log V]``, whose penalty for rare answers is
  far too strong for so weak a prior.

References
----------
Y. Li, B. Rubinstein, T. Cohn (2019), "Exploiting Worker Correlation for Label Aggregation in Crowdsourcing",
ICML, http://proceedings.mlr.press/v97/li19i.html (EBCC); H.-C. Kim and Z. Ghahramani (2012), "Bayesian
Classifier Combination", AISTATS (one subtype); M. Venanzi et al. (2014), "Community-Based Bayesian
Aggregation Models for Crowdsourcing", WWW, doi:10.1145/2566486.2567989 (shared priors).

Deviations:

* The authors draw random starts with ten subtypes and keep the one with the best bound. Here subtypes start
  from how much a task's answers agree (subtype ``m`` of class ``c`` near a vote share of ``m / (M - 1)``).
  That gives the same accuracy with four subtypes in one run, needs no random numbers, and makes results
  independent of the order of tasks and workers.
* Class and subtype shares are taken at their mean, not at ``exp E[log ..]``, and ``a`` is 1 instead of
  ``0.1 / M``: with so few subtypes, all placed by the start, none has to be emptied by its prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.design import Design, log_normalised
from labelwright.consolidation.estimator import ClassEstimator
from labelwright.consolidation.majority import majority_vote
from labelwright.consolidation.responses import Responses

__all__ = ["BayesianCombination", "StateModel", "fit_states"]

Floats = npt.NDArray[np.float64]

_DIAGONAL, _ELSEWHERE = 4.0, 1.0
_CROWD_ANSWERS = 2.0
_CROWD_START_ACCURACY, _CROWD_START_ANSWERS = 0.7, 20.0


@dataclass(frozen=True, slots=True, eq=False)
class StateModel:
    """A fitted model. States are numbered ``c * n_subtypes + m``.

    Attributes
    ----------
    q : ndarray of shape (n_tasks, n_states)
        Posterior of the states.
    log_prior : ndarray of shape (n_states,)
    log_table : ndarray of shape (n_pairs, n_states)
        Log-probability of each pair's answer in each state.
    counts, prior_counts : ndarrays of shape (n_pairs, n_states)
        Expected answers, and those that the prior stands for.
    prior_totals : ndarray of shape (n_states,)
        Sum of the prior of one worker over all labels.
    n_classes : int
    n_iter : int
    converged : bool
    """

    q: Floats
    log_prior: Floats
    log_table: Floats
    counts: Floats
    prior_counts: Floats
    prior_totals: Floats
    n_classes: int
    n_iter: int
    converged: bool

    def classes_of(self, states: Floats) -> Floats:
        """Sum the states of each class: (n, n_states) -> (n, n_classes)."""
        total: Floats = states.reshape(states.shape[0], self.n_classes, -1).sum(axis=2)
        return total


def fit_states(
    design: Design,
    *,
    n_subtypes: int,
    prior: Literal["crowd", "fixed"],
    n_rounds_max: int = 150,
    tol: float = 1e-3,
) -> StateModel:
    """Fit the model by coordinate ascent.

    Parameters
    ----------
    design : Design
        At least one answer, at least two classes.
    n_subtypes : int
        1 is the model of Kim and Ghahramani.
    prior : {"crowd", "fixed"}
    n_rounds_max : int
    tol : float
        Stop when no class probability changed by as much.

    Notes
    -----
    Memory: 24 bytes per task and state, 32 per pair and state.
    """
    from scipy.special import digamma

    r = design.responses
    k, m = r.n_classes, n_subtypes
    state_class = np.repeat(np.arange(k), m)
    is_hit = design.pair_label[:, None] == state_class  # (n_pairs, n_states)
    shares = majority_vote(r)
    q = (shares[:, :, None] * _agreement(shares, m)).reshape(r.n_tasks, k * m)
    p = shares
    prior_counts = np.where(is_hit, _DIAGONAL, _ELSEWHERE)
    prior_totals = np.full(k * m, _DIAGONAL + (k - 1) * _ELSEWHERE)
    off = (1 - _CROWD_START_ACCURACY) / (k - 1)
    converged = False
    n_iter = 0
    while n_iter < n_rounds_max and not converged:
        n_iter += 1
        counts = design.counts(q)
        if prior == "crowd":
            crowd = design.by_label(counts).reshape(k, k, m).sum(axis=2).T  # (class, label)
            crowd += _CROWD_START_ANSWERS * off
            crowd[np.arange(k), np.arange(k)] += _CROWD_START_ANSWERS * (_CROWD_START_ACCURACY - off)
            crowd *= _CROWD_ANSWERS / crowd.sum(axis=1, keepdims=True)
            prior_counts = crowd[state_class][:, design.pair_label].T
            prior_totals = np.full(k * m, _CROWD_ANSWERS)
        totals = design.by_worker(counts) + prior_totals
        if prior == "crowd":
            log_table = np.log(counts + prior_counts) - np.log(totals)[design.pair_worker]
        else:
            log_table = digamma(counts + prior_counts) - digamma(totals)[design.pair_worker]
        n_of = q.sum(axis=0).reshape(k, m)
        n_class = n_of.sum(axis=1, keepdims=True) + 1
        of_class = (n_of + 1) / (n_of + 1).sum(axis=1, keepdims=True)
        log_prior = np.log(n_class / n_class.sum() * of_class).ravel()
        q, _ = log_normalised(design.loglik(log_table) + log_prior)
        new = q.reshape(r.n_tasks, k, m).sum(axis=2)
        change = float(np.abs(new - p).max())
        p = new
        converged = change < tol
    return StateModel(
        q, log_prior, log_table, counts, prior_counts, prior_totals, k, n_iter, converged
    )  # fmt: skip


class BayesianCombination(ClassEstimator):
    """Enhanced Bayesian classifier combination (EBCC), or plain with one subtype.

    Parameters
    ----------
    n_subtypes : int
        Subtypes of each class.
    prior : {"fixed", "crowd"}
    n_rounds_max : int
    tol : float
        Stop when no class probability changed by as much.

    Attributes
    ----------
    model_ : StateModel or None
        None where there was nothing to fit.

    Examples
    --------
    >>> crowd = Responses.from_votes([[("a", 0), ("b", 0), ("c", 1)], [("a", 1), ("b", 1), ("c", 1)]], 2)
    >>> BayesianCombination().fit_predict(crowd).tolist()
    [0, 1]
    """

    model_: StateModel | None

    def __init__(
        self,
        *,
        n_subtypes: int = 4,
        prior: Literal["crowd", "fixed"] = "fixed",
        n_rounds_max: int = 150,
        tol: float = 1e-3,
    ) -> None:
        self.n_subtypes = n_subtypes
        self.prior = prior
        self.n_rounds_max = n_rounds_max
        self.tol = tol

    def _fit(self, responses: Responses) -> Floats:
        self.model_ = fit_states(
            Design(responses),
            n_subtypes=self.n_subtypes,
            prior=self.prior,
            n_rounds_max=self.n_rounds_max,
            tol=self.tol,
        )
        self.n_iter_, self.converged_ = self.model_.n_iter, self.model_.converged
        return self.model_.classes_of(self.model_.q)

    def _learn_nothing(self, responses: Responses) -> None:
        self.model_ = None


def _agreement(shares: Floats, n_subtypes: int) -> Floats:
    """Closeness of the vote share to ``m / (M - 1)``: (n_tasks, n_classes, n_subtypes)."""
    if n_subtypes == 1:
        return np.ones((*shares.shape, 1))
    centres = np.linspace(0, 1, n_subtypes)
    near = np.exp(-(((shares[:, :, None] - centres) * (n_subtypes - 1)) ** 2))
    closeness: Floats = near / near.sum(axis=2, keepdims=True)
    return closeness
