"""Class labels from several workers: the modified Dawid-Skene algorithm of Ground Truth.

Model
-----
Objects ``i``, workers ``j``, classes ``c``. Each object has an unknown class with distribution ``p_i``; each
worker answers class ``l`` for true class ``c`` with probability ``W_j[c][l]``. Expectation maximisation
alternates

* E step: ``p_i[c]  ~  prior[c] * prod_j W_j[c][l_ij]``, where ``prior`` is the mean of the ``p_i`` before the
  step;
* M step: ``N_j[c][l] = sum of p_i[c] over the objects that j answered with l``, and ``W_j`` from ``N_j``.

References
----------
A. P. Dawid and A. M. Skene (1979), "Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm", Applied Statistics 28(1), 20-28, doi:10.2307/2346806. The E step is its equation (2.5), the M step
(2.3) and (2.4).

Deviations from the paper, all needed to get the numbers of the real service:

* Start: ``p_i`` uniform and every ``W_j`` with 0.7 on its diagonal (the paper starts from vote shares), so
  that the first step is already an E step.
* Exactly two rounds instead of convergence. The published example tests for convergence with a quotient that
  is negative for negative log-likelihoods, so it always stops after two; the service's numbers agree.
* ``W_j`` is smoothed by two priors before its rows are normalised: ``N_j + T_j init(acc_j) + T_j/2 init(A)``,
  with ``T_j`` the number of answers of ``j``, ``acc_j = trace(N_j) / T_j``, ``A`` the mean accuracy of the
  round before, and ``init(a)`` a matrix with ``a`` on its diagonal and the rest spread evenly.
* The reported confidence is ``0.05 + 0.9 max(p_i)``, rounded to two decimals.

Workers are estimated within the objects of one call only: which objects are consolidated together matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["class_posteriors", "consolidate_classes", "consolidate_multi_label", "dawid_skene_kernel"]

Votes = Sequence[Sequence[tuple[str, int]]]
"""For each object its answers ``(worker id, class index)`` in the order of submission."""

_N_ROUNDS = 2
_ACCURACY_START = 0.7
# Cells of all confusion matrices together up to which the plain form runs: well under a second and 100 MB.
_PLAIN_CELLS_MAX = 2_000_000
# Largest relative difference between posteriors that the kernel takes for rounding noise, hence for a tie.
_TIE = 1e-12


def consolidate_classes(
    votes: Votes, n_classes: int, *, n_workers_asked: int | None = None
) -> list[tuple[int, float]]:
    """Combine the answers of one group of objects into one class each.

    Parameters
    ----------
    votes : sequence of sequences of (str, int)
        For each object its answers ``(worker id, class index)``, objects in id order, answers in the order of
        submission. Every object needs at least one answer.
    n_classes : int
        Number of labels of the job.
    n_workers_asked : int, optional
        Workers per object of the job. With 1 the answer is the label and its confidence 0.

    Returns
    -------
    list of (int, float)
        Class index and confidence (0.05 to 0.95, two decimals) per object. Ties go to the lowest class index.

    Raises
    ------
    ValueError
        An object without answers, or a class index outside ``0 .. n_classes - 1``.

    Examples
    --------
    >>> consolidate_classes([[("a", 0), ("b", 0), ("c", 1)]], 3)
    [(0, 0.94)]
    """
    if n_workers_asked == 1:
        _check(votes, n_classes)
        return [(answers[0][1], 0.0) for answers in votes]
    labels = []
    for p in class_posteriors(votes, n_classes):
        best = max(p)
        labels.append((p.index(best), round(0.05 + 0.9 * best, 2)))
    return labels


def consolidate_multi_label(
    votes: Sequence[Sequence[tuple[str, frozenset[int]]]],
    n_classes: int,
    *,
    n_workers_asked: int | None = None,
) -> list[list[tuple[int, float]]]:
    """Combine answers that tick any number of classes: one two-class problem (ticked or not) per class.

    Parameters
    ----------
    votes : sequence of sequences of (str, frozenset of int)
        For each object its answers ``(worker id, classes ticked)``.
    n_classes : int
    n_workers_asked : int, optional
        With 1 all confidences are 0.

    Returns
    -------
    list of lists of (int, float)
        Per object every class that at least one worker ticked, with the probability of "ticked" on the
        scale of confidences (so it may be below 0.5); by confidence descending, then by index.

    Raises
    ------
    ValueError
        As :func:`consolidate_classes`.
    """
    for i, answers in enumerate(votes):
        if not answers:
            raise ValueError(f"object {i} has no answers and cannot be consolidated")
        for worker, ticked in answers:
            _check_labels(worker, ticked, n_classes)
    none: frozenset[int] = frozenset()
    ticked_by_object = [none.union(*(ticked for _, ticked in answers)) for answers in votes]
    confidences: list[dict[int, float]] = [{} for _ in votes]
    for label in sorted(none.union(*ticked_by_object)):
        binary = [[(worker, int(label in ticked)) for worker, ticked in answers] for answers in votes]
        posteriors = [] if n_workers_asked == 1 else class_posteriors(binary, 2)
        for i, ticked in enumerate(ticked_by_object):
            if label in ticked:
                confidences[i][label] = round(0.05 + 0.9 * posteriors[i][1], 2) if posteriors else 0.0
    return [sorted(found.items(), key=lambda item: (-item[1], item[0])) for found in confidences]


def class_posteriors(votes: Votes, n_classes: int) -> list[list[float]]:
    """Return the class distribution of every object after the two rounds.

    Parameters and errors are those of :func:`consolidate_classes`.

    Returns
    -------
    list of lists of float
        One list of ``n_classes`` probabilities per object.

    Notes
    -----
    Common sizes run through a plain form that follows the specified order of operations to the last digit.
    Jobs with very many classes go through :func:`dawid_skene_kernel`, which needs memory for the classes
    that each worker used only, and whose rounding noise is evened out so that ties still go to the lowest
    index.
    """
    _check(votes, n_classes)
    if not votes:
        return []
    names = list(dict.fromkeys(worker for answers in votes for worker, _ in answers))
    if len(names) * n_classes * n_classes <= _PLAIN_CELLS_MAX:
        return _plain(votes, names, n_classes)
    index = {name: j for j, name in enumerate(names)}
    flat = [(i, index[worker], label) for i, answers in enumerate(votes) for worker, label in answers]
    objects, workers, labels = (np.array(column, dtype=np.intp) for column in zip(*flat, strict=True))
    p = dawid_skene_kernel(objects, workers, labels, n_classes=n_classes)
    best = p.max(axis=1, keepdims=True)
    result: list[list[float]] = np.where(p >= best * (1 - _TIE), best, p).tolist()
    return result


def _check(votes: Votes, n_classes: int) -> None:
    if n_classes < 1:
        raise ValueError(f"n_classes must be at least 1, got {n_classes}")
    for i, answers in enumerate(votes):
        if not answers:
            raise ValueError(f"object {i} has no answers and cannot be consolidated")
        for worker, label in answers:
            _check_labels(worker, (label,), n_classes)


def _check_labels(worker: str, labels: Iterable[int], n_classes: int) -> None:
    for label in labels:
        if not 0 <= label < n_classes:
            raise ValueError(f"class index {label} of {worker} is not within 0..{n_classes - 1}")


def _plain(votes: Votes, workers: list[str], n_classes: int) -> list[list[float]]:
    """Run the algorithm in the order of operations of its specification; the sums run left to right."""
    classes = range(n_classes)
    n_others = n_classes - 1

    def off_diagonal(a: float) -> float:
        return (1 - a) / n_others if n_others else 0.0

    p = [[1 / n_classes] * n_classes for _ in votes]
    start = off_diagonal(_ACCURACY_START)
    # w[j][l][c]: columns first, because an answer l selects a column.
    w = {j: [[_ACCURACY_START if r == c else start for r in classes] for c in classes] for j in workers}
    mean_accuracy = _ACCURACY_START
    for _ in range(_N_ROUNDS):
        prior = [sum(column) for column in zip(*p, strict=True)]
        total = sum(prior)
        prior = [x / total for x in prior]
        for i, answers in enumerate(votes):
            q = prior
            for j, label in answers:
                q = [x * y for x, y in zip(q, w[j][label], strict=True)]
            total = sum(q)
            if total > 0:
                p[i] = [x / total for x in q]

        counts = {j: [[0.0] * n_classes for _ in classes] for j in workers}  # [true][answer]
        for p_i, answers in zip(p, votes, strict=True):
            for j, label in answers:
                for row, x in zip(counts[j], p_i, strict=True):
                    row[label] += x
        accuracies = []
        for j in workers:
            n_j = counts[j]
            t = sum(map(sum, n_j))
            accuracy = sum([n_j[c][c] for c in classes]) / t
            accuracies.append(accuracy)
            own_diagonal, own = accuracy * t, off_diagonal(accuracy) * t
            pool_diagonal, pool = mean_accuracy * t / 2, off_diagonal(mean_accuracy) * t / 2
            rows = []
            for r, counted in enumerate(n_j):
                row = [x + own + pool for x in counted]
                row[r] = counted[r] + own_diagonal + pool_diagonal
                total = sum(row)
                rows.append([x / total for x in row])
            w[j] = [list(column) for column in zip(*rows, strict=True)]
        mean_accuracy = sum(accuracies) / len(accuracies)
    return p


def dawid_skene_kernel(
    objects: npt.NDArray[np.intp],
    workers: npt.NDArray[np.intp],
    labels: npt.NDArray[np.intp],
    *,
    n_classes: int,
) -> npt.NDArray[np.float64]:
    """Run the algorithm on integer-coded answers, vectorised.

    Parameters
    ----------
    objects, workers, labels : ndarray of shape (n_answers,), integer
        Answer ``k`` is class ``labels[k]`` by ``workers[k]`` on ``objects[k]``. Objects and workers are
        numbered from 0 without gaps.
    n_classes : int

    Returns
    -------
    ndarray of shape (n_objects, n_classes), float64
        Class distributions; rows sum to 1. Equal to the plain form up to rounding in the last digits.

    Notes
    -----
    Only the columns of a confusion matrix that its worker used are held: with ``n_pairs`` distinct (worker,
    answer) pairs, memory is ``O((n_pairs + n_workers + n_answers) * n_classes)``. Row sums follow without
    the other columns, because each smoothing matrix has rows that sum to 1.
    """
    if objects.size == 0:
        return np.empty((0, n_classes), dtype=np.float64)
    n_objects, n_workers = int(objects.max()) + 1, int(workers.max()) + 1
    n_others = max(n_classes - 1, 1)
    pairs, pair_of_answer = np.unique(workers * n_classes + labels, return_inverse=True)
    pair_worker, pair_label = np.divmod(pairs, n_classes)
    n_pairs = pairs.size
    rows = np.arange(n_pairs)
    n_answers_of = np.bincount(workers, minlength=n_workers).astype(np.float64)  # (n_workers,)
    t = n_answers_of[pair_worker][:, None]  # (n_pairs, 1)

    def off_diagonal(a: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return (1 - a) / n_others if n_classes > 1 else np.zeros_like(a)

    def column(a: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Column ``pair_label`` of ``init(a)`` per pair: (n_pairs, 1) -> (n_pairs, n_classes)."""
        columns = np.repeat(off_diagonal(a), n_classes, axis=1)
        columns[rows, pair_label] = a[:, 0]
        return columns

    p = np.full((n_objects, n_classes), 1 / n_classes)
    mean_accuracy = np.full((n_pairs, 1), _ACCURACY_START)
    w = column(mean_accuracy)  # w[pair, c] = W_j[c][l]
    for _ in range(_N_ROUNDS):
        prior = p.sum(axis=0)
        with np.errstate(divide="ignore"):
            log_q = np.repeat(np.log(prior / prior.sum())[None, :], n_objects, axis=0)
            np.add.at(log_q, objects, np.log(w)[pair_of_answer])  # (n_objects, n_classes)
        q = np.exp(log_q - log_q.max(axis=1, keepdims=True))
        p = q / q.sum(axis=1, keepdims=True)

        counts = np.zeros((n_pairs, n_classes))
        np.add.at(counts, pair_of_answer, p[objects])
        row_sums = np.zeros((n_workers, n_classes))
        np.add.at(row_sums, pair_worker, counts)
        hits = np.bincount(pair_worker, weights=counts[rows, pair_label], minlength=n_workers)
        accuracy = hits / n_answers_of  # (n_workers,)
        smoothed = counts + column(accuracy[pair_worker][:, None]) * t + column(mean_accuracy) * t / 2
        w = smoothed / (row_sums[pair_worker] + 1.5 * t)
        mean_accuracy = np.full((n_pairs, 1), accuracy.mean())
    return p
