from __future__ import annotations

import json
from typing import Any

import pytest
from dataprep_making import boxes_line, class_line, lines_of

from labelwright.dataprep.filtering import Filter, FilterSummary, filter_manifest
from labelwright.errors import InvalidRequest, ManifestError

NAMES = {0: "screw", 1: "clip"}
BOXES = lines_of(
    boxes_line("s3://b/1", [(0, 1, 1, 9, 9), (1, 2, 2, 9, 9)], NAMES, confidences=[0.9, 0.4]),
    boxes_line("s3://b/2", [(1, 2, 2, 9, 9)], NAMES, confidences=[0.3], human="no"),
    boxes_line("s3://b/3", [], NAMES),
    {"source-ref": "s3://b/4"},
    {"source-ref": "s3://b/5", "parts-metadata": {"failure-reason": "ClientError: x"}},
)


def kept(source: list[bytes], **conditions: Any) -> tuple[str, FilterSummary]:
    summary = FilterSummary()
    lines = list(filter_manifest(source, Filter(**conditions), summary))
    return "".join(json.loads(line)["source-ref"][-1] for line in lines), summary


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"is_labeled": True}, "123"),
        ({"is_labeled": False}, "45"),
        ({"min_confidence": 0.4}, "13"),
        ({"max_confidence": 0.4}, "23"),
        ({"is_human_annotated": True}, "13"),
        ({"is_human_annotated": False}, "2"),
        ({"classes": frozenset({"screw"})}, "1"),
        ({"without_classes": frozenset({"screw"})}, "23"),
        ({"classes": frozenset({"clip"}), "min_confidence": 0.35}, "1"),
    ],
)
def test_conditions_on_whole_objects(conditions: dict[str, Any], expected: str) -> None:
    assert kept(BOXES, attribute="parts", **conditions)[0] == expected


def test_single_boxes_are_dropped_with_their_confidences_and_class_names() -> None:
    summary = FilterSummary()
    what = Filter(attribute="parts", min_confidence=0.5, annotations_only=True)
    lines = [json.loads(line) for line in filter_manifest(BOXES, what, summary)]
    assert [line["source-ref"] for line in lines] == ["s3://b/1", "s3://b/3"]
    assert [box["class_id"] for box in lines[0]["parts"]["annotations"]] == [0]
    assert lines[0]["parts-metadata"]["objects"] == [{"confidence": 0.9}]
    assert lines[0]["parts-metadata"]["class-map"] == {"0": "screw"}
    assert (summary.n_annotations_dropped, summary.dropped["no annotation left"]) == (2, 1)
    emptied = kept(BOXES, attribute="parts", min_confidence=0.5, annotations_only=True, keeps_emptied=True)
    assert emptied[0] == "123"


def test_verification_results_are_quality_marks() -> None:
    lines = [
        class_line(f"s3://b/{i}", index, name, attribute="check", kind="groundtruth/label-verification")
        for i, (index, name) in enumerate([(0, "good"), (1, "bad"), (0, "good")])
    ]
    source = lines_of(*lines, {"source-ref": "s3://b/3"})
    result, summary = kept(source, verification="check", verdicts=frozenset({"good"}))
    assert result == "02"
    assert summary.dropped == {"verdict": 1, "not verified": 1}


def test_multi_labels_and_spans_lose_single_annotations() -> None:
    ticks = {
        "source": "x",
        "scene": [3, 0],
        "scene-metadata": {
            "confidence-map": {"3": 0.9, "0": 0.2},
            "class-map": {"3": "lake", "0": "tree"},
            "type": "groundtruth/text-classification-multilabel",
            "human-annotated": "yes",
        },
    }
    what = Filter(attribute="scene", min_confidence=0.5, annotations_only=True)
    (line,) = [json.loads(raw) for raw in filter_manifest(lines_of(ticks), what, FilterSummary())]
    assert line["scene"] == [3]
    assert line["scene-metadata"]["class-map"] == {"3": "lake"}
    assert line["scene-metadata"]["confidence-map"] == {"3": 0.9}
    spans = {
        "source": "Oslo in May",
        "ner": {
            "annotations": {
                "entities": [
                    {"label": "city", "startOffset": 0, "endOffset": 4},
                    {"label": "date", "startOffset": 8, "endOffset": 11},
                ],
                "labels": [{"label": "city"}, {"label": "date"}],
            }
        },
        "ner-metadata": {
            "entities": [{"confidence": 0.2}, {"confidence": 0.8}],
            "type": "groundtruth/text-span",
        },
    }
    what = Filter(attribute="ner", classes=frozenset({"date"}), annotations_only=True)
    (line,) = [json.loads(raw) for raw in filter_manifest(lines_of(spans), what, FilterSummary())]
    assert [entity["label"] for entity in line["ner"]["annotations"]["entities"]] == ["date"]
    assert line["ner-metadata"]["entities"] == [{"confidence": 0.8}]


def test_mistakes_are_said_plainly() -> None:
    with pytest.raises(InvalidRequest, match="--label-attribute-name"):
        Filter(min_confidence=0.5)
    with pytest.raises(InvalidRequest, match="Nothing to filter by"):
        Filter()
    with pytest.raises(InvalidRequest, match=r"'scrw'\. Classes seen: .*screw"):
        kept(BOXES, attribute="parts", classes=frozenset({"scrw"}))
    with pytest.raises(ManifestError, match="is one class"):
        kept(
            lines_of(class_line("s3://b/1", 0, "a")),
            attribute="kind",
            classes=frozenset({"a"}),
            annotations_only=True,
        )
    source = lines_of(class_line("s3://b/1", 0, "a", confidence=0.0))
    assert "worker" in kept(source, attribute="kind", min_confidence=0.0)[1].warnings[0]
