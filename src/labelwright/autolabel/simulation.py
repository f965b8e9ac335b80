"""A whole job on arrays with hidden labels: what would it cost, and is the promise kept?"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.autolabel.certify import Certificate, certify_rest, joined, next_look
from labelwright.autolabel.embeddings import fit_embedding
from labelwright.autolabel.forecast import forecast, machine_share_now
from labelwright.autolabel.learners import HeldOut, Learner
from labelwright.autolabel.queries import choose_queries, random_count
from labelwright.autolabel.rounds import (
    RoundOptions,
    Step,
    first_batch,
    is_hopeless,
    next_step,
    sample_order,
    surest,
)

__all__ = ["SimulationResult", "simulate"]


@dataclasses.dataclass(frozen=True, slots=True)
class SimulationResult:
    """Outcome of one simulated job.

    Attributes
    ----------
    n, n_human, n_machine : int
        Objects; labeled by people; labeled by the machine. The others stay without a label: there are some
        only where the job was ended on advice.
    coverage : float
        ``n_machine / n``: the share of human work saved.
    machine_error : float
        Share of wrong machine labels, 0 where there are none.
    accuracy : float
        Share of right labels among all labels (people are right).
    n_attempts : int
        Certifications tried.
    certificate : Certificate or None
        Of the machine's labels, all parts together; None when there are none.
    learner : Learner
        Last model.
    advice : str
        What :func:`labelwright.autolabel.forecast.forecast` said when it first expected little; empty if
        never.
    n_human_at_advice : int or None
        Labels that people had given by then.
    """

    n: int
    n_human: int
    n_machine: int
    coverage: float
    machine_error: float
    accuracy: float
    n_attempts: int
    certificate: Certificate | None
    learner: Learner
    advice: str
    n_human_at_advice: int | None


def simulate(
    x: Any,
    y: ArrayLike,
    *,
    seed: int,
    options: RoundOptions | None = None,
    n_classes: int | None = None,
    start: Learner | None = None,
    is_embedded: bool = False,
    random_queries: bool = False,
    stops_on_advice: bool = False,
    most_human: int | None = None,
) -> SimulationResult:
    """Run the loop of :mod:`labelwright.autolabel.rounds` with people who are always right.

    Parameters
    ----------
    x : ndarray or CSR matrix of shape (n, d)
        Raw features of all objects.
    y : array-like of shape (n,), int
        True labels; one is looked at only when the object is shown to people, and all of them at the end.
    seed : int
        Of all draws.
    options : RoundOptions, optional
    n_classes : int, optional
        Default: ``max(y) + 1``.
    start : Learner, optional
        Model of an earlier job; its embedding is used.
    is_embedded : bool
        `x` is embedded already.
    random_queries : bool
        Ask for random objects in place of unsure ones, for comparison.
    stops_on_advice : bool
        End the job as soon as it says that the machine will label little, as a requester may who reads
        it. Default: people label what the machine does not, to the last object.
    most_human : int, optional
        The job ends when people have labeled so many objects (``MaxHumanLabeledObjectCount``).

    Returns
    -------
    SimulationResult
    """
    truth = np.asarray(y, np.int64)
    k = int(truth.max()) + 1 if n_classes is None else n_classes
    options = options or RoundOptions()
    if start is not None and start.embedding is not None and not is_embedded:
        embedding, z = start.embedding, start.embedding(x)
    elif is_embedded:
        embedding, z = None, x
    else:
        embedding = fit_embedding(x, seed=seed)
        z = embedding(x)
    job = _Job(z, truth, seed, options, len(truth) if most_human is None else most_human)
    rng = np.random.default_rng([seed, 1])
    learner = Learner(k, embedding=embedding)
    order = rng.permutation(len(truth))
    if start is None:
        job.ask(order[: first_batch(len(truth), k)], is_random=True)
    else:
        learner = start
    certificates: list[Certificate] = []
    n_attempts, i_round, has_just_failed = 0, 0, False
    labels = np.full(len(truth), -1, np.int64)
    curve: list[tuple[int, float]] = []
    advice, n_human_at_advice = "", None
    n_before = 0 if start is None else start.n_seen_
    while job.n_allowed and len(rest := np.flatnonzero(~job.is_known & (labels < 0))):
        if job.n_known:
            learner = job.train(Learner(k, embedding=embedding), start, learner)
            n_before = learner.n_seen_ - job.n_known
        found = learner.predict(z[rest])
        share = machine_share_now(found.confidences, len(truth), target_error=options.target_error)
        curve.append((job.n_known, share + float((labels >= 0).mean())))
        expected = forecast(*zip(*curve, strict=True), n_objects=len(truth))
        if expected.is_poor and not advice:
            advice, n_human_at_advice = expected.advice, job.n_known
            if stops_on_advice:
                break
        step = next_step(
            found.confidences,
            n_human=job.n_known,
            n_before=n_before,
            n_attempts=n_attempts,
            has_just_failed=has_just_failed,
            has_certified=bool(certificates),
            n_allowed=None if most_human is None else job.n_allowed,
            options=options,
        )
        has_just_failed = False
        if step.kind == "humans":
            job.ask(rest, is_random=False)
        elif step.kind == "query":
            certainty = rng.random(len(rest)) if random_queries else found.margins
            n_asked = min(step.n, job.n_allowed)
            chosen = choose_queries(certainty, None, n_asked, seed=seed * 1000 + i_round)
            job.remember(found.margins[chosen], found.labels[chosen] == truth[rest[chosen]])
            n_random = len(chosen) if random_queries else random_count(len(chosen))
            job.ask(rest[chosen[: len(chosen) - n_random]], is_random=False)
            job.ask(rest[chosen[len(chosen) - n_random :]], is_random=True)
            i_round += 1
        else:
            part = surest(found.confidences, found.margins, step.n_part)
            drawn = part[sample_order(len(part), seed=seed, i_attempt=n_attempts)]
            right = found.labels[drawn] == truth[rest[drawn]]
            n_sampled, certificate = _certify(right, step, options, job.n_allowed)
            n_attempts += 1
            job.ask(rest[drawn[:n_sampled]], is_random=True)
            job.remember(found.margins[drawn[:n_sampled]], right[:n_sampled])
            has_just_failed = certificate is None
            if certificate is not None:
                certificates.append(certificate)
                labels[rest[drawn[n_sampled:]]] = found.labels[drawn[n_sampled:]]
    machine = np.flatnonzero(labels >= 0)
    wrong = int((labels[machine] != truth[machine]).sum())
    n, n_machine, n_human = len(truth), len(machine), job.n_known
    return SimulationResult(
        n=n,
        n_human=n_human,
        n_machine=n_machine,
        coverage=n_machine / n,
        machine_error=wrong / n_machine if n_machine else 0.0,
        accuracy=1 - wrong / max(1, n_human + n_machine),
        n_attempts=n_attempts,
        certificate=joined(certificates) if certificates else None,
        learner=learner,
        advice=advice,
        n_human_at_advice=n_human_at_advice,
    )


def _certify(
    right: NDArray[np.bool_], step: Step, options: RoundOptions, n_allowed: int
) -> tuple[int, Certificate | None]:
    """Sample in order until the remainder is certified or the attempt is given up; sampled objects and
    certificate.
    """
    n_rest, n = len(right), min(step.n, n_allowed)
    while True:
        losses = 1.0 - right[:n]
        certificate = certify_rest(
            losses,
            n_rest,
            target_error=options.target_error,
            confidence=1 - step.level,
            expected_error=step.expected_error,
        )
        if certificate.is_met:
            return n, certificate
        n_errors = float(losses.sum())
        if is_hopeless(n_errors, n, n_rest, step, target_error=options.target_error):
            return n, None
        more = next_look(
            losses,
            n_rest,
            target_error=options.target_error,
            confidence=1 - step.level,
            expected_error=step.expected_error,
        )
        if n + more > n_rest // 2 or n == n_allowed:  # not even without another error
            return n, None
        n = min(n + min(more, options.batch_most), n_allowed)


class _Job:
    """Who knows what: labels bought so far, which of them at random, and what models said before they
    were bought.
    """

    def __init__(self, z: Any, truth: NDArray[np.int64], seed: int, options: RoundOptions, most: int) -> None:
        self.z, self.truth, self.most = z, truth, most
        self.is_known = np.zeros(len(truth), np.bool_)
        self.is_random = np.zeros(len(truth), np.bool_)
        self.order = np.empty(0, np.intp)  # in which they were bought: what is learned grows at its end
        self.said: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []

    @property
    def n_known(self) -> int:
        return int(self.is_known.sum())

    @property
    def n_allowed(self) -> int:
        return max(0, self.most - self.n_known)

    def ask(self, objects: NDArray[np.intp], *, is_random: bool) -> None:
        objects = objects[: self.n_allowed]
        self.order = np.concatenate([self.order, objects])
        self.is_known[objects] = True
        self.is_random[objects] |= is_random

    def remember(self, margins: NDArray[np.float64], right: NDArray[np.bool_]) -> None:
        self.said.append((margins, right))

    def train(self, learner: Learner, start: Learner | None, last: Learner) -> Learner:
        known = self.order
        held_out = None
        if self.said:
            newest = self.said[-2:]
            held_out = HeldOut(np.concatenate([m for m, _ in newest]), np.concatenate([r for _, r in newest]))
        return learner.fit(
            self.z[known],
            self.truth[known],
            start=start,
            is_random=self.is_random[known],
            held_out=held_out,
            last=last,
        )
