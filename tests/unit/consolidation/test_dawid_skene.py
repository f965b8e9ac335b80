from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from labelwright.consolidation import (
    class_posteriors,
    consolidate_classes,
    consolidate_multi_label,
    dawid_skene,
    dawid_skene_kernel,
)

Answers = list[tuple[str, int]]


def votes_of(table: list[list[int]]) -> list[Answers]:
    return [list(zip("abcdefghi", row, strict=False)) for row in table]


def reference(votes: list[Answers], n_classes: int) -> list[list[float]]:
    """The algorithm as its specification writes it down, whole matrices and all."""

    def init(a: float) -> list[list[float]]:
        off = (1 - a) / (n_classes - 1) if n_classes > 1 else 0.0
        return [[a if r == c else off for c in range(n_classes)] for r in range(n_classes)]

    workers = list(dict.fromkeys(worker for answers in votes for worker, _ in answers))
    p = [[1 / n_classes] * n_classes for _ in votes]
    matrices = {worker: init(0.7) for worker in workers}
    mean_accuracy = 0.7
    for _ in range(2):
        prior = [sum(row[c] for row in p) for c in range(n_classes)]
        total = sum(prior)
        prior = [x / total for x in prior]
        for i, answers in enumerate(votes):
            q = list(prior)
            for worker, label in answers:
                q = [q[c] * matrices[worker][c][label] for c in range(n_classes)]
            total = sum(q)
            if total > 0:
                p[i] = [x / total for x in q]
        counts = {worker: [[0.0] * n_classes for _ in range(n_classes)] for worker in workers}
        for i, answers in enumerate(votes):
            for worker, label in answers:
                for c in range(n_classes):
                    counts[worker][c][label] += p[i][c]
        accuracies = {}
        for worker in workers:
            t = sum(map(sum, counts[worker]))
            accuracies[worker] = sum(counts[worker][c][c] for c in range(n_classes)) / t
            own, pool = init(accuracies[worker]), init(mean_accuracy)
            for r in range(n_classes):
                row = [counts[worker][r][c] + own[r][c] * t + pool[r][c] * t / 2 for c in range(n_classes)]
                total = sum(row)
                matrices[worker][r] = [x / total for x in row]
        mean_accuracy = sum(accuracies.values()) / len(accuracies)
    return p


GROUP = votes_of([[0, 0, 0], [1, 1, 0], [2, 2, 2], [0, 1, 2], [1, 1, 1], [2, 0, 0]])


def test_published_group_digit_for_digit() -> None:
    assert consolidate_classes(GROUP, 3) == [(0, 0.94), (1, 0.84), (2, 0.94), (1, 0.43), (1, 0.94), (0, 0.87)]
    assert [[round(x, 6) for x in p] for p in class_posteriors(GROUP, 3)] == [
        [0.988691, 0.006738, 0.004571],
        [0.107960, 0.878195, 0.013845],
        [0.009617, 0.006056, 0.984326],
        [0.331426, 0.418852, 0.249722],
        [0.005839, 0.990151, 0.004010],
        [0.913806, 0.018375, 0.067820],
    ]


@pytest.mark.parametrize(
    ("answers", "n_classes", "expected"),
    [
        ([0, 0, 1], 3, (0, 0.94)),
        ([0, 0, 0], 3, (0, 0.95)),
        ([0, 1, 2], 3, (0, 0.35)),
        ([1, 0], 2, (0, 0.5)),
        ([0, 0], 1, (0, 0.95)),
    ],
)
def test_groups_of_one_object(answers: list[int], n_classes: int, expected: tuple[int, float]) -> None:
    assert consolidate_classes(votes_of([answers]), n_classes) == [expected]


def test_one_worker_per_object_is_taken_as_it_is() -> None:
    assert consolidate_classes(votes_of([[2], [0]]), 3, n_workers_asked=1) == [(2, 0.0), (0, 0.0)]
    assert consolidate_classes(votes_of([[2]]), 3, n_workers_asked=3) != [(2, 0.0)]


def test_empty_group_and_bad_votes() -> None:
    assert consolidate_classes([], 3) == []
    with pytest.raises(ValueError, match="object 1 has no answers"):
        consolidate_classes([[("a", 0)], []], 2)
    with pytest.raises(ValueError, match="class index 2 of a"):
        consolidate_classes([[("a", 2)]], 2)
    with pytest.raises(ValueError, match="n_classes"):
        consolidate_classes([], 0)


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Answers], int]:
    n_classes = draw(st.integers(1, 6))
    workers = [f"w{j}" for j in range(draw(st.integers(1, 6)))]
    answers = st.lists(
        st.tuples(st.sampled_from(workers), st.integers(0, n_classes - 1)), min_size=1, max_size=5
    )
    return draw(st.lists(answers, min_size=1, max_size=8)), n_classes


@given(crowds())
def test_plain_form_equals_the_reference_to_the_last_digit(crowd: tuple[list[Answers], int]) -> None:
    votes, n_classes = crowd
    assert class_posteriors(votes, n_classes) == reference(votes, n_classes)


def kernel(votes: list[Answers], n_classes: int) -> np.ndarray:
    names = list(dict.fromkeys(worker for answers in votes for worker, _ in answers))
    flat = [(i, names.index(w), label) for i, answers in enumerate(votes) for w, label in answers]
    columns = [np.array(column) for column in zip(*flat, strict=True)]
    for column in columns:
        column.flags.writeable = False
    return dawid_skene_kernel(*columns, n_classes=n_classes)


@given(crowds())
def test_kernel_equals_the_plain_form_but_for_rounding(crowd: tuple[list[Answers], int]) -> None:
    votes, n_classes = crowd
    np.testing.assert_allclose(kernel(votes, n_classes), class_posteriors(votes, n_classes), rtol=1e-9)


def test_kernel_takes_over_for_very_many_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    many = 3000
    votes = votes_of([[7, 7, 2999], [1, 0]])
    labels = consolidate_classes(votes, many)
    assert [label for label, _ in labels] == [7, 0]
    monkeypatch.setattr(dawid_skene, "_PLAIN_CELLS_MAX", 0)
    for group, n_classes in ((GROUP, 3), (votes_of([[0, 1, 2]]), 3), (votes_of([[1, 0]]), 2)):
        quick = consolidate_classes(group, n_classes)
        monkeypatch.setattr(dawid_skene, "_PLAIN_CELLS_MAX", 10**9)
        assert quick == consolidate_classes(group, n_classes)
        monkeypatch.setattr(dawid_skene, "_PLAIN_CELLS_MAX", 0)


def test_kernel_of_nothing_is_empty() -> None:
    none = np.empty(0, dtype=np.intp)
    assert dawid_skene_kernel(none, none, none, n_classes=3).shape == (0, 3)


@given(crowds(), st.randoms(use_true_random=False))
def test_invariants(crowd: tuple[list[Answers], int], shuffler: random.Random) -> None:
    votes, n_classes = crowd
    p = np.array(class_posteriors(votes, n_classes))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (p > 0).all()
    labels = consolidate_classes(votes, n_classes)
    assert all(0.05 <= confidence <= 0.95 for _, confidence in labels)
    # order of objects, of answers, and names of workers do not matter
    order = list(range(len(votes)))
    shuffler.shuffle(order)
    renamed = [[("x" + worker, label) for worker, label in reversed(votes[i])] for i in order]
    np.testing.assert_allclose(class_posteriors(renamed, n_classes), p[order], rtol=1e-9)
    # nor do the names of classes
    names = list(range(n_classes))
    shuffler.shuffle(names)
    recoded = [[(worker, names[label]) for worker, label in answers] for answers in votes]
    np.testing.assert_allclose(np.array(class_posteriors(recoded, n_classes))[:, names], p, rtol=1e-9)


@given(st.integers(2, 5), st.integers(2, 5), st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_unanimous_crowds_get_their_answer(n_workers: int, n_classes: int, truth: list[int]) -> None:
    assume(max(truth) < n_classes)
    votes = [[(f"w{j}", label) for j in range(n_workers)] for label in truth]
    assert [label for label, _ in consolidate_classes(votes, n_classes)] == truth


def test_good_workers_outvote_bad_ones() -> None:
    """Two reliable workers against three who answer at random: the majority is right in fewer cases."""
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 4, size=50)
    votes = []
    for t in truth:
        good = [("g0", int(t)), ("g1", int(t))]
        votes.append(good + [(f"r{j}", int(rng.integers(0, 4))) for j in range(3)])
    labels = [label for label, _ in consolidate_classes(votes, 4)]
    assert np.mean(np.array(labels) == truth) > 0.95


def test_multi_label_keeps_every_ticked_class() -> None:
    votes = [
        [("a", frozenset({0, 3})), ("b", frozenset({3})), ("c", frozenset({3}))],
        [("a", frozenset()), ("b", frozenset()), ("c", frozenset())],
    ]
    first, second = consolidate_multi_label(votes, 5)
    assert [label for label, _ in first] == [3, 0]
    assert first[0][1] > 0.9 and first[1][1] < 0.5
    assert second == []
    binary = [[(w, int(3 in ticked)) for w, ticked in answers] for answers in votes]
    assert first[0][1] == round(0.05 + 0.9 * class_posteriors(binary, 2)[0][1], 2)
    assert consolidate_multi_label([[("a", frozenset({2, 0}))]], 3, n_workers_asked=1) == [
        [(0, 0.0), (2, 0.0)]
    ]
    with pytest.raises(ValueError, match="no answers"):
        consolidate_multi_label([[]], 3)
    with pytest.raises(ValueError, match="class index 9"):
        consolidate_multi_label([[("a", frozenset({9}))]], 3)
