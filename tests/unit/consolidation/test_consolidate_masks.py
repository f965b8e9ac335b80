from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.consolidation import consolidate_masks, masks

Mask = npt.NDArray[np.uint8]
VECTOR = np.array([[[1, 1], [0, 0]], [[1, 0], [0, 0]], [[1, 1], [1, 0]]], dtype=np.uint8)


def plain(answers: Mask) -> tuple[list[list[int]], float]:
    """The steps of the specification, pixel by pixel, in exact numbers."""
    n, height, width = answers.shape
    votes = {c: (answers == c).sum(axis=0) for c in np.unique(answers)}
    result, agreeing, seen = [], 0, 0
    for y in range(height):
        row = []
        for x in range(width):
            around = [
                (i, j)
                for i in range(max(0, y - 1), min(height, y + 2))
                for j in range(max(0, x - 1), min(width, x + 2))
                if (i, j) != (y, x)
            ]

            def rank(
                c: int, y: int = y, x: int = x, around: list[tuple[int, int]] = around
            ) -> tuple[object, ...]:
                mean = Fraction(sum(int(votes[c][p]) for p in around), len(around)) if around else Fraction(0)
                return (votes[c][y, x] + mean / 2, votes[c][y, x], c != 0, -int(c))

            best = max(votes, key=rank)
            row.append(int(best))
            if answers[:, y, x].any():
                seen += 1
                agreeing += int(votes[best][y, x])
        result.append(row)
    return result, round(agreeing / (n * seen), 2) if seen else 0.97


def test_the_vector_of_the_specification() -> None:
    found = consolidate_masks(VECTOR, n_workers_asked=3)
    assert found.mask.tolist() == [[1, 1], [0, 0]]
    assert found.confidence == 0.78


def test_one_worker_is_taken_without_smoothing() -> None:
    noisy = np.zeros((1, 5, 5), dtype=np.uint8)
    noisy[0, 2, 2] = 7
    found = consolidate_masks(noisy, n_workers_asked=1)
    assert np.array_equal(found.mask, noisy[0])
    assert found.confidence == 0.0
    assert found.mask is not noisy[0] and not np.shares_memory(found.mask, noisy)


def test_one_answer_of_three_goes_through_the_algorithm() -> None:
    assert consolidate_masks(VECTOR[:1], n_workers_asked=3).confidence == 1.0


def test_nothing_seen() -> None:
    found = consolidate_masks(np.zeros((3, 4, 4), dtype=np.uint8), n_workers_asked=3)
    assert (found.mask.any(), found.confidence) == (False, 0.97)


def test_ties() -> None:
    two = np.array([[[1]], [[2]]], dtype=np.uint8)
    assert consolidate_masks(two, n_workers_asked=2).mask.tolist() == [[1]]
    with_background = np.array([[[0]], [[3]]], dtype=np.uint8)
    assert consolidate_masks(with_background, n_workers_asked=2).mask.tolist() == [[3]]


def test_input_stays_as_it_is() -> None:
    given_masks = VECTOR.copy()
    given_masks.flags.writeable = False
    consolidate_masks(given_masks, n_workers_asked=3)
    assert np.array_equal(given_masks, VECTOR)


@pytest.mark.parametrize("shape", [(2, 2), (0, 2, 2), (1, 0, 3)])
def test_shapes_are_checked(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        consolidate_masks(np.zeros(shape, dtype=np.uint8), n_workers_asked=2)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 9), st.integers(1, 7), st.integers(1, 7), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_agrees_with_the_plain_form(n: int, height: int, width: int, n_classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, n_classes + 1, (n, height, width), dtype=np.uint8)
    found = consolidate_masks(answers, n_workers_asked=n)
    assert (found.mask.tolist(), found.confidence) == plain(answers)


def test_strips_do_not_show() -> None:
    rng = np.random.default_rng(1)
    answers = rng.integers(0, 4, (3, 18, 1 << 17), dtype=np.uint8)  # eight rows to a strip
    assert masks._STRIP_PIXELS == (1 << 17) * 8
    found = consolidate_masks(answers, n_workers_asked=3).mask
    part = consolidate_masks(answers[:, :, :200], n_workers_asked=3).mask
    assert np.array_equal(found[:, :199], part[:, :199])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_of_workers_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, 3, (5, 6, 6), dtype=np.uint8)
    a = consolidate_masks(answers, n_workers_asked=5)
    b = consolidate_masks(answers[rng.permutation(5)], n_workers_asked=5)
    assert np.array_equal(a.mask, b.mask) and a.confidence == b.confidence
