"""Average precision against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest
from labelwright.train.evaluate import Boxes, average_precision, box_iou, evaluate_detections


def _found(*rows: tuple[float, float, float, float, int, float]) -> Boxes:
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return Boxes(table[:, :4], table[:, 4].astype(np.int64), table[:, 5])


def test_iou_of_half_shifted_squares_is_a_third() -> None:
    iou = box_iou(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 9]]))
    assert iou.tolist() == [[pytest.approx(1 / 3), 0.0, 0.0]]


def test_iou_of_nothing_has_the_right_shape() -> None:
    assert box_iou(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)


@pytest.mark.parametrize(
    ("hits", "n_true", "expected"),
    [
        ([True, True], 2, 1.0),
        ([True, False, True], 2, 1 / 2 + 1 / 2 * 2 / 3),
        ([False, True], 1, 1 / 2),
        ([True], 4, 1 / 4),
        ([False, False], 3, 0.0),
        ([], 3, 0.0),
        # precision 1, 1/2, 1/3, 2/4, 3/5: the envelope lifts the early dips to 3/5
        ([True, False, False, True, True], 3, 1 / 3 * (1 + 3 / 5 + 3 / 5)),
    ],
)
def test_average_precision_by_hand(hits: list[bool], n_true: int, expected: float) -> None:
    assert average_precision(hits, n_true) == pytest.approx(expected)


def test_average_precision_needs_true_boxes() -> None:
    with pytest.raises(InvalidRequest, match="n_true=0"):
        average_precision([True], 0)


def test_second_detection_of_a_claimed_box_is_false() -> None:
    true = [Boxes.true([[0, 0, 10, 10]], [0])]
    found = [_found((0, 0, 10, 10, 0, 0.9), (0, 0, 10, 11, 0, 0.8))]
    scores = evaluate_detections(found, true, n_classes=1)
    assert scores.mean_average_precision == 1.0  # the duplicate comes after full recall
    found = [_found((0, 0, 10, 10, 0, 0.8), (0, 0, 10, 11, 0, 0.9))]
    assert evaluate_detections(found, true, n_classes=1).average_precision == (1.0,)


def test_scores_are_ranked_over_all_images() -> None:
    true = [Boxes.true([[0, 0, 10, 10]], [0]), Boxes.true([[0, 0, 10, 10]], [0])]
    # a confident mistake on the first image comes before the hit on the second
    found = [_found((50, 50, 60, 60, 0, 0.9)), _found((0, 0, 10, 10, 0, 0.5))]
    assert evaluate_detections(found, true, n_classes=1).average_precision[0] == pytest.approx(1 / 2 * 1 / 2)


def test_class_without_true_boxes_is_left_out_of_the_mean() -> None:
    true = [Boxes.true([[0, 0, 10, 10]], [1])]
    found = [_found((0, 0, 10, 10, 1, 0.9), (0, 0, 10, 10, 0, 0.9))]
    scores = evaluate_detections(found, true, n_classes=3)
    assert scores.average_precision == (None, 1.0, None)
    assert scores.mean_average_precision == 1.0
    assert scores.n_detected == (1, 1, 0)


def test_wrong_class_does_not_count() -> None:
    true = [Boxes.true([[0, 0, 10, 10]], [1])]
    assert (
        evaluate_detections([_found((0, 0, 10, 10, 0, 1.0))], true, n_classes=2).mean_average_precision == 0.0
    )


def test_iou_exactly_at_the_threshold_counts() -> None:
    true = [Boxes.true([[0, 0, 10, 10]], [0])]
    found = [_found((0, 0, 10, 5, 0, 1.0))]
    assert evaluate_detections(found, true, n_classes=1, iou_threshold=0.5).mean_average_precision == 1.0
    assert evaluate_detections(found, true, n_classes=1, iou_threshold=0.51).mean_average_precision == 0.0


def test_nothing_at_all_scores_zero() -> None:
    empty = Boxes.true(np.zeros((0, 4)), [])
    assert evaluate_detections([empty], [empty], n_classes=2).mean_average_precision == 0.0


def test_different_numbers_of_images_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="same images"):
        evaluate_detections([], [Boxes.true([], [])], n_classes=1)


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="belong together"):
        Boxes(np.zeros((2, 4)), np.zeros(1, dtype=np.int64), np.zeros(2))


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 10))
def test_average_precision_is_a_share(hits: list[bool], n_missed: int) -> None:
    n_true = sum(hits) + n_missed
    if n_true == 0:
        return
    value = average_precision(hits, n_true)
    assert 0.0 <= value <= sum(hits) / n_true + 1e-12  # never above the recall reached


@given(st.lists(st.tuples(*[st.floats(0, 50) for _ in range(4)]), min_size=1, max_size=6))
def test_perfect_detections_score_one(rows: list[tuple[float, float, float, float]]) -> None:
    # far apart, so that no two boxes overlap
    boxes = [(100 * i + x, y, 100 * i + x + w + 1, y + h + 1) for i, (x, y, w, h) in enumerate(rows)]
    true = Boxes.true(boxes, [i % 2 for i in range(len(boxes))])
    assert evaluate_detections([true], [true], n_classes=2).mean_average_precision == pytest.approx(1.0)
