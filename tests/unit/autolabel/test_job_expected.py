"""What to expect of pictures with several classes, on planted ones."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from numpy.typing import NDArray

from labelwright.autolabel.job_box_rule import BoxRule
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_expected import ClassTables, ExpectedClasses, best_classes
from labelwright.autolabel.job_picture_quality import PictureQuality, QualityLine, spread_of
from labelwright.autolabel.job_pictures import split_holdout
from labelwright.autolabel.job_quality import box_quality

Floats = NDArray[np.float64]
N_CLASSES = 4


def planted(n: int, seed: int) -> ClassTables:
    """Classes with a sign of how well they overlap; class 3 is mostly seen by mistake."""
    rng = np.random.default_rng(seed)
    ease = rng.uniform(0.2, 0.95, (n, 1)) + rng.normal(0, 0.1, (n, N_CLASSES))
    is_there = rng.random((n, N_CLASSES)) < np.array([0.95, 0.9, 0.9, 0.1])
    is_kept = is_there | (np.arange(N_CLASSES) == 3)
    overlaps = np.where(is_there & is_kept, np.clip(ease + rng.normal(0, 0.05, ease.shape), 0, 1), 0.0)
    presence = is_there + rng.normal(0, 0.4, ease.shape)
    features = np.stack([ease, presence], axis=2)
    return ClassTables(features, is_kept, overlaps, is_there)


def quality(tables: ClassTables, i: int, is_kept: NDArray[np.bool_]) -> float:
    counts = is_kept | tables.is_there[i]
    return float(np.where(is_kept, tables.overlaps[i], 0)[counts].mean()) if counts.any() else 1.0


def qualities(tables: ClassTables) -> Floats:
    return np.array([quality(tables, i, tables.is_kept[i]) for i in range(len(tables.is_kept))])


def test_the_best_classes_are_the_best_of_all_subsets() -> None:
    rng = np.random.default_rng(0)
    overlaps, chances = rng.random((40, 4)), rng.random((40, 4))
    is_possible = rng.random((40, 4)) < 0.8
    kept, expected = best_classes(overlaps, chances, is_possible)
    for i in range(40):
        values: dict[tuple[int, ...], float] = {(): float(np.prod(1 - chances[i]))}
        for k in range(1, 5):
            for some in itertools.combinations(np.flatnonzero(is_possible[i]).tolist(), k):
                missed = sum(chances[i][c] for c in range(4) if c not in some)
                values[some] = sum(overlaps[i][c] for c in some) / (k + missed)
        assert expected[i] == pytest.approx(max(values.values()))
        assert values[tuple(np.flatnonzero(kept[i]).tolist())] == pytest.approx(expected[i])


def test_what_is_expected_comes_true_on_other_pictures() -> None:
    tables, others = planted(60, seed=1), planted(400, seed=2)
    overlaps, chances = ExpectedClasses.fit(tables)(others.features)
    kept = others.is_kept
    assert np.corrcoef(overlaps[kept], others.overlaps[kept])[0, 1] > 0.7
    assert overlaps[kept].mean() == pytest.approx(others.overlaps[kept].mean(), abs=0.05)
    assert chances.mean(axis=0) == pytest.approx(others.is_there.mean(axis=0), abs=0.13)


def test_a_class_seen_by_mistake_is_left_out_and_the_confidence_follows_the_quality() -> None:
    tables, others = planted(60, seed=3), planted(300, seed=4)
    none = np.zeros((60, 0))
    found, on_others = PictureQuality.fit(
        tables, none, qualities(tables), lambda i, keeps: quality(tables, i, keeps & tables.is_kept[i])
    )
    assert on_others.mean() > qualities(tables).mean() + 0.05
    # What is left to chance is less than what differs from picture to picture.
    assert 0 < found.spread < 0.8 * on_others.std()
    found = PictureQuality.from_dict(json.loads(json.dumps(found.as_dict())))
    reached, said = [], []
    for i in range(300):
        keeps, confidence = found(others.features[i], others.is_kept[i], [])
        kept = others.is_kept[i] if keeps is None else others.is_kept[i] & keeps
        reached.append(quality(others, i, kept))
        said.append(confidence)
    assert np.mean(reached) > qualities(others).mean() + 0.05
    assert np.mean(said) == pytest.approx(np.mean(reached), abs=0.04)
    assert np.corrcoef(said, reached)[0, 1] > 0.7


def test_a_line_needs_some_pictures_and_keeps_within_bounds() -> None:
    few = QualityLine([[0.3, 1.0]] * 3, [0.9] * 3)
    assert few([[0.4, 7.0], [np.nan, 1.0]])[0] == pytest.approx(0.4)
    assert np.isnan(few([[np.nan, 1.0]])[0])
    rng = np.random.default_rng(5)
    x = rng.random((80, 2))
    line = QualityLine(x, 0.1 + 0.5 * x[:, 0] + 0.3 * x[:, 1])
    assert line([[0.5, 0.5]])[0] == pytest.approx(0.5, abs=0.02)
    assert line([[9.0, 9.0], [-9.0, -9.0]]).tolist() == [1.0, 0.0]
    # A sign that never changes says nothing.
    assert QualityLine(np.c_[x[:, 0], np.ones(80)], x[:, 0])([[0.5, 3.0]])[0] == pytest.approx(0.5, abs=0.02)


def test_the_spread_of_few_pictures_is_partly_a_guess() -> None:
    assert spread_of([]) == pytest.approx(0.2)
    assert 0.1 < spread_of([0.0, 0.0]) < 0.2
    assert spread_of(np.tile([-0.1, 0.1], 500)) == pytest.approx(0.1, abs=0.01)


def test_boxes_of_a_class_that_is_mostly_wrong_are_left_out() -> None:
    rng = np.random.default_rng(6)
    candidates: list[list[list[float]]] = []
    truths: list[list[list[float]]] = []
    for _ in range(60):
        shift = float(rng.integers(0, 8))
        truth = [[0.0, 10.0, 10.0, 20.0, 20.0]]
        found = [[0.0, 10.0 + shift, 10.0, 20.0, 20.0, 0.9 - shift / 20]]
        if rng.random() < 0.1:  # there, and found as surely as where it is not
            truth.append([1.0, 50.0, 50.0, 8.0, 8.0])
        found.append([1.0, 50.0, 50.0, 8.0, 8.0, 0.75])
        candidates.append(found)
        truths.append(truth)
    rule, held = BoxRule.fit(candidates[:30], truths[:30], 2)
    rule = BoxRule.from_dict(json.loads(json.dumps(rule.as_dict())))
    said, reached = [], []
    for found, truth in zip(candidates[30:], truths[30:], strict=True):
        boxes, confidence = rule.boxes(found)
        said.append(confidence)
        reached.append(box_quality(boxes, truth))
    everything = [box_quality(found, truth) for found, truth in zip(candidates, truths, strict=True)]
    assert np.mean(reached) > np.mean(everything) + 0.2
    assert np.mean(reached) == pytest.approx(held.mean(), abs=0.1)
    assert np.mean(said) == pytest.approx(np.mean(reached), abs=0.1)
    assert np.corrcoef(said, reached)[0, 1] > 0.5
    assert rule.boxes([])[0] == [] and 0 <= rule.boxes([])[1] <= 1
    assert BoxRule.untaught(2).boxes(candidates[0])[0] == candidates[0]


class Numbered(Objects):
    """Objects of which only the numbers matter."""

    def __init__(self, n: int) -> None:
        self.ids = np.arange(n) + 1000


def test_what_a_model_was_trained_on_is_never_held_out_later() -> None:
    kept, held = split_holdout(Numbered(40), seed=1)
    later_kept, later_held = split_holdout(
        Numbered(100), seed=1, held_before=(held + 1000).tolist(), learned_before=(kept + 1000).tolist()
    )
    assert len(later_held) == 20 and set(held.tolist()) <= set(later_held.tolist())
    assert not set(later_held.tolist()) & set(kept.tolist())
    assert sorted([*later_kept, *later_held]) == list(range(100))
    # Where all but three were learned from, those three are what is left to look at.
    learned = range(1000, 1037)
    assert sorted(split_holdout(Numbered(40), seed=1, learned_before=learned)[1].tolist()) == [37, 38, 39]


def test_the_level_is_that_of_pictures_drawn_at_random() -> None:
    tables = planted(80, seed=8)
    values = qualities(tables)
    is_random = np.arange(80) % 2 == 0
    # Those that the model asked for are worse than their signs say.
    harder = np.where(is_random, values, np.clip(values - 0.3, 0, 1))
    levels = []
    for random in (None, is_random):
        found, _ = PictureQuality.fit(tables, np.zeros((80, 0)), harder, lambda i, keeps: harder[i], random)
        said = [found(tables.features[i], tables.is_kept[i], [])[1] for i in range(80)]
        levels.append(float(np.mean(np.array(said)[is_random])))
    assert levels[0] < values[is_random].mean() - 0.08
    assert levels[1] == pytest.approx(values[is_random].mean(), abs=0.05)
