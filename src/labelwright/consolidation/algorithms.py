"""The class algorithms by name, all called in one way.

A labeling job names its algorithm; the engine calls :func:`classify` (one class per object) or
:func:`classify_multi_label` (any number of them) with the answers of a group. Every algorithm gives the same
kind of result, so whoever stores labels need not know which one ran.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.consolidation.bayesian import CalibratedBayesian
from labelwright.consolidation.confusion_em import DawidSkene
from labelwright.consolidation.dawid_skene import class_posteriors, consolidate_multi_label
from labelwright.consolidation.estimates import ClassEstimate
from labelwright.consolidation.glad import GLAD
from labelwright.consolidation.majority import majority_vote
from labelwright.consolidation.one_coin import OneCoin
from labelwright.consolidation.responses import Responses
from labelwright.consolidation.spectral import spectral_start
from labelwright.consolidation.state_models import BayesianCombination
from labelwright.consolidation.workers import worker_quality

__all__ = ["ALGORITHMS", "Algorithm", "classify", "classify_multi_label"]

Floats = npt.NDArray[np.float64]
Votes = Sequence[Sequence[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm of the registry.

    Attributes
    ----------
    name : str
        As a job names it.
    version : str
        Changes whenever results may; goes into the lineage of a label.
    summary : str
        One line for people who choose.
    posteriors : callable
        ``(Responses) -> ndarray of shape (n_tasks, n_classes)``.
    """

    name: str
    version: str
    summary: str
    posteriors: Callable[[Responses], Floats]


def classify(
    responses: Responses | Votes,
    n_classes: int,
    *,
    algorithm: str = "compatible",
    n_workers_asked: int | None = None,
) -> ClassEstimate:
    """Combine the answers of several workers into one class per object.

    Parameters
    ----------
    responses : Responses or sequence of sequences of (str, int)
        Answers in compact form; or for each object its answers ``(worker id, class index)``, in the order of
        submission. Objects of one call are estimated together.
    n_classes : int
        Number of labels of the job.
    algorithm : str
        A name in :data:`ALGORITHMS`.
    n_workers_asked : int, optional
        Workers per object of the job. With 1 the (first) answer is the label and its confidence 0, whatever
        the algorithm.

    Returns
    -------
    ClassEstimate
        ``labels, confidences, posteriors, worker_quality``.

    Raises
    ------
    ValueError
        For an unknown algorithm, an object without answers among votes, or a class index outside
        ``0 .. n_classes - 1``.

    Examples
    --------
    >>> labels, confidences, _, quality = classify([[("a", 0), ("b", 0), ("c", 1)]], 3, algorithm="majority")
    >>> int(labels[0]), round(float(confidences[0]), 2), list(quality.workers)
    (0, 0.67, ['a', 'b', 'c'])
    """
    chosen = _named(algorithm)
    crowd = _responses(responses, n_classes)
    if n_workers_asked == 1:
        return _as_answered(crowd)
    if chosen.name == "compatible" and not isinstance(responses, Responses):
        posteriors = _table(class_posteriors(responses, n_classes), n_classes)  # repetitions count there
    else:
        posteriors = chosen.posteriors(crowd)
    labels = posteriors.argmax(axis=1)
    best = posteriors.max(axis=1)
    confidences = best
    if chosen.name == "compatible":
        confidences = np.array([round(0.05 + 0.9 * p, 2) for p in best.tolist()], dtype=np.float64)
    return ClassEstimate(labels, confidences, posteriors, worker_quality(crowd, posteriors))


def classify_multi_label(
    votes: Sequence[Sequence[tuple[str, frozenset[int]]]],
    n_classes: int,
    *,
    algorithm: str = "compatible",
    n_workers_asked: int | None = None,
) -> list[list[tuple[int, float]]]:
    """Combine answers that tick any number of classes: one two-class problem (ticked or not) per class.

    Parameters
    ----------
    votes : sequence of sequences of (str, frozenset of int)
        For each object its answers ``(worker id, classes ticked)``.
    n_classes : int
    algorithm : str
        A name in :data:`ALGORITHMS`.
    n_workers_asked : int, optional
        With 1 all confidences are 0.

    Returns
    -------
    list of lists of (int, float)
        Per object every class that at least one worker ticked, with the probability of "ticked", on the
        scale of the algorithm's confidences (so it may be below 0.5); by confidence descending, then by
        index.

    Raises
    ------
    ValueError
        As :func:`classify`.

    Examples
    --------
    >>> ticked = [[("a", frozenset({0, 1})), ("b", frozenset({0}))]]
    >>> classify_multi_label(ticked, 3, algorithm="majority")
    [[(0, 1.0), (1, 0.5)]]
    """
    chosen = _named(algorithm)
    if chosen.name == "compatible":
        return consolidate_multi_label(votes, n_classes, n_workers_asked=n_workers_asked)
    for i, answers in enumerate(votes):
        if not answers:
            raise ValueError(f"object {i} has no answers and cannot be consolidated")
        for worker, ticked in answers:
            for label in ticked:
                if not 0 <= label < n_classes:
                    raise ValueError(
                        f"class index {label} of {worker} is not within 0..{n_classes - 1}"
                    )  # fmt: skip
    none: frozenset[int] = frozenset()
    ticked_by_object = [none.union(*(ticked for _, ticked in answers)) for answers in votes]
    found: list[dict[int, float]] = [{} for _ in votes]
    for label in sorted(none.union(*ticked_by_object)):
        binary = [[(worker, int(label in ticked)) for worker, ticked in answers] for answers in votes]
        if n_workers_asked == 1:
            probabilities = [0.0] * len(votes)
        else:
            probabilities = chosen.posteriors(_responses(binary, 2))[:, 1].tolist()
        for i, ticked in enumerate(ticked_by_object):
            if label in ticked:
                found[i][label] = probabilities[i]
    return [sorted(labels.items(), key=lambda item: (-item[1], item[0])) for labels in found]


def _compatible(responses: Responses) -> Floats:
    names = [str(name) for name in range(responses.n_workers)]
    answers = [
        (names[j], label)
        for j, label in zip(responses.workers.tolist(), responses.labels.tolist(), strict=True)
    ]
    starts = responses.starts.tolist()
    votes = [answers[a:b] for a, b in itertools.pairwise(starts) if b > a]
    posteriors = np.full((responses.n_tasks, responses.n_classes), 1 / max(responses.n_classes, 1))
    has_answer = responses.n_per_task > 0
    posteriors[has_answer] = _table(class_posteriors(votes, responses.n_classes), responses.n_classes)
    return posteriors


def _table(rows: list[list[float]], n_classes: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(len(rows), n_classes)


def _named(algorithm: str) -> Algorithm:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"no algorithm is named {algorithm!r}; there are {', '.join(ALGORITHMS)}")
    return ALGORITHMS[algorithm]


def _responses(responses: Responses | Votes, n_classes: int) -> Responses:
    if n_classes < 1:
        raise ValueError(f"n_classes must be at least 1, got {n_classes}")
    if isinstance(responses, Responses):
        if responses.n_classes != n_classes:
            raise ValueError(f"the responses have {responses.n_classes} classes, n_classes is {n_classes}")
        return responses
    for i, answers in enumerate(responses):
        if not answers:
            raise ValueError(f"object {i} has no answers and cannot be consolidated")
        for worker, label in answers:
            if not 0 <= label < n_classes:
                raise ValueError(f"class index {label} of {worker} is not within 0..{n_classes - 1}")
    return Responses.from_votes(responses, n_classes)


def _as_answered(crowd: Responses) -> ClassEstimate:
    has_answer = crowd.n_per_task > 0
    labels = np.zeros(crowd.n_tasks, dtype=np.int64)
    labels[has_answer] = crowd.labels[crowd.starts[:-1][has_answer]]
    posteriors = majority_vote(crowd)
    return ClassEstimate(labels, np.zeros(crowd.n_tasks), posteriors, worker_quality(crowd, posteriors))


_ALL = (
    Algorithm("compatible", "1", "What Ground Truth computed: Dawid-Skene, two rounds.", _compatible),
    Algorithm(
        "bayesian",
        "1",
        "Recommended: Bayesian models weighed and calibrated by how well they predict the crowd.",
        lambda crowd: CalibratedBayesian().fit_predict_proba(crowd),
    ),
    Algorithm("majority", "1", "Vote shares.", majority_vote),
    Algorithm(
        "dawid-skene",
        "1",
        "A confusion matrix per worker, to convergence.",
        lambda crowd: DawidSkene().fit_predict_proba(crowd),
    ),
    Algorithm(
        "spectral",
        "1",
        "Dawid-Skene started from how often workers agree.",
        lambda crowd: DawidSkene(start=spectral_start).fit_predict_proba(crowd),
    ),
    Algorithm("one-coin", "1", "An accuracy per worker.", lambda crowd: OneCoin().fit_predict_proba(crowd)),
    Algorithm(
        "glad",
        "1",
        "An ability per worker, a difficulty per object.",
        lambda crowd: GLAD().fit_predict_proba(crowd),
    ),
    Algorithm(
        "bcc",
        "1",
        "Enhanced Bayesian classifier combination: subtypes within classes.",
        lambda crowd: BayesianCombination().fit_predict_proba(crowd),
    ),
)

ALGORITHMS: Mapping[str, Algorithm] = {algorithm.name: algorithm for algorithm in _ALL}
"""All algorithms by name."""
