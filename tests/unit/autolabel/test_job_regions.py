"""Masks from scores, on planted ones."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from labelwright.autolabel.job_quality import mask_quality

torch = pytest.importorskip("torch", reason="needs labelwright[train]")

SIDE, N_CLASSES = 16, 4
Mask = NDArray[np.uint8]


def planted(n: int, seed: int) -> tuple[list[Any], list[Mask]]:
    """Two stripes. Class 2 is held back in the scores, class 3 is a speck that is not there."""
    rng = np.random.default_rng(seed)
    scores, truths = [], []
    for _ in range(n):
        truth = np.zeros((SIDE, SIDE), np.uint8)
        truth[:, 3 : 3 + int(rng.integers(3, 6))] = 1
        truth[:, 10 : 10 + int(rng.integers(3, 6))] = 2
        noise = float(rng.uniform(0.3, 1.6))
        found = rng.normal(0, noise, (N_CLASSES, SIDE, SIDE))
        found += 2.0 * (truth[None] == np.arange(N_CLASSES)[:, None, None])
        found[2] -= 1.0
        found[3] = -6.0
        found[3, 0, :2] = 6.0 if rng.random() < 0.9 else -6.0
        if rng.random() < 0.05:
            truth[0, :2] = 3
        scores.append(torch.from_numpy(found).float())
        truths.append(truth)
    return scores, truths


def test_masks_are_made_for_the_mean_over_classes() -> None:
    from labelwright.autolabel.job_regions import RegionRule, best_biases

    scores, truths = planted(30, seed=0)
    assert best_biases(scores, truths)[2] > best_biases(scores, truths)[1]  # what is held back gets its due
    rule, held = RegionRule.fit(scores, truths)
    rule = RegionRule.from_dict(json.loads(json.dumps(rule.as_dict())))
    others, theirs = planted(60, seed=1)
    plain = RegionRule(np.zeros(N_CLASSES))
    said, reached, before = [], [], []
    for item, truth in zip(others, theirs, strict=True):
        mask, confidence = rule.mask(item, truth.shape)
        said.append(confidence)
        reached.append(mask_quality(mask, truth))
        before.append(mask_quality(plain.mask(item, truth.shape)[0], truth))
    assert np.mean(reached) > np.mean(before) + 0.1
    assert np.mean(reached) == pytest.approx(held.mean(), abs=0.06)
    assert np.mean(said) == pytest.approx(np.mean(reached), abs=0.06)
    assert np.corrcoef(said, reached)[0, 1] > 0.6


def test_masks_have_the_size_of_the_picture_and_few_pictures_will_do() -> None:
    from labelwright.autolabel.job_regions import RegionRule

    scores, truths = planted(3, seed=2)
    large = [truth.repeat(3, axis=0).repeat(2, axis=1) for truth in truths]
    rule, held = RegionRule.fit(scores, large)
    assert held.shape == (3,) and not rule.biases.any()
    mask, confidence = rule.mask(scores[0], (48, 32))
    assert mask.shape == (48, 32) and mask.dtype == np.uint8 and 0 <= confidence <= 1
    nothing = torch.full((N_CLASSES, 4, 4), -9.0)
    nothing[0] = 9.0
    mask, confidence = rule.mask(nothing, (8, 8))
    assert not mask.any() and confidence > 0.99
