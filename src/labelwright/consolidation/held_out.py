"""How well a model predicts answers it has not seen: the one yardstick that needs no truth.

For answer ``l`` of worker ``j`` to task ``i`` the model is asked with that answer taken out, both of the
task and of the counts of the worker:

``P(l) = sum over states s of q_i^-[s] * (N_j[s][l] - q_i[s] + b[s][l]) / (N_j[s] - q_i[s] + b[s])``, with
``q_i^-[s] ~ prior[s] * (product over the other answers of V[s])**T``.

``T`` is a temperature: 1 takes answers for independent given the state; below 1 they repeat each other,
``n`` of them are worth ``T * n``. The ``T`` that predicts held-out answers best is what the crowd itself
says about that.

References
----------
A. Vehtari, A. Gelman, J. Gabry (2017), "Practical Bayesian model evaluation using leave-one-out
cross-validation", Statistics and Computing 27, doi:10.1007/s11222-016-9696-4 (the expected log predictive
density, here of single answers); P. Grünwald (2012), "The Safe Bayesian", ALT,
doi:10.1007/978-3-642-34106-9_16 (a likelihood raised to a power chosen by prediction).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.design import Design, log_normalised
from labelwright.consolidation.state_models import StateModel

__all__ = ["TEMPERATURES", "HeldOut", "held_out_answers", "predict_held_out"]

Floats = npt.NDArray[np.float64]

TEMPERATURES = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Temperatures that are tried."""

_ANSWERS_MAX = 200_000
_CHUNK_CELLS = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Predictions of held-out answers by one model.

    Attributes
    ----------
    temperature : float
        Of :data:`TEMPERATURES`, the one with the best mean logarithm.
    predicted : ndarray of shape (n_held_out,)
        Probability of each held-out answer at that temperature.
    predicted_by_votes : ndarray of shape (n_held_out,)
        The same where vote shares of the other answers (and one vote for the prior) take the place of
        ``q^-``.
    """

    temperature: float
    predicted: Floats
    predicted_by_votes: Floats


def held_out_answers(design: Design) -> npt.NDArray[np.int64]:
    """Positions of the answers to hold out: all, or those of evenly spaced tasks beyond 200,000."""
    r = design.responses
    if r.n_answers <= _ANSWERS_MAX:
        return np.arange(r.n_answers, dtype=np.int64)
    step = -(-r.n_answers // _ANSWERS_MAX)
    return np.flatnonzero(r.tasks % step == 0)


def predict_held_out(
    design: Design,
    model: StateModel,
    votes: Floats,
    answers: npt.NDArray[np.int64],
    *,
    temperatures: Sequence[float] = TEMPERATURES,
) -> HeldOut:
    """Predict answers, each from all the others.

    Parameters
    ----------
    design : Design
    model : StateModel
        Fitted to the design.
    votes : ndarray of shape (n_tasks, n_classes)
        Number of answers of each class.
    answers : ndarray of shape (n_held_out,), integer
        Positions of the answers to hold out.
    temperatures : sequence of float

    Returns
    -------
    HeldOut
    """
    r = design.responses
    tasks, n_states = r.tasks, model.q.shape[1]
    logits = design.loglik(model.log_table)
    totals = design.by_worker(model.counts)
    class_prior = model.classes_of(np.exp(model.log_prior)[None])[0]
    predicted = np.empty((len(temperatures), answers.size))
    by_votes = np.empty(answers.size)
    n_rows = max(64, _CHUNK_CELLS // n_states)
    for first in range(0, answers.size, n_rows):
        part = slice(first, first + n_rows)
        a = answers[part]
        i, j, pair = tasks[a], r.workers[a], design.pair_of_answer[a]
        q = model.q[i]
        rates = np.maximum(model.counts[pair] - q, 0.0) + model.prior_counts[pair]
        rates /= np.maximum(totals[j] - q, 0.0) + model.prior_totals  # (n, n_states)
        others = logits[i] - model.log_table[pair]
        for t, temperature in enumerate(temperatures):
            seen, _ = log_normalised(model.log_prior + temperature * others)
            predicted[t, part] = (seen * rates).sum(axis=1)
        rest = votes[i]
        rest[np.arange(a.size), r.labels[a]] -= 1
        share = (rest + class_prior) / (rest.sum(axis=1, keepdims=True) + 1)
        of_class = model.classes_of(q * rates) / np.maximum(model.classes_of(q), 1e-12)
        by_votes[part] = (share * of_class).sum(axis=1)
    best = int(np.log(predicted).mean(axis=1).argmax())
    return HeldOut(float(temperatures[best]), predicted[best], by_votes)
