from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.consolidation import (
    ConsolidatedBox,
    LabeledBox,
    box_iou,
    box_iou_batch,
    consolidate_boxes,
)

THREE = [
    ("a", [LabeledBox(0, 100, 100, 200, 80)]),
    ("b", [LabeledBox(0, 104, 101, 198, 82)]),
    ("c", [LabeledBox(0, 97, 103, 207, 78)]),
]


def test_published_vector_digit_for_digit() -> None:
    (box,) = consolidate_boxes(THREE, image_height=768, n_workers_asked=3)
    written = {"class_id": 0, "top": box.top, "left": box.left, "height": box.height, "width": box.width}
    assert json.dumps(written) == (
        '{"class_id": 0, "top": 101.33333333333337, "left": 100.33333333333333, "height": 80, '
        '"width": 201.66666666666669}'
    )
    assert box.confidence == 0.96
    members = np.array([[b.left, b.top, b.width, b.height] for _, (b,) in THREE])
    iou = box_iou_batch(members, np.array([[box.left, box.top, box.width, box.height]]))
    assert round(float(iou.mean()), 6) == 0.955003


def test_published_confidences() -> None:
    two = [*THREE[:2], ("c", [])]
    one = [THREE[0], ("b", []), ("c", [])]
    assert [b.confidence for b in consolidate_boxes(two, image_height=768, n_workers_asked=3)] == [0.80]
    assert [b.confidence for b in consolidate_boxes(one, image_height=768, n_workers_asked=3)] == [0.48]


def test_one_worker_job_gives_integers_and_no_confidence() -> None:
    (box,) = consolidate_boxes(THREE[:1], image_height=768, n_workers_asked=1)
    assert box == ConsolidatedBox(0, 100, 100, 200, 80, 0.0)
    assert all(isinstance(v, int) for v in (box.left, box.top, box.width, box.height))


def test_box_drawn_by_one_of_five_is_kept() -> None:
    answers = [("a", [LabeledBox(1, 5, 5, 10, 10)]), *[(name, []) for name in "bcde"]]
    (box,) = consolidate_boxes(answers, image_height=100, n_workers_asked=5)
    assert (box.class_id, box.left, box.confidence) == (1, 5, 0.3)


def test_nothing_drawn_is_no_box() -> None:
    assert consolidate_boxes([("a", []), ("b", [])], image_height=10, n_workers_asked=2) == []
    assert consolidate_boxes([], image_height=10, n_workers_asked=2) == []


def test_boxes_of_different_labels_do_not_match() -> None:
    answers = [("a", [LabeledBox(0, 5, 5, 10, 10)]), ("b", [LabeledBox(1, 5, 5, 10, 10)])]
    boxes = consolidate_boxes(answers, image_height=100, n_workers_asked=2)
    assert [box.class_id for box in boxes] == [0, 1]


def test_boxes_of_one_worker_never_match_each_other() -> None:
    twice = [LabeledBox(0, 5, 5, 10, 10), LabeledBox(0, 5, 5, 10, 11)]
    boxes = consolidate_boxes([("a", twice), ("b", twice[:1])], image_height=100, n_workers_asked=2)
    assert [(box.top, box.height) for box in boxes] == [(5, 10), (5, 11)]


def test_the_most_similar_pair_is_joined_first() -> None:
    answers = [
        ("a", [LabeledBox(0, 0, 0, 10, 10)]),
        ("b", [LabeledBox(0, 3, 0, 10, 10), LabeledBox(0, 1, 0, 10, 10)]),
    ]
    boxes = consolidate_boxes(answers, image_height=100, n_workers_asked=2)
    assert [box.left for box in boxes] == [0.5, 3]


def test_boxes_without_area_are_dropped() -> None:
    bad = [LabeledBox(0, 1, 1, 0, 5), LabeledBox(0, 1, 1, 5, -1), LabeledBox(0, 1, 1, math.nan, 5)]
    assert consolidate_boxes([("a", bad)], image_height=10, n_workers_asked=3) == []


boxes = st.builds(
    LabeledBox,
    class_id=st.integers(0, 1),
    left=st.integers(0, 30),
    top=st.integers(0, 30),
    width=st.integers(1, 20),
    height=st.integers(1, 20),
)
crowds = st.lists(st.lists(boxes, max_size=5), min_size=1, max_size=5)


@given(crowds)
def test_invariants(drawn: list[list[LabeledBox]]) -> None:
    answers = [(f"w{i}", row) for i, row in enumerate(drawn)]
    result = consolidate_boxes(answers, image_height=50, n_workers_asked=len(answers) + 1)
    n_drawn = sum(map(len, drawn))
    assert len(result) <= n_drawn
    assert len(result) >= max((len(row) for row in drawn), default=0)
    for box in result:
        same = [b for row in drawn for b in row if b.class_id == box.class_id]
        assert min(b.left for b in same) - 1e-9 <= box.left
        assert box.left + box.width <= max(b.left + b.width for b in same) + 1e-9
        assert box.width > 0 and box.height > 0
        assert 0.05 <= box.confidence <= 0.97
        for value in (box.left, box.top, box.width, box.height):
            assert isinstance(value, int) or not value.is_integer()


@given(st.lists(boxes, max_size=6), st.integers(2, 9))
def test_agreement_gives_the_same_boxes_back(drawn: list[LabeledBox], n_workers: int) -> None:
    apart = [LabeledBox(b.class_id, b.left + 100 * i, b.top, b.width, b.height) for i, b in enumerate(drawn)]
    answers = [(f"w{i}", apart) for i in range(n_workers)]
    result = consolidate_boxes(answers, image_height=50, n_workers_asked=n_workers)
    assert [LabeledBox(b.class_id, b.left, b.top, b.width, b.height) for b in result] == apart
    assert all(box.confidence == 0.97 for box in result)


@given(st.lists(boxes, max_size=4), st.lists(boxes, max_size=4))
def test_iou_of_one_pair_and_of_many_agree(first: list[LabeledBox], second: list[LabeledBox]) -> None:
    a = [(float(b.left), float(b.top), float(b.width), float(b.height)) for b in first]
    b = [(float(c.left), float(c.top), float(c.width), float(c.height)) for c in second]
    batch = box_iou_batch(np.array(a).reshape(-1, 4), np.array(b).reshape(-1, 4))
    assert batch.shape == (len(a), len(b))
    assert batch.tolist() == [[box_iou(x, y) for y in b] for x in a]
    assert all(box_iou(x, x) == 1.0 for x in a)


@pytest.mark.parametrize("bad", [(0, 0, 0, 5), (0, 0, 5, 0), (20, 20, 5, 5)])
def test_boxes_without_common_area_have_no_iou(bad: tuple[float, float, float, float]) -> None:
    assert box_iou((0, 0, 10, 10), bad) == 0.0
    assert box_iou_batch(np.array([[0, 0, 10, 10]]), np.array([bad])).tolist() == [[0.0]]
