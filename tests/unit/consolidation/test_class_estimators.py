"""What each estimator finds in crowds whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from labelwright.consolidation import (
    GLAD,
    BayesianCombination,
    CalibratedBayesian,
    DawidSkene,
    OneCoin,
    Responses,
    confusion_intervals,
    dawid_skene_em,
    majority_vote,
    spectral_skills,
    spectral_start,
    worker_quality,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    crowd: Responses
    truth: npt.NDArray[np.int64]
    confusion: Floats  # (n_workers, true class, answer)

    @property
    def accuracy(self) -> Floats:
        k = self.crowd.n_classes
        return np.trace(self.confusion, axis1=1, axis2=2) / k


def planted(
    seed: int,
    *,
    n_tasks: int = 1500,
    n_workers: int = 30,
    per_task: int = 5,
    n_classes: int = 3,
    low: float = 0.45,
    high: float = 0.95,
) -> Planted:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_tasks)
    confusion = np.stack(
        [
            a * np.eye(n_classes) + (1 - a) * rng.dirichlet(np.full(n_classes, 0.7), n_classes)
            for a in rng.uniform(low, high, n_workers)
        ]
    )
    workers = rng.permuted(np.tile(np.arange(n_workers), (n_tasks, 1)), axis=1)[:, :per_task]
    cumulated = confusion[workers, truth[:, None]].cumsum(axis=2)
    labels = (rng.random((n_tasks, per_task, 1)) > cumulated).sum(axis=2).clip(0, n_classes - 1)
    tasks = np.repeat(np.arange(n_tasks), per_task)
    crowd = Responses.from_arrays(
        tasks, workers.ravel(), labels.ravel(), n_workers=n_workers, n_classes=n_classes
    )
    return Planted(crowd, truth, confusion)


def slow_dawid_skene(crowd: Responses, n_rounds: int, smoothing: float) -> Floats:
    """Equations (2.3) to (2.5), whole matrices, one answer after the other."""
    k = crowd.n_classes
    answers = list(zip(crowd.tasks.tolist(), crowd.workers.tolist(), crowd.labels.tolist(), strict=True))
    p = majority_vote(crowd)
    for _ in range(n_rounds + 1):
        counts = np.full((crowd.n_workers, k, k), smoothing)
        for i, j, label in answers:
            counts[j, :, label] += p[i]
        w = counts / counts.sum(axis=2, keepdims=True)
        log_p = np.tile(np.log(p.mean(axis=0)), (crowd.n_tasks, 1))
        for i, j, label in answers:
            log_p[i] += np.log(w[j, :, label])
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
    return p


@pytest.mark.parametrize("seed", range(5))
def test_fast_kernel_agrees_with_the_plain_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, n_workers = int(rng.integers(2, 6)), int(rng.integers(1, 8))
    columns = [rng.integers(0, n, 120) for n in (30, n_workers, k)]
    crowd = Responses.from_arrays(*columns, n_tasks=31, n_workers=n_workers, n_classes=k)
    for n_rounds in (1, 4):
        expected = slow_dawid_skene(crowd, n_rounds, 0.01)
        for single, atol in ((False, 1e-9), (True, 5e-3)):
            found = dawid_skene_em(crowd, n_rounds_max=n_rounds, tol=0, single_precision=single)
            np.testing.assert_allclose(found.posteriors, expected, atol=atol)


def test_kernel_survives_hundreds_of_contradicting_answers_in_single_precision() -> None:
    n_workers = 400
    tasks = np.repeat(np.arange(20), n_workers)
    workers = np.tile(np.arange(n_workers), 20)
    labels = np.where(workers % 2 == 0, tasks % 2, 1 - tasks % 2)
    labels[tasks == 0] = workers[tasks == 0] % 2
    crowd = Responses.from_arrays(tasks, workers, labels)
    for single in (True, False):
        found = dawid_skene_em(crowd, n_rounds_max=5, single_precision=single)
        assert np.isfinite(found.posteriors).all()
        np.testing.assert_allclose(found.posteriors.sum(axis=1), 1, rtol=1e-5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = planted(3, n_tasks=500).crowd
    whole = dawid_skene_em(crowd, n_rounds_max=5, tol=0)
    monkeypatch.setattr("labelwright.consolidation.confusion_em._BLOCK_CELLS", 3)
    parts = dawid_skene_em(crowd, n_rounds_max=5, tol=0)
    np.testing.assert_allclose(parts.posteriors, whole.posteriors, atol=1e-9)
    np.testing.assert_allclose(parts.log_likelihoods, whole.log_likelihoods)


def test_likelihood_never_falls() -> None:
    for seed in range(3):
        estimator = DawidSkene(smoothing=1e-6).fit(planted(seed, n_tasks=200).crowd)
        assert estimator.converged_
        assert (np.diff(estimator.log_likelihoods_) > -1e-3).all()


@pytest.mark.parametrize(
    "estimator",
    [DawidSkene(), DawidSkene(start=spectral_start), OneCoin(), BayesianCombination(), CalibratedBayesian()],
    ids=["dawid-skene", "spectral", "one-coin", "bcc", "bayesian"],
)
def test_better_than_votes(estimator: CalibratedBayesian) -> None:
    for seed in range(2):
        crowd = planted(seed)
        votes = (majority_vote(crowd.crowd).argmax(axis=1) == crowd.truth).mean()
        assert (estimator.fit_predict(crowd.crowd) == crowd.truth).mean() > votes + 0.005


def test_planted_confusion_matrices_are_found() -> None:
    crowd = planted(0, n_tasks=4000, n_workers=20)
    for estimator in (DawidSkene(), CalibratedBayesian()):
        quality = estimator.fit(crowd.crowd).worker_quality_
        assert quality.confusion is not None
        np.testing.assert_allclose(quality.confusion.sum(axis=2), 1)
        assert np.abs(quality.confusion - crowd.confusion).mean() < 0.02
        assert np.abs(quality.accuracy - crowd.accuracy).max() < 0.06


def test_glad_finds_hard_tasks_and_able_workers() -> None:
    rng = np.random.default_rng(0)
    n, n_workers = 400, 20
    truth, ability, beta = (
        rng.integers(0, 2, n),
        rng.uniform(0.3, 3, n_workers),
        np.repeat([2.0, 0.15], n // 2),
    )
    is_right = rng.random((n, n_workers)) < 1 / (1 + np.exp(-np.outer(beta, ability)))
    labels = np.where(is_right, truth[:, None], 1 - truth[:, None])
    tasks, workers = np.divmod(np.arange(n * n_workers), n_workers)
    glad = GLAD().fit(Responses.from_arrays(tasks, workers, labels.ravel()))
    assert np.median(glad.difficulty_[n // 2 :]) > 3 * np.median(glad.difficulty_[: n // 2])
    assert np.corrcoef(glad.ability_, ability)[0, 1] > 0.9


def test_spectral_skills_are_those_of_the_workers_also_of_liars() -> None:
    rng = np.random.default_rng(1)
    n, per_task, k = 3000, 8, 4
    accuracy = np.concatenate([rng.uniform(0.5, 0.95, 20), [0.02, 0.25]])
    truth = rng.integers(0, k, n)
    tasks = np.repeat(np.arange(n), per_task)
    workers = np.concatenate([rng.choice(accuracy.size, per_task, replace=False) for _ in range(n)])
    is_right = rng.random(tasks.size) < accuracy[workers]
    labels = np.where(is_right, truth[tasks], (truth[tasks] + rng.integers(1, k, tasks.size)) % k)
    skills = spectral_skills(Responses.from_arrays(tasks, workers, labels))
    np.testing.assert_allclose(skills, (k * accuracy - 1) / (k - 1), atol=0.1)


def expected_calibration_error(p: Floats, truth: npt.NDArray[np.int64]) -> float:
    confidence, is_right = p.max(axis=1), p.argmax(axis=1) == truth
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [abs(is_right[bins == b].mean() - confidence[bins == b].mean()) for b in np.unique(bins)]
    return float(np.average(gaps, weights=np.bincount(bins)[np.unique(bins)]))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_bayesian_is_calibrated_where_the_model_holds(n_classes: int) -> None:
    crowd = planted(5, n_tasks=3000, n_classes=n_classes, low=0.3, high=0.9)
    estimator = CalibratedBayesian().fit(crowd.crowd)
    assert estimator.temperature_ >= 0.7
    assert estimator.vote_weight_ < 0.1
    assert expected_calibration_error(estimator.probas_, crowd.truth) < 0.03


def test_bayesian_is_calibrated_where_tasks_mislead_everybody() -> None:
    rng = np.random.default_rng(2)
    n, n_workers, per_task = 1500, 25, 15
    truth = rng.integers(0, 2, n)
    p_right = np.where(rng.random(n) < 0.25, 0.4, 0.85)[:, None] + rng.uniform(-0.1, 0.1, n_workers)
    workers = rng.permuted(np.tile(np.arange(n_workers), (n, 1)), axis=1)[:, :per_task]
    is_right = rng.random((n, per_task)) < np.take_along_axis(p_right, workers, axis=1)
    labels = np.where(is_right, truth[:, None], 1 - truth[:, None])
    crowd = Responses.from_arrays(np.repeat(np.arange(n), per_task), workers.ravel(), labels.ravel())
    estimator = CalibratedBayesian().fit(crowd)
    assert estimator.temperature_ < 0.7  # answers to one task repeat each other, and the crowd shows it
    naive = DawidSkene().fit(crowd)

    def loss(p: Floats) -> float:
        return float(-np.log(np.clip(p[np.arange(n), truth], 1e-6, 1)).mean())

    assert loss(estimator.probas_) < 0.6 * loss(naive.probas_)
    assert (estimator.labels_ == truth).mean() >= (naive.labels_ == truth).mean() - 0.01


def test_credible_intervals_cover() -> None:
    inside, cells = [], []
    for seed in range(4):
        crowd = planted(seed, n_tasks=400, n_workers=25, low=0.3)
        p = CalibratedBayesian().fit(crowd.crowd).probas_
        quality = worker_quality(crowd.crowd, p)
        inside.append((quality.lower <= crowd.accuracy) & (crowd.accuracy <= quality.upper))
        _, lower, upper = confusion_intervals(crowd.crowd, p)
        cells.append((lower <= crowd.confusion) & (crowd.confusion <= upper))
        narrow = worker_quality(crowd.crowd, p, level=0.5)
        assert (narrow.upper - narrow.lower < quality.upper - quality.lower).all()
    assert 0.85 <= np.mean(inside) <= 1
    assert 0.8 <= np.mean(cells) <= 1


def test_who_answered_little_is_less_certain() -> None:
    tasks, workers = np.repeat(np.arange(60), 3), np.tile([0, 1, 2], 60)
    crowd = Responses.from_arrays(
        np.append(tasks, 0), np.append(workers, 3), np.append(tasks % 2, 0), n_workers=5, n_classes=2
    )
    quality = CalibratedBayesian().fit(crowd).worker_quality_
    width = quality.upper - quality.lower
    assert width[0] < width[3] < width[4]
    assert quality.n_answers.tolist() == [60, 60, 60, 1, 0]
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        worker_quality(crowd, majority_vote(crowd), level=1.0)


def test_fitting_again_forgets_and_parameters_stay() -> None:
    first, second = planted(0, n_tasks=100).crowd, planted(1, n_tasks=120).crowd
    for estimator in (DawidSkene(), OneCoin(), GLAD(), BayesianCombination(), CalibratedBayesian()):
        parameters = {name: value for name, value in vars(estimator).items() if not name.endswith("_")}
        fresh = type(estimator)().fit_predict_proba(second)
        again = estimator.fit(first).fit(second)
        np.testing.assert_array_equal(again.probas_, fresh)
        assert parameters.items() <= vars(estimator).items()
        assert again.n_iter_ >= 1
