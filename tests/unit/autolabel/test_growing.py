"""Systems that grow batch by batch, and solvers that go on from the last solution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from labelwright.autolabel import Learner
from labelwright.autolabel.gram import gram_of
from labelwright.autolabel.growing import GrowingSystem
from labelwright.autolabel.logistic import solve_logistic
from labelwright.autolabel.ridge import solve_ridge

N, D, K = 420, 500, 3


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, D)).astype(np.float32) * (rng.random((N, D)) < 0.1)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.eye(K, dtype=np.float32)[rng.integers(K, size=N)]
    return x.astype(np.float32), y, rng.random(N) < 0.3


@pytest.mark.parametrize("ends", [[N], [100, 101, 250, N], [1, N]])
@pytest.mark.parametrize("wanted", ["some", "none", "all"])
def test_growing_by_batches_gives_what_solving_at_once_gives(ends: list[int], wanted: str) -> None:
    x, y, some = rows()
    is_wanted = {"some": some, "none": np.zeros(N, np.bool_), "all": np.ones(N, np.bool_)}[wanted]
    system = GrowingSystem(0.3)
    start = 0
    for end in ends:
        system = system.extended(gram_of(x[:end], start), is_wanted[start:end])
        start = end
    coefficients, left_out = system.solve(y)
    matrix = x.astype(np.float64) @ x.T.astype(np.float64) + 0.3 * np.eye(N)
    inverse = np.linalg.inv(matrix)
    direct = inverse @ y
    np.testing.assert_allclose(coefficients, direct, atol=2e-4)
    expected = (y - direct / np.diag(inverse)[:, None])[is_wanted]
    np.testing.assert_allclose(left_out, expected, atol=2e-4)


def test_a_system_that_has_grown_is_left_as_it_was() -> None:
    x, y, is_wanted = rows()
    small = GrowingSystem(0.3).extended(gram_of(x[:100]), is_wanted[:100])
    before = small.solve(y[:100])[0]
    small.extended(gram_of(x, 100), is_wanted[100:])
    assert np.array_equal(small.solve(y[:100])[0], before)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_going_on_from_the_last_ridge_changes_nothing(as_sparse: bool) -> None:
    x, y, is_wanted = rows()
    given = sparse.csr_matrix(x) if as_sparse else x
    last = solve_ridge(given[:330], y[:330], is_wanted[:330])
    again, alone = solve_ridge(given, y, is_wanted, last), solve_ridge(given, y, is_wanted)
    assert again.penalty == alone.penalty == last.penalty
    np.testing.assert_allclose(again.weights, alone.weights, atol=1e-4)
    np.testing.assert_allclose(again.left_out, alone.left_out, atol=1e-4)


def test_what_was_computed_for_other_rows_is_left_alone() -> None:
    x, y, is_wanted = rows()
    other = solve_ridge(x[:330][::-1], y[:330][::-1], is_wanted[:330])
    alone = solve_ridge(x, y, is_wanted)
    np.testing.assert_allclose(solve_ridge(x, y, is_wanted, other).weights, alone.weights, atol=1e-5)


def test_going_on_from_the_last_logistic_model_comes_to_the_same() -> None:
    x, y, is_wanted = rows()
    given = sparse.csr_matrix(x[:, :40])
    last = solve_logistic(given[:330], y[:330], is_wanted[:330])
    again, alone = solve_logistic(given, y, is_wanted, last), solve_logistic(given, y, is_wanted)
    assert again.left_out.shape == (int(is_wanted.sum()), K)
    np.testing.assert_allclose(again.weights, alone.weights, atol=0.15)
    np.testing.assert_allclose(again.left_out, alone.left_out, atol=0.1)


def test_no_row_is_seen_by_the_model_that_scores_it() -> None:
    # Labels without meaning: what was learned by heart would show as an accuracy above chance.
    rng = np.random.default_rng(3)
    x = sparse.csr_matrix(np.eye(400, dtype=np.float32))
    y = np.eye(2, dtype=np.float32)[rng.integers(2, size=400)]
    last = None
    for end in (100, 200, 300, 400):
        last = solve_logistic(x[:end], y[:end], last=last)
    assert last is not None
    right = (last.left_out.argmax(axis=1) == y.argmax(axis=1)).mean()
    assert right < 0.62


def test_a_learner_that_goes_on_learns_the_same() -> None:
    x, y, is_random = rows()
    labels = y.argmax(axis=1)
    last = Learner(K).fit(x[:340], labels[:340], is_random=is_random[:340])
    again = Learner(K).fit(x, labels, is_random=is_random, last=last)
    alone = Learner(K).fit(x, labels, is_random=is_random)
    np.testing.assert_allclose(again.weights_, alone.weights_, atol=1e-4)
    assert np.array_equal(again.left_out_, np.arange(N))
