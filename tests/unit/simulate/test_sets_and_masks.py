"""Simulated answers to multi-label, entity and segmentation tasks, and the truth they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import dumps
from labelwright.simulate.agreement import MaskAgreement, SetAgreement
from labelwright.simulate.answering import SIMULATED, answering_for, rng_of
from labelwright.simulate.error_models import Skill, draw_skills
from labelwright.simulate.truth import (
    BoxTruth,
    ClassTruth,
    MaskTruth,
    SpansTruth,
    TicksTruth,
    TrueBox,
    TrueSpan,
    Truth,
    read_truth,
)
from labelwright.tasks import parse_categories, task_type
from labelwright.tasks._palette import palette
from labelwright.tasks._png import write_mask

LABELS = ("box", "crate", "barrel")
PERFECT = Skill.of_accuracy(1.0)
CATEGORIES = parse_categories({"labels": [{"label": name} for name in LABELS]}, n_min=1, n_max=None)
MASK = np.zeros((24, 32), dtype=np.uint8)
MASK[4:12, 3:20], MASK[14:20, 8:30] = 1, 3


def truth_for(kind: str) -> Truth:
    if "Segmentation" in kind and not kind.startswith("Verification"):
        return MaskTruth(lambda: MASK)
    if kind.endswith("MultiLabel"):
        return TicksTruth(frozenset({0, 2}))
    if kind == "NamedEntityRecognition":
        return SpansTruth(40, (TrueSpan(0, 5, 0), TrueSpan(8, 20, 2), TrueSpan(8, 20, 1)))
    if kind.endswith("BoundingBox") and not kind.startswith("Verification"):
        return BoxTruth(320, 240, (TrueBox(1, 10, 10, 50, 50),))
    return ClassTruth(1)


@pytest.mark.parametrize("kind", sorted(SIMULATED))
def test_perfect_workers_give_the_truth(kind: str) -> None:
    answering = answering_for(kind, LABELS, seed=0)
    truth = truth_for(kind)
    answers = [(f"w{i}", answering.answer(truth, PERFECT, rng_of(0, i, "x"))) for i in range(3)]
    quality = answering.consolidated_quality([(truth, answers)], 3)
    assert set(quality.values()) == {1.0}
    assert answering.single_quality([(truth, answer) for _, answer in answers]) == quality


@pytest.mark.parametrize("kind", sorted(SIMULATED))
def test_answers_of_bad_workers_still_fit(kind: str) -> None:
    answering, truth = answering_for(kind, LABELS, seed=0), truth_for(kind)
    line = {"source": "x" * 40, "source-ref": "s3://b/k"}
    for seed in range(30):
        answer = answering.answer(truth, Skill.of_accuracy(0.3), np.random.default_rng(seed))
        task_type(kind).validate_answer(answer, CATEGORIES, lambda: line)


@pytest.mark.parametrize(
    "kind", ["TextMultiClassMultiLabel", "NamedEntityRecognition", "SemanticSegmentation"]
)
def test_several_workers_are_closer_to_the_truth(kind: str) -> None:
    answering, truth = answering_for(kind, LABELS, seed=1), truth_for(kind)
    skills = draw_skills(5, 0.75, np.random.default_rng(2))
    objects = [
        (
            truth,
            [
                (f"w{j}", answering.answer(truth, s, np.random.default_rng([i, j])))
                for j, s in enumerate(skills)
            ],
        )
        for i in range(30)
    ]
    single = answering.single_quality([(truth, a) for truth, answers in objects for _, a in answers])
    merged = answering.consolidated_quality(objects, 5)
    name = "mean_iou" if kind == "SemanticSegmentation" else "recall"
    assert 0.3 < single[name] < 1.0
    assert merged[name] > single[name] + 0.02


def test_wrong_truth_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"asks for a mask but .* holds spans of text"):
        answering_for("SemanticSegmentation", LABELS, 0).answer(
            truth_for("NamedEntityRecognition"), PERFECT, rng_of(0, 0, "x")
        )


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, 2)), st.floats(0.01, 1), st.integers(0, 2**32 - 1))
def test_at_least_one_label_is_ticked(true: set[int], accuracy: float, seed: int) -> None:
    answering = answering_for("ImageMultiClassMultiLabel", LABELS, seed=0)
    truth = TicksTruth(frozenset(true))
    answer = answering.answer(truth, Skill.of_accuracy(accuracy), np.random.default_rng(seed))
    assert answer["crowd-image-classifier-multi-select"]["labels"]


# -- truth --------------------------------------------------------------------------------------------


def read(line: dict[str, Any], read_object: Callable[[str], bytes] | None = None) -> Truth:
    book = read_truth([dumps(line) + b"\n"], "true-ref", LABELS, read_object=read_object)
    (truth,) = book.values()
    return truth


def test_several_classes_are_matched_by_name() -> None:
    metadata = {
        "class-map": {"5": "crate", "1": "box"},
        "confidence-map": {"5": 1, "1": 1},
        "type": "groundtruth/text-classification-multilabel",
    }
    truth = read({"source": "x", "true-ref": [5, 1], "true-ref-metadata": metadata})
    assert truth == TicksTruth(frozenset({0, 1}))


def test_spans_are_read_with_the_length_of_the_text() -> None:
    entities = [{"startOffset": 0, "endOffset": 4, "label": "crate"}]
    value = {"annotations": {"entities": entities, "labels": [{"label": "crate"}]}}
    assert read({"source": "Acme", "true-ref": value}) == SpansTruth(4, (TrueSpan(0, 4, 1),))


def test_masks_are_read_when_they_are_needed() -> None:
    colors = {"2": "#2ca02c", "1": "#1f77b4"}
    names = {"0": "BACKGROUND", "1": "barrel", "2": "box"}
    color_map = {k: {"class-name": n, "hex-color": colors.get(k, "#ffffff")} for k, n in names.items()}
    line = {
        "source-ref": "s3://b/k",
        "true-ref": "s3://b/m.png",
        "true-ref-metadata": {"internal-color-map": color_map, "type": "groundtruth/semantic-segmentation"},
    }
    read_uris = []

    def read_object(uri: str) -> bytes:
        read_uris.append(uri)
        return write_mask(np.array([[0, 1, 2]], dtype=np.uint8), ["#ffffff", *palette(2)])

    truth = read(line, read_object)
    assert isinstance(truth, MaskTruth) and not read_uris
    assert truth.load().tolist() == truth.load().tolist() == [[0, 1, 3]]
    assert read_uris == ["s3://b/m.png"]
    with pytest.raises(ManifestError, match="can be simulated"):
        read(line)
    with pytest.raises(InvalidRequest, match=r"the mask s3://b/m.png is not a PNG"):
        read(line, lambda uri: b"x").load()  # type: ignore[union-attr]


def test_agreement_of_sets_and_masks() -> None:
    sets = SetAgreement()
    sets.add({1, 2}, {2, 3, 4})
    sets.add(set(), set())
    assert (sets.precision, sets.recall, sets.f1) == (1 / 2, 1 / 3, 2 / 5)
    assert (SetAgreement().precision, SetAgreement().recall, SetAgreement().f1) == (1, 1, 1)
    masks = MaskAgreement()
    masks.add(np.array([[1, 1]], dtype=np.uint8), np.array([[1, 0]], dtype=np.uint8))
    assert (masks.accuracy, masks.mean_iou) == (1 / 2, 1 / 4)
    assert (MaskAgreement().accuracy, MaskAgreement().mean_iou) == (0, 0)
