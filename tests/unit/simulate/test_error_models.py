"""The crowd's mistakes: valid answers always, perfect workers perfect, rates as promised, repeatable."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest
from labelwright.simulate.error_models import Skill, answer_boxes, answer_class, confusable, draw_skills
from labelwright.simulate.truth import BoxTruth, TrueBox

LABELS = ("box", "crate", "barrel")


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _scene(n_boxes: int = 5, side: int = 48) -> BoxTruth:
    boxes = tuple(TrueBox(i % 3, 10 + 55 * i, 40, side, side) for i in range(n_boxes))
    return BoxTruth(320, 240, boxes)


def _boxes(answer: dict[str, Any]) -> list[dict[str, Any]]:
    drawn: list[dict[str, Any]] = answer["boundingBox"]["boundingBoxes"]
    return drawn


def test_perfect_worker_draws_the_truth() -> None:
    answer = answer_boxes(_scene(), LABELS, Skill.of_accuracy(1.0), confusable(3, _rng()), _rng())
    wanted = [
        {"height": 48, "label": LABELS[i % 3], "left": 10 + 55 * i, "top": 40, "width": 48} for i in range(5)
    ]
    assert sorted(_boxes(answer), key=lambda b: b["left"]) == wanted
    assert answer["boundingBox"]["inputImageProperties"] == {"height": 240, "width": 320}


def test_perfect_worker_names_the_truth() -> None:
    for class_id in range(3):
        answer = answer_class(
            class_id,
            LABELS,
            Skill.of_accuracy(1.0),
            confusable(3, _rng()),
            _rng(),
            element="crowd-classifier",
        )
        assert answer == {"crowd-classifier": {"label": LABELS[class_id]}}


def test_class_errors_have_the_promised_rate() -> None:
    rng, alike = _rng(1), confusable(3, _rng())
    answers = [
        answer_class(1, LABELS, Skill.of_accuracy(0.8), alike, rng, element="e")["e"]["label"]
        for _ in range(4000)
    ]
    assert answers.count("crate") / 4000 == pytest.approx(0.8, abs=0.03)


def test_mistakes_follow_the_confusion_of_the_crowd() -> None:
    alike = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    rng = _rng(2)
    wrong = {
        answer_class(0, LABELS, Skill.of_accuracy(0.2), alike, rng, element="e")["e"]["label"]
        for _ in range(200)
    }
    assert wrong == {"box", "crate"}


def test_small_things_are_missed_more_often() -> None:
    skill = Skill(accuracy=1.0, side_error=0.0, miss_rate=0.1, extra_rate=0.0, decline_rate=0.0)
    alike, rng = confusable(3, _rng()), _rng(3)

    def share_seen(side: int) -> float:
        n_seen = sum(
            len(_boxes(answer_boxes(_scene(5, side), LABELS, skill, alike, rng))) for _ in range(400)
        )
        return n_seen / 2000

    assert share_seen(48) == pytest.approx(0.9, abs=0.03)
    assert share_seen(16) == pytest.approx(0.7, abs=0.04)


def test_extra_boxes_come_at_their_rate() -> None:
    skill = Skill(accuracy=1.0, side_error=0.0, miss_rate=0.0, extra_rate=0.5, decline_rate=0.0)
    alike, rng = confusable(3, _rng()), _rng(4)
    n_extra = [len(_boxes(answer_boxes(_scene(), LABELS, skill, alike, rng))) - 5 for _ in range(1000)]
    assert sum(n_extra) / 1000 == pytest.approx(0.5, abs=0.08)


def test_sides_are_off_by_a_share_of_the_size() -> None:
    skill = Skill(accuracy=1.0, side_error=0.05, miss_rate=0.0, extra_rate=0.0, decline_rate=0.0)
    truth = BoxTruth(4000, 4000, (TrueBox(0, 1000, 1000, 1000, 1000),))
    rng, alike = _rng(5), confusable(3, _rng())
    lefts = [_boxes(answer_boxes(truth, LABELS, skill, alike, rng))[0]["left"] for _ in range(600)]
    assert float(np.std(lefts)) == pytest.approx(50, rel=0.15)


box_lists = st.lists(
    st.tuples(
        st.integers(0, 2), st.floats(-20, 120), st.floats(-20, 90), st.floats(0, 130), st.floats(0, 100)
    ),
    max_size=6,
)


@given(box_lists, st.floats(0.05, 1.0), st.integers(0, 2**32 - 1), st.integers(1, 100), st.integers(1, 80))
def test_answers_always_fit_the_picture(
    rows: list[tuple[int, float, float, float, float]], accuracy: float, seed: int, width: int, height: int
) -> None:
    truth = BoxTruth(width, height, tuple(TrueBox(*row) for row in rows))
    answer = answer_boxes(truth, LABELS, Skill.of_accuracy(accuracy), confusable(3, _rng(seed)), _rng(seed))
    for box in _boxes(answer):
        assert list(box) == ["height", "label", "left", "top", "width"]
        assert box["label"] in LABELS
        assert all(isinstance(box[key], int) for key in ("height", "left", "top", "width"))
        assert 0 <= box["left"] < box["left"] + box["width"] <= width
        assert 0 <= box["top"] < box["top"] + box["height"] <= height


@given(st.floats(0.1, 0.99), st.integers(0, 1000))
def test_same_generator_gives_the_same_answer(accuracy: float, seed: int) -> None:
    alike, skill = confusable(3, _rng(seed)), Skill.of_accuracy(accuracy)
    first = answer_boxes(_scene(), LABELS, skill, alike, _rng(seed))
    assert first == answer_boxes(_scene(), LABELS, skill, alike, _rng(seed))


@given(st.integers(2, 30), st.integers(0, 1000))
def test_confusion_rows_are_distributions(n_classes: int, seed: int) -> None:
    alike = confusable(n_classes, _rng(seed))
    assert np.allclose(alike.sum(axis=1), 1.0)
    assert (np.diag(alike) == 0).all()
    assert (alike >= 0).all()


def test_one_class_cannot_be_confused() -> None:
    truth = BoxTruth(100, 100, (TrueBox(0, 10, 10, 50, 50),))
    skill = Skill(accuracy=0.1, side_error=0.0, miss_rate=0.0, extra_rate=0.0, decline_rate=0.0)
    answer = answer_boxes(truth, ("box",), skill, confusable(1, _rng()), _rng())
    assert _boxes(answer)[0]["label"] == "box"


def test_skills_are_drawn_around_the_accuracy() -> None:
    skills = draw_skills(500, 0.85, _rng())
    accuracies = [skill.accuracy for skill in skills]
    assert float(np.mean(accuracies)) == pytest.approx(0.85, abs=0.01)
    assert len(set(accuracies)) == 500
    assert draw_skills(3, 1.0, _rng()) == [Skill.of_accuracy(1.0)] * 3


@pytest.mark.parametrize(
    ("n_workers", "accuracy", "field"), [(0, 0.9, "workers"), (3, 0.0, "accuracy"), (3, 1.2, "accuracy")]
)
def test_numbers_out_of_range_are_named(n_workers: int, accuracy: float, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        draw_skills(n_workers, accuracy, _rng())
    assert caught.value.field == field
