"""Truth is found by object and by class name; agreement is counted by one-to-one matching."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest, ManifestError
from labelwright.simulate.agreement import BoxAgreement, ClassAgreement, match_boxes
from labelwright.simulate.answering import answering_for, rng_of
from labelwright.simulate.error_models import Skill
from labelwright.simulate.people import new_password
from labelwright.simulate.truth import BoxTruth, ClassTruth, TrueBox, read_truth

LABELS = ["crate", "box"]


def _lines(*lines: dict[str, object]) -> list[bytes]:
    return [b"".join(json.dumps(line).encode() + b"\n" for line in lines)]


def _boxes_line(uri: str, class_id: int, names: dict[str, str] | None = None) -> dict[str, object]:
    box = {"class_id": class_id, "top": 2, "left": 1, "height": 4, "width": 3}
    line: dict[str, object] = {
        "source-ref": uri,
        "things": {"image_size": [{"width": 32, "height": 24, "depth": 3}], "annotations": [box]},
    }
    if names is not None:
        line["things-metadata"] = {
            "type": "groundtruth/object-detection",
            "class-map": names,
            "objects": [{}],
        }
    return line


def test_boxes_are_matched_by_class_name() -> None:
    book = read_truth(_lines(_boxes_line("s3://b/1.jpg", 0, {"0": "box"})), "things", LABELS)
    assert book["s3://b/1.jpg"] == BoxTruth(32, 24, (TrueBox(1, 1, 2, 3, 4),))


def test_without_names_indices_are_taken_as_they_are() -> None:
    book = read_truth(_lines(_boxes_line("s3://b/1.jpg", 0)), "things", LABELS)
    truth = book["s3://b/1.jpg"]
    assert isinstance(truth, BoxTruth)
    assert truth.boxes[0].class_id == 0


def test_texts_and_classes() -> None:
    metadata = {"type": "groundtruth/text-classification", "class-name": "box", "confidence": 0.9}
    line = {"source": "Sent in a box", "kind": 7, "kind-metadata": metadata}
    book = read_truth(_lines(line), "kind", LABELS)
    assert dict(book) == {"Sent in a box": ClassTruth(1)}


def test_order_and_unlabeled_lines_do_not_matter() -> None:
    lines = _lines(
        _boxes_line("s3://b/9.jpg", 1), {"source-ref": "s3://b/0.jpg"}, _boxes_line("s3://b/1.jpg", 0)
    )
    assert set(read_truth(lines, "things", LABELS)) == {"s3://b/9.jpg", "s3://b/1.jpg"}


def test_missing_attribute_lists_what_there_is() -> None:
    line = _boxes_line("s3://b/1.jpg", 0, {"0": "box"})
    with pytest.raises(InvalidRequest, match=r"--attribute thigns.*It has things"):
        read_truth(_lines(line), "thigns", LABELS)


def test_unknown_class_names_the_line() -> None:
    with pytest.raises(ManifestError, match=r"line 1: .*'barrel'.*crate, box"):
        read_truth(_lines(_boxes_line("s3://b/1.jpg", 0, {"0": "barrel"})), "things", LABELS)
    with pytest.raises(ManifestError, match="class index 5"):
        read_truth(_lines(_boxes_line("s3://b/1.jpg", 5)), "things", LABELS)


def test_kinds_that_cannot_be_simulated_are_refused() -> None:
    line = {"source-ref": "s3://b/1.jpg", "things": {"free": "form"}}
    with pytest.raises(ManifestError, match="only bounding boxes, classes, spans"):
        read_truth(_lines(line), "things", LABELS)


def test_matching_is_one_to_one_and_by_class() -> None:
    true = [TrueBox(0, 0, 0, 10, 10), TrueBox(1, 20, 0, 10, 10)]
    found = [TrueBox(0, 0, 0, 10, 10), TrueBox(0, 0, 0, 10, 9), TrueBox(0, 20, 0, 10, 10)]
    assert match_boxes(found, true) == [1.0]
    agreement = BoxAgreement()
    agreement.add(found, true)
    assert (agreement.precision, agreement.recall) == (pytest.approx(1 / 3), 1 / 2)
    assert agreement.f1 == pytest.approx(2 / 5)
    assert agreement.mean_iou == 1.0


def test_nothing_drawn_and_nothing_there_agree() -> None:
    agreement = BoxAgreement()
    agreement.add([], [])
    assert (agreement.precision, agreement.recall, agreement.f1, agreement.mean_iou) == (1.0, 1.0, 1.0, 0.0)
    assert ClassAgreement().accuracy == 0.0


boxes = st.lists(
    st.builds(
        TrueBox,
        st.integers(0, 1),
        st.integers(0, 30),
        st.integers(0, 30),
        st.integers(1, 20),
        st.integers(1, 20),
    ),
    max_size=6,
)


@given(boxes, boxes)
def test_matching_is_symmetric_in_number_and_bounded(found: list[TrueBox], true: list[TrueBox]) -> None:
    ious = match_boxes(found, true)
    assert len(ious) <= min(len(found), len(true))
    assert all(0.5 <= iou <= 1.0 for iou in ious)
    assert ious == sorted(ious, reverse=True)


@given(boxes)
def test_everything_matches_itself(true: list[TrueBox]) -> None:
    assert len(match_boxes(true, true)) == len(true)


@pytest.mark.parametrize("task_type", ["BoundingBox", "ImageMultiClass", "TextMultiClass"])
def test_consolidating_perfect_answers_gives_the_truth(task_type: str) -> None:
    answering = answering_for(task_type, LABELS, seed=0)
    truth = BoxTruth(320, 240, (TrueBox(1, 10, 10, 50, 50),)) if task_type == "BoundingBox" else ClassTruth(1)
    perfect = Skill.of_accuracy(1.0)
    answers = [(f"w{i}", answering.answer(truth, perfect, rng_of(0, i, "s3://b/1.jpg"))) for i in range(3)]
    quality = answering.consolidated_quality([(truth, answers)], 3)
    assert set(quality.values()) == {1.0}
    assert answering.single_quality([(truth, answer) for _, answer in answers]) == quality


def test_several_mediocre_workers_beat_one() -> None:
    answering = answering_for("ImageMultiClass", ["a", "b", "c", "d"], seed=0)
    truths = [ClassTruth(i % 4) for i in range(200)]
    objects = [
        (
            truth,
            [
                (f"w{w}", answering.answer(truth, Skill.of_accuracy(0.75), rng_of(0, w, str(i))))
                for w in range(5)
            ],
        )
        for i, truth in enumerate(truths)
    ]
    single = answering.single_quality(
        [(truth, answer) for truth, answers in objects for _, answer in answers]
    )
    assert answering.consolidated_quality(objects, 5)["accuracy"] > single["accuracy"] + 0.1


def test_custom_templates_are_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidRequest, match=r"custom template cannot be simulated.*openapi"):
        answering_for("", LABELS, seed=0)
    with pytest.raises(InvalidRequest, match="VideoObjectTracking"):
        answering_for("VideoObjectTracking", LABELS, seed=0)


def test_truth_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"asks for boxes.*holds a class"):
        answering_for("BoundingBox", LABELS, seed=0).answer(
            ClassTruth(0), Skill.of_accuracy(1.0), rng_of(0, 0, "x")
        )


def test_passwords_meet_the_default_policy_and_differ() -> None:
    passwords = {new_password() for _ in range(50)}
    assert len(passwords) == 50
    for password in passwords:
        assert len(password) == 16
        assert any(c.islower() for c in password)
        assert any(c.isupper() for c in password)
        assert any(c.isdigit() for c in password)
        assert any(c in "-_.!" for c in password)
