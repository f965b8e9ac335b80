"""Cuts of the classes: the table says what `box_quality` says, and a class of low scores is not lost."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.autolabel.job_cuts import CUTS, best_cuts
from labelwright.autolabel.job_quality import box_quality


def scenes(n: int) -> tuple[list[list[list[float]]], list[list[list[float]]]]:
    """Class 0 is found with high scores beside false boxes of middling ones, class 1 with low scores."""
    chance = np.random.default_rng(5)
    predicted, truths = [], []
    for _ in range(n):
        truth, found = [], []
        for class_id, score in ((0, 0.9), (1, 0.18)):
            for _ in range(int(chance.integers(0, 3))):
                left, top = chance.integers(0, 200, 2).tolist()
                truth.append([class_id, left, top, 40, 40])
                found.append([class_id, left + 2, top, 40, 40, score])
        for _ in range(int(chance.integers(0, 4))):
            left, top = chance.integers(300, 500, 2).tolist()
            found.append([0, left, top, 40, 40, 0.35])
        predicted.append(sorted(found, key=lambda box: -box[5]))
        truths.append(truth)
    return predicted, truths


def test_each_class_gets_the_cut_it_needs() -> None:
    predicted, truths = scenes(60)
    cuts, qualities = best_cuts(predicted, truths, 2)
    assert cuts[0] > 0.35
    assert cuts[1] < 0.2
    common = max(
        np.mean(
            [
                box_quality([b for b in boxes if b[5] >= cut], t)
                for boxes, t in zip(predicted, truths, strict=True)
            ]
        )
        for cut in CUTS
    )
    assert qualities.mean() > common + 0.1


def test_the_qualities_are_those_of_the_kept_boxes() -> None:
    predicted, truths = scenes(40)
    cuts, qualities = best_cuts(predicted, truths, 2)
    for boxes, truth, quality in zip(predicted, truths, qualities, strict=True):
        kept = [box for box in boxes if box[5] >= cuts[int(box[0])]]
        assert quality == pytest.approx(box_quality(kept, truth))


def test_without_pictures_there_is_a_cut_all_the_same() -> None:
    cuts, qualities = best_cuts([], [], 3)
    assert cuts == [0.5] * 3
    assert qualities.shape == (0,)
