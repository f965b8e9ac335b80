"""Sparse and dense columns side by side behave as one matrix, from products to stored models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from labelwright.autolabel import Learner, fit_embedding, text_features
from labelwright.autolabel.blocks import Blocks
from labelwright.autolabel.gram import gram_of
from labelwright.autolabel.ridge import solve_ridge
from labelwright.errors import InvalidRequest


def blocks(n: int = 60, seed: int = 0) -> tuple[Blocks, sparse.csr_matrix, np.ndarray]:
    """Blocks, the same as one sparse matrix, and targets."""
    rng = np.random.default_rng(seed)
    thin = sparse.random(n, 200, density=0.05, format="csr", dtype=np.float32, random_state=seed)
    thick = rng.normal(size=(n, 7)).astype(np.float32)
    y = np.eye(3, dtype=np.float32)[rng.integers(3, size=n)]
    return Blocks(thin, thick), sparse.hstack([thin, thick], format="csr").astype(np.float32), y


def test_products_are_those_of_one_matrix() -> None:
    x, flat, y = blocks()
    weights = np.random.default_rng(1).normal(size=(207, 3)).astype(np.float32)
    assert x.shape == flat.shape and len(x) == 60
    np.testing.assert_allclose(x @ weights, flat @ weights, atol=1e-5)
    np.testing.assert_allclose(x[[3, 1]] @ weights, flat[[3, 1]] @ weights, atol=1e-5)
    np.testing.assert_allclose(x.transposed_times(y), flat.T @ y, atol=1e-5)
    np.testing.assert_allclose(gram_of(x), (flat @ flat.T).toarray(), atol=1e-4)
    np.testing.assert_allclose(x[:20].above(x[20:]) @ weights, flat @ weights, atol=1e-5)


def test_models_are_those_of_one_matrix() -> None:
    x, flat, y = blocks(400)
    found, expected = solve_ridge(x, y), solve_ridge(flat, y)
    assert found.penalty == expected.penalty
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-4)
    np.testing.assert_allclose(found.left_out, expected.left_out, atol=1e-3)
    is_wanted = np.ones(350, np.bool_)
    again = solve_ridge(x, y, last=solve_ridge(x[:350], y[:350], is_wanted))
    np.testing.assert_allclose(again.weights, found.weights, atol=1e-4)


def test_the_kernel_of_both_is_the_mean_of_theirs() -> None:
    counts = text_features([f"word{i % 7} other{i % 3} thing" for i in range(40)])
    dense = np.random.default_rng(2).normal(size=(40, 5)).astype(np.float32)
    embedding = fit_embedding(Blocks(counts, dense), seed=4, source="k1")
    alone = fit_embedding(counts, seed=4)(counts), fit_embedding(dense, seed=4)(dense)
    expected = (gram_of(alone[0]) + gram_of(alone[1])) / 2
    np.testing.assert_allclose(gram_of(embedding(Blocks(counts, dense))), expected, atol=1e-4)
    with pytest.raises(InvalidRequest, match="Blocks of both"):
        embedding(counts)


def test_a_stored_model_of_blocks_answers_alike(tmp_path: Path) -> None:
    kinds = ("good film", "fine film", "bad book", "poor book")
    counts = text_features([f"{kinds[i % 4]} {i}" for i in range(32)])
    dense = np.random.default_rng(2).normal(size=(32, 5)).astype(np.float32)
    raw, y = Blocks(counts, dense), np.array([0, 0, 1, 1] * 8)
    embedding = fit_embedding(raw, source="k1")
    learner = Learner(2, embedding=embedding).fit(embedding(raw), y)
    path = tmp_path / "model.npz"
    learner.save(path)
    again = Learner.load(path)
    assert again.embedding is not None and again.embedding.source == "k1"
    before, after = learner.predict(embedding(raw)), again.predict(again.embedding(raw))
    assert np.array_equal(before.confidences, after.confidences)
    more = Learner(2, embedding=embedding).fit(embedding(raw)[:10], y[:10], start=again)
    # The ten rows are known already; two that differ in rare words only count as the same.
    assert 25 <= len(more.memory_.x) == len(more.memory_.y) <= 32
    with np.load(path) as file:
        arrays = dict(file)
    arrays["memory_x"] = arrays["memory_x"][:-1]
    np.savez(path, **arrays)
    with pytest.raises(InvalidRequest, match="do not belong together"):
        Learner.load(path)
