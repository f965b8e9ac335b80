"""What class algorithms do at the edges: odd crowds, odd names, many answers, several threads."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from labelwright.consolidation import ALGORITHMS, Responses, classify, dawid_skene_em, majority_vote

each_algorithm = pytest.mark.parametrize("name", list(ALGORITHMS))


def planted(
    n_tasks: int, n_classes: int, accuracies: list[float], seed: int = 0
) -> tuple[Responses, np.ndarray]:
    """Every worker answers every task, wrong ones spread evenly."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_tasks)
    accuracy = np.array(accuracies)
    tasks, workers = np.divmod(np.arange(n_tasks * accuracy.size), accuracy.size)
    is_right = rng.random(tasks.size) < accuracy[workers]
    other = (truth[tasks] + rng.integers(1, n_classes, tasks.size)) % n_classes
    labels = np.where(is_right, truth[tasks], other)
    return Responses.from_arrays(tasks, workers, labels, n_classes=n_classes), truth


@each_algorithm
def test_everybody_disagrees_on_everything(name: str) -> None:
    votes = [[(who, (i + j) % 4) for j, who in enumerate("abcd")] for i in range(12)]
    found = classify(votes, 4, algorithm=name)
    assert np.isfinite(found.posteriors).all()
    np.testing.assert_allclose(found.posteriors.sum(axis=1), 1)
    # Nobody stands out and no class does, so nothing is known.
    np.testing.assert_allclose(found.posteriors, 0.25, atol=1e-6)
    assert found.worker_quality.upper.max() < 1


@each_algorithm
def test_classes_that_nobody_chose_are_never_the_label(name: str) -> None:
    crowd, truth = planted(200, 2, [0.9, 0.8, 0.8, 0.7])
    wide = Responses.from_arrays(crowd.tasks, crowd.workers, crowd.labels + 3, n_classes=9)
    found = classify(wide, 9, algorithm=name)
    assert set(found.labels.tolist()) <= {3, 4}
    assert (found.labels - 3 == truth).mean() > 0.88


@each_algorithm
def test_one_object(name: str) -> None:
    found = classify([[("a", 1), ("b", 1), ("c", 0)]], 3, algorithm=name)
    assert found.labels.tolist() == [1]
    assert 1 / 3 < found.confidences[0] <= 1
    if name in ("bayesian", "majority"):  # whom to believe is not known from one object: nobody is sure
        assert found.confidences[0] < 0.9


@each_algorithm
def test_planted_workers_are_told_apart_and_beat_votes(name: str) -> None:
    crowd, truth = planted(300, 3, [0.95, 0.9, 0.45, 0.4, 0.35], seed=5)
    accuracy = (classify(crowd, 3, algorithm=name).labels == truth).mean()
    votes = (majority_vote(crowd).argmax(axis=1) == truth).mean()
    if name == "majority":
        assert accuracy == votes
    else:
        assert accuracy > votes + 0.05
        quality = classify(crowd, 3, algorithm=name).worker_quality
        assert set(np.argsort(-quality.accuracy)[:2].tolist()) == {0, 1}


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "compatible"])
def test_threads_do_not_show(name: str) -> None:
    crowd, _ = planted(500, 4, [0.9, 0.7, 0.6, 0.5, 0.5, 0.4], seed=1)
    found = []
    for n in (1, 4):
        with threadpool_limits(limits=n):
            found.append(ALGORITHMS[name].posteriors(crowd))
    np.testing.assert_array_equal(found[0], found[1])


def test_missing_values_are_no_names() -> None:
    missing = float("nan")
    with pytest.raises(ValueError, match="task 1 is nan"):
        Responses.from_names(["x", missing], ["a", "a"], ["cat", "dog"])
    with pytest.raises(ValueError, match="worker 0 is None"):
        Responses.from_names(["x", "y"], [None, "a"], ["cat", "dog"])
    with pytest.raises(ValueError, match="label 1 is nan"):
        Responses.from_names(["x", "y"], ["a", "a"], ["cat", missing])


def test_memory_of_many_answers_is_bounded() -> None:
    n, k = 100_000, 10
    rng = np.random.default_rng(0)
    tasks = np.repeat(np.arange(n), 5)
    crowd = Responses.from_arrays(
        tasks, rng.integers(0, 200, tasks.size), rng.integers(0, k, tasks.size), n_classes=k
    )
    tracemalloc.start()
    try:
        found = dawid_skene_em(crowd, n_rounds_max=2, tol=0.0, single_precision=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # As documented: the result, 8 bytes an answer, 4 a task, 40 per pair and class, and 16 MB of a block.
    documented = found.posteriors.nbytes + 8 * crowd.n_answers + 4 * n + 40 * 200 * k * k
    assert peak < documented + 17_000_000
