"""Rows that an earlier model has learned from, and the same rows again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from labelwright.autolabel import Learner
from labelwright.autolabel.memory import Memory


def _rows(kind: str, n: int, *, seed: int) -> np.ndarray | sparse.csr_matrix:
    chance = np.random.default_rng(seed)
    if kind == "dense":
        return chance.normal(size=(n, 24)).astype(np.float32)
    x = sparse.random(n, 400, density=0.05, format="csr", dtype=np.float32, rng=chance)
    x.sort_indices()
    return x


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_row_of_both_is_there_once_with_what_the_earlier_model_knew(kind: str) -> None:
    earlier, new = _rows(kind, 6, seed=1), _rows(kind, 3, seed=2)
    flags = np.array([True, False, True, True, False, True])
    memory = Memory(earlier, np.array([0, 1, 2, 0, 1, 2]), flags)
    rounded = earlier[np.array([1, 3])]
    if kind == "dense":
        rounded = rounded.astype(np.float16).astype(np.float32)
    else:
        rounded.data = rounded.data.astype(np.float16).astype(np.float32)
    again = np.concatenate([new, rounded]) if kind == "dense" else sparse.vstack([new, rounded], format="csr")
    later = Memory(again, np.array([2, 2, 2, 0, 0]), np.ones(5, np.bool_))
    joined = memory.joined(later)
    assert joined.y.tolist() == [0, 2, 1, 2, 2, 2, 2, 0, 0]  # the label of a row may have changed
    assert joined.is_random.tolist() == [True, True, False, True, True, True, True, False, True]
    assert joined.x.shape[0] == 9
    assert later.is_random.all()  # what was given is as it was


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_chained_job_does_not_take_what_it_knows_for_foresight(kind: str, tmp_path: Path) -> None:
    """Labels without a rule: whoever predicts them without having seen them is right one time in three."""
    x = _rows(kind, 300, seed=3)
    y = np.random.default_rng(4).integers(0, 3, 300)
    Learner(3).fit(x, y).save(tmp_path / "parent.npz")
    child = Learner(3).fit(x, y, start=Learner.load(tmp_path / "parent.npz"))
    share = float((child.loo_.labels == y).mean())
    assert share < 0.45
    assert float(child.predict(_rows(kind, 300, seed=5)).confidences.mean()) < 0.5
