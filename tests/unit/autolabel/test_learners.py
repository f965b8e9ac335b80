"""Learners: exact leave-one-out, calibration, starts from earlier models, storage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from labelwright.autolabel import Learner, fit_embedding, text_features
from labelwright.autolabel.calibration import fit_margin, margins
from labelwright.autolabel.logistic import solve_logistic
from labelwright.autolabel.memory import Memory
from labelwright.autolabel.ridge import solve_ridge
from labelwright.errors import InvalidRequest

FloatArray = np.ndarray


def blobs(
    n: int, k: int = 3, d: int = 10, seed: int = 0, spread: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    centres = np.random.default_rng(77).normal(size=(k, d))
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    x = centres[y] + spread * rng.normal(size=(n, d))
    return (x / np.sqrt(d)).astype(np.float32), y


@pytest.mark.parametrize("shape", [(12, 30), (40, 6)])
@pytest.mark.parametrize("as_sparse", [False, True])
def test_left_out_scores_are_those_of_models_trained_without_the_row(
    shape: tuple[int, int], as_sparse: bool
) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=shape).astype(np.float32)
    y = rng.normal(size=(shape[0], 2)).astype(np.float32)
    given = sparse.csr_matrix(x) if as_sparse else x
    solved = solve_ridge(given, y)
    weights, penalty, left_out = solved.weights, solved.penalty, solved.left_out
    rows = np.concatenate([x, np.ones((len(x), 1))], axis=1).astype(np.float64)

    def direct(chosen: FloatArray) -> FloatArray:
        a = rows[chosen]
        return np.asarray(np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ y[chosen]))

    assert np.allclose(weights, direct(np.arange(len(x))), atol=2e-3)
    for i in (0, 5):
        others = np.delete(np.arange(len(x)), i)
        assert np.allclose(left_out[i], rows[i] @ direct(others), atol=5e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_solver_is_at_a_minimum(n_classes: int) -> None:
    x, y = blobs(200, k=n_classes)
    x[:, 4] = 0  # a column that no row uses
    targets = np.eye(n_classes, dtype=np.float32)[y]
    solved = solve_logistic(sparse.csr_matrix(x), targets)
    weights, penalty, left_out = solved.weights, solved.penalty, solved.left_out
    scores = x @ weights[:-1] + weights[-1]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    gradient = x.T @ (p - targets) + penalty * weights[:-1]
    assert np.abs(gradient).max() < 0.5
    assert (left_out.argmax(axis=1) == y).mean() > 0.7


def test_a_learner_learns_and_knows_how_well() -> None:
    x, y = blobs(400, spread=1.2)
    new, truth = blobs(4000, seed=1, spread=1.2)
    learner = Learner(3).fit(x, y)
    found = learner.predict(new)
    accuracy = (found.labels == truth).mean()
    assert accuracy > 0.75
    assert abs(found.confidences.mean() - accuracy) < 0.05
    assert abs((learner.loo_.labels == y).mean() - accuracy) < 0.06
    sure = found.confidences > 0.9
    assert (found.labels == truth)[sure].mean() > 0.88
    probabilities = learner.predict_proba(new)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == found.labels).all()


def test_fitting_leaves_its_input_alone_and_forgets_what_was_before() -> None:
    x, y = blobs(60)
    x.flags.writeable = y.flags.writeable = False
    first = Learner(3).fit(x, y)
    other_x, other_y = blobs(60, seed=5)
    again = Learner(3).fit(other_x, other_y).fit(x, y)
    assert np.array_equal(first.weights_, again.weights_)


def test_a_start_makes_few_labels_worth_more() -> None:
    x, y = blobs(300, spread=1.5)
    before = Learner(3).fit(x, y)
    few, labels = blobs(9, seed=3, spread=1.5)
    new, truth = blobs(3000, seed=4, spread=1.5)
    alone = (Learner(3).fit(few, labels).predict(new).labels == truth).mean()
    chained = Learner(3).fit(few, labels, start=before)
    assert (chained.predict(new).labels == truth).mean() > alone
    assert chained.n_seen_ == 309


def test_a_start_is_as_good_as_having_learned_it_all_at_once() -> None:
    x, y = blobs(120, spread=1.5)
    chained = Learner(3).fit(x[80:], y[80:], start=Learner(3).fit(x[:80], y[:80]))
    assert np.allclose(chained.weights_, Learner(3).fit(x, y).weights_, atol=1e-5)
    assert len(chained.loo_.labels) == 40


def test_a_start_that_misleads_is_dropped() -> None:
    x, y = blobs(300)
    misled = Learner(3).fit(x, (y + 1) % 3)
    new, truth = blobs(60, seed=2)
    chained = Learner(3).fit(new, truth, start=misled)
    assert np.array_equal(chained.weights_, Learner(3).fit(new, truth).weights_)
    assert chained.n_seen_ == len(chained.memory_.y) == 60


def test_only_random_rows_calibrate() -> None:
    x, y = blobs(200)
    wrong = y.copy()
    wrong[:50] = (wrong[:50] + 1) % 3  # hard rows that were chosen on purpose
    is_random = np.arange(200) >= 50
    all_rows = Learner(3).fit(x, wrong).predict(x).confidences.mean()
    random_rows = Learner(3).fit(x, wrong, is_random=is_random).predict(x).confidences.mean()
    assert random_rows > all_rows + 0.05


def test_a_margin_that_misleads_is_not_followed() -> None:
    margin = np.linspace(0, 1, 100)
    slope, _, _ = fit_margin(margin, margin < 0.5)
    assert slope == 0


def test_errors_of_the_surest_are_a_floor() -> None:
    margin = np.linspace(0, 3, 400)
    right = np.random.default_rng(0).random(400) < 0.9
    right[:150] = np.arange(150) % 2 == 0
    slope, _, floor = fit_margin(margin, right)
    assert slope > 0
    assert 0 <= floor < 0.15


def test_margin_of_one_class_is_its_score() -> None:
    assert margins(np.array([[0.7], [0.2]])).tolist() == [0.7, 0.2]


@pytest.mark.parametrize("kind", ["text", "dense", "none"])
def test_a_stored_model_answers_alike(kind: str, tmp_path: Path) -> None:
    if kind == "text":
        raw = text_features(["good film", "fine film", "bad book", "poor book"] * 8)
        y = np.array([0, 0, 1, 1] * 8)
    else:
        raw, y = blobs(80, k=2)
    embedding = None if kind == "none" else fit_embedding(raw)
    z = raw if embedding is None else embedding(raw)
    learner = Learner(2, embedding=embedding).fit(z, y)
    learner.save(tmp_path / "model.npz")
    again = Learner.load(tmp_path / "model.npz")
    z_again = raw if again.embedding is None else again.embedding(raw)
    before, after = learner.predict(z), again.predict(z_again)
    assert np.array_equal(before.labels, after.labels)
    assert np.array_equal(before.confidences, after.confidences)
    assert again.n_seen_ == len(y)
    assert np.array_equal(again.memory_.y, y)
    more = Learner(2).fit(z[:20], y[:20], start=again)
    assert np.allclose(more.weights_, Learner(2).fit(z[:20], y[:20], start=learner).weights_, atol=1e-2)
    assert list(tmp_path.iterdir()) == [tmp_path / "model.npz"]


@pytest.mark.parametrize("kind", ["text", "dense"])
@pytest.mark.parametrize("damage", ["class", "rows", "number"])
def test_a_memory_that_was_damaged_is_refused(kind: str, damage: str, tmp_path: Path) -> None:
    z, y = blobs(30, k=2)
    path = tmp_path / "model.npz"
    Learner(2).fit(sparse.csr_matrix(z) if kind == "text" else z, y).save(path)
    with np.load(path) as file:
        arrays = dict(file)
    values = "memory_data" if kind == "text" else "memory_x"
    if damage == "class":
        arrays["memory_y"][3] = 2
    elif damage == "rows":
        arrays["memory_is_random"] = arrays["memory_is_random"][1:]
    else:
        arrays[values][0] = np.nan
    write_npz(path, **arrays)
    with pytest.raises(InvalidRequest, match="rows do not belong together"):
        Learner.load(path)


def test_columns_that_a_memory_does_not_have_are_refused(tmp_path: Path) -> None:
    z, y = blobs(30, k=2)
    path = tmp_path / "model.npz"
    Learner(2).fit(sparse.csr_matrix(z), y).save(path)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["memory_indices"][5] = 1_000_000
    write_npz(path, **arrays)
    with pytest.raises(InvalidRequest, match="not a model"):
        Learner.load(path)


def test_the_oldest_rows_are_forgotten() -> None:
    memory = Memory(np.zeros((10_003, 1), np.float32), np.arange(10_003), np.ones(10_003, np.bool_))
    assert memory.newest().y.tolist()[:2] == [3, 4]


def write_npz(path: Path, **arrays: FloatArray) -> None:
    np.savez(path, allow_pickle=True, **arrays)


def header(**changes: object) -> FloatArray:
    content = {"format": "labelwright-learner", "version": 1, "n_classes": 2, **changes}
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    for content in (b"", b"\x80\x04N.", b"PK\x03\x04 broken"):
        path.write_bytes(content)
        with pytest.raises(InvalidRequest, match=r"model\.npz is not a model"):
            Learner.load(path)
    with pytest.raises(InvalidRequest):
        Learner.load(tmp_path / "absent.npz")
    for arrays in (
        {"weights": np.zeros((3, 2), np.float32)},
        {"header": header(version=99)},
        {"header": header(format="other")},
        {
            "header": header(embedding=None, n_seen=1, ridge=1, loss="squared", calibration={}),
            "weights": np.zeros(3),
        },
        {"header": np.array([{"a": 1}], dtype=object)},
    ):
        write_npz(path, **arrays)
        with pytest.raises(InvalidRequest):
            Learner.load(path)


def test_labels_that_do_not_fit_are_refused() -> None:
    x, _ = blobs(5)
    for y in ([0, 1, 2, 3, 0], [0, 1], [-1, 0, 0, 0, 0]):
        with pytest.raises(InvalidRequest, match="labels"):
            Learner(3).fit(x, y)
    with pytest.raises(InvalidRequest, match="labels"):
        Learner(3).fit(x[:0], [])
    with pytest.raises(InvalidRequest, match="start from"):
        Learner(3).fit(x, [0, 1, 2, 0, 1], start=Learner(2).fit(x, [0, 1, 0, 1, 0]))
