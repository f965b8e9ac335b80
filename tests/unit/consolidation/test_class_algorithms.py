"""What holds for every algorithm of the registry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.consolidation import (
    ALGORITHMS,
    Responses,
    classify,
    classify_multi_label,
    consolidate_classes,
    consolidate_multi_label,
)

each_algorithm = pytest.mark.parametrize("name", list(ALGORITHMS))

Answer = tuple[int, int, int]


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Answer], int]:
    """Answers (task, worker, label) on seven tasks, and the number of classes."""
    k = draw(st.integers(1, 4))
    answer = st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, k - 1))
    return draw(st.lists(answer, min_size=1, max_size=30)), k


def responses(answers: list[Answer], k: int) -> Responses:
    return Responses.from_arrays(*np.array(answers).T, n_tasks=7, n_workers=5, n_classes=k)


@each_algorithm
@settings(max_examples=25, deadline=None)
@given(crowds())
def test_probabilities_sum_to_one_and_labels_are_the_first_of_the_best(
    name: str, crowd: tuple[list[Answer], int]
) -> None:
    answers, k = crowd
    found = classify(responses(answers, k), k, algorithm=name)
    assert found.posteriors.shape == (7, k)
    assert (found.posteriors >= 0).all()
    np.testing.assert_allclose(found.posteriors.sum(axis=1), 1, rtol=1e-9)
    assert (found.labels == found.posteriors.argmax(axis=1)).all()
    assert ((found.confidences > 0) & (found.confidences <= 1 + 1e-12)).all()
    quality = found.worker_quality
    assert (quality.lower <= quality.accuracy + 1e-9).all()
    assert (quality.accuracy <= quality.upper + 1e-9).all()


@each_algorithm
@settings(max_examples=25, deadline=None)
@given(crowds(), st.randoms(use_true_random=False))
def test_who_and_what_comes_first_does_not_matter(
    name: str, crowd: tuple[list[Answer], int], random: object
) -> None:
    answers, k = crowd
    orders = [list(range(n)) for n in (7, 5, k)]
    shuffled = list(answers)
    for sequence in (*orders, shuffled):
        random.shuffle(sequence)  # type: ignore[attr-defined]
    tasks, workers, classes = orders
    renamed = [(tasks[i], workers[j], classes[c]) for i, j, c in shuffled]
    before = ALGORITHMS[name].posteriors(responses(answers, k))
    after = ALGORITHMS[name].posteriors(responses(renamed, k))
    np.testing.assert_allclose(after[np.ix_(tasks, classes)], before, atol=1e-6)


@each_algorithm
@settings(max_examples=15, deadline=None)
@given(crowds())
def test_an_exact_repetition_says_nothing_new(name: str, crowd: tuple[list[Answer], int]) -> None:
    answers, k = crowd
    once = ALGORITHMS[name].posteriors(responses(answers, k))
    np.testing.assert_array_equal(ALGORITHMS[name].posteriors(responses(answers * 2, k)), once)


@each_algorithm
def test_unanimous_crowd(name: str) -> None:
    votes = [[(w, i % 3) for w in "abcd"] for i in range(30)]
    found = classify(votes, 3, algorithm=name)
    assert found.labels.tolist() == [i % 3 for i in range(30)]
    assert found.confidences.min() > 0.85
    assert found.worker_quality.lower.min() > 0.75


@each_algorithm
def test_a_single_worker_is_believed(name: str) -> None:
    found = classify([[("a", i % 2)] for i in range(12)], 2, algorithm=name)
    assert found.labels.tolist() == [i % 2 for i in range(12)]


@each_algorithm
def test_contradicting_answers_of_one_worker_cancel_out(name: str) -> None:
    votes = [[(w, i % 2) for w in "abc"] for i in range(20)] + [[("a", 0), ("a", 1), ("b", 1), ("c", 1)]]
    assert classify(votes, 2, algorithm=name).labels[-1] == 1


@each_algorithm
def test_one_class_and_objects_without_answers(name: str) -> None:
    found = classify([[("a", 0)], [("b", 0)]], 1, algorithm=name)
    assert found.labels.tolist() == [0, 0]
    assert found.posteriors.tolist() == [[1.0], [1.0]]
    crowd = Responses.from_arrays([0, 2], [0, 1], [1, 1], n_tasks=4, n_classes=2)
    labels, _, posteriors, _ = classify(crowd, 2, algorithm=name)
    assert labels[[0, 2]].tolist() == [1, 1]
    np.testing.assert_allclose(posteriors[1], posteriors[3])
    empty = Responses.from_arrays([], [], [], n_tasks=2, n_workers=1, n_classes=3)
    np.testing.assert_allclose(classify(empty, 3, algorithm=name).posteriors, 1 / 3)


@each_algorithm
def test_one_worker_asked_gives_the_answer_with_confidence_zero(name: str) -> None:
    found = classify([[("a", 2)], [("b", 0)]], 3, algorithm=name, n_workers_asked=1)
    assert (found.labels.tolist(), found.confidences.tolist()) == ([2, 0], [0.0, 0.0])


@each_algorithm
def test_multi_label_lists_what_was_ticked(name: str) -> None:
    votes = [
        [("a", frozenset({0, 2})), ("b", frozenset({0})), ("c", frozenset({0}))],
        [("a", frozenset({1})), ("b", frozenset({1})), ("c", frozenset({1, 2}))],
    ] * 10
    found = classify_multi_label(votes, 4, algorithm=name)
    assert [label for label, _ in found[0]] == [0, 2]
    assert [label for label, _ in found[1]] == [1, 2]
    assert found[0][0][1] > 0.8 > 0.5 > found[0][1][1]
    single = classify_multi_label([[("a", frozenset({1, 0}))]], 2, algorithm=name, n_workers_asked=1)
    assert single == [[(0, 0.0), (1, 0.0)]]


@settings(max_examples=50, deadline=None)
@given(crowds())
def test_compatible_by_name_is_the_compatible_function(crowd: tuple[list[Answer], int]) -> None:
    answers, k = crowd
    votes = [[(f"w{j}", c) for i, j, c in answers if i == task] for task in range(7)]
    votes = [of_task for of_task in votes if of_task]
    found = classify(votes, k)
    assert list(zip(found.labels.tolist(), found.confidences.tolist(), strict=True)) == (
        consolidate_classes(votes, k)
    )
    ticked = [[(worker, frozenset({c, 0})) for worker, c in of_task] for of_task in votes]
    assert classify_multi_label(ticked, k) == consolidate_multi_label(ticked, k)


def test_what_cannot_be_consolidated_is_refused() -> None:
    with pytest.raises(ValueError, match="no algorithm is named 'best'; there are compatible, bayesian"):
        classify([[("a", 0)]], 2, algorithm="best")
    with pytest.raises(ValueError, match="object 1 has no answers"):
        classify([[("a", 0)], []], 2, algorithm="majority")
    with pytest.raises(ValueError, match="class index 2 of a"):
        classify([[("a", 2)]], 2, algorithm="majority")
    with pytest.raises(ValueError, match="class index 5 of a"):
        classify_multi_label([[("a", frozenset({5}))]], 2)
    with pytest.raises(ValueError, match="n_classes must be at least 1"):
        classify([], 0)
    with pytest.raises(ValueError, match="the responses have 2 classes"):
        classify(Responses.from_arrays([0], [0], [1]), 3)
