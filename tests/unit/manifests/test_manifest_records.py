from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from labelwright.errors import ManifestError
from labelwright.manifests import (
    BoxesLabel,
    ClassLabel,
    CustomLabel,
    FailedLabel,
    LabeledBox,
    MultiLabel,
    ReferenceLabel,
    SegmentationClass,
    SegmentationLabel,
    Span,
    SpansLabel,
    Writer,
    collect_stats,
    label_from,
    read,
    validate_input,
    validate_output,
)

DATA = Path(__file__).parents[2] / "data" / "manifests"


def test_every_kind_of_label_is_read() -> None:
    values = []
    for record in read(DATA / "labels.manifest"):
        label = record.label()
        assert label is not None
        values.append(label.value)
    assert values == [
        ClassLabel(4, "heron", 0.95),
        MultiLabel((ClassLabel(3, "lake", 0.92), ClassLabel(0, "tree", 0.71), ClassLabel(6, "fog", 0.24))),
        BoxesLabel(
            680,
            1024,
            3,
            (
                LabeledBox(0, 138.8, 164.60000000000002, 443.8, 859, 0.93, "screw"),
                LabeledBox(5, 161, 250, 30, 30, 0.59, "clip"),
            ),
        ),
        SegmentationLabel(
            "s3://acme/out/street-1/annotations/consolidated-annotation/output/0_2024-04-16T08:31:12.604310.png",
            (
                SegmentationClass(0, "BACKGROUND", "#ffffff", 0.80546),
                SegmentationClass(1, "building", "#2ca02c", 0.80546),
                SegmentationClass(2, "road", "#1f77b4", 0.80546),
            ),
        ),
        SpansLabel((Span(0, 4, "org", 0.9), Span(23, 26, "date", 0.62)), ("org", "date")),
        ClassLabel(1, "wrong", 0.88, ("Left box too wide", "One screw not boxed")),
        CustomLabel({"result": ["any", "json"]}),
        ReferenceLabel("s3://acme/out/SeqLabel.json"),
    ]


def test_forms_of_2018_are_read() -> None:
    boxes, vote, free = [record.label() for record in read(DATA / "labels-2018.manifest")]
    assert boxes is not None and vote is not None and free is not None
    assert isinstance(boxes.value, BoxesLabel)
    assert boxes.value.boxes[0] == LabeledBox(0, 337, 482, 54, 39, 0.94, "dolphin")
    assert vote.value == ClassLabel(4, "heron", 0.8)
    assert vote.metadata is not None
    assert (vote.metadata.job_name, vote.metadata.creation_date) == ("vote-2", "2024-06-19T13:05:22.471000")
    assert free.value == CustomLabel({"any": ["json"]})


def test_failed_and_unlabeled_lines() -> None:
    labels = [record.label("parts") for record in read(DATA / "worked-output.manifest")]
    assert [label and label.value for label in labels[2:]] == [
        FailedLabel("ClientError: The image file is not a valid JPEG or PNG.", 1),
        None,
    ]
    assert labels[2] is not None and labels[2].is_failed
    assert all(record.label("parts") is None for record in read(DATA / "worked-input.manifest"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, ClassLabel(3, None, None)),
        ([1, 2], MultiLabel((ClassLabel(1, None, None), ClassLabel(2, None, None)))),
        ("s3://b/mask.png", SegmentationLabel("s3://b/mask.png", ())),
        (True, CustomLabel(True)),
        ("hello", CustomLabel("hello")),
        (None, None),
    ],
)
def test_label_without_metadata_is_told_from_its_shape(value: object, expected: object) -> None:
    label = label_from({"source": "x", "a": value}, "a")
    assert (label.value if label else None) == expected


def test_malformed_label_names_line_and_attribute() -> None:
    line = b'{"source":"x","a":{"annotations":[{"class_id":0}],"image_size":[{"width":1,"height":1}]}}\n'
    with pytest.raises(ManifestError) as caught:
        next(read([line])).label("a")
    assert caught.value.line_number == 1
    assert "'a'" in caught.value.message and "left" in caught.value.message


def test_a_line_with_several_labels_asks_which() -> None:
    meta = '{"type":"groundtruth/custom"}'
    record = next(read([f'{{"source":"x","a":1,"a-metadata":{meta},"b":1,"b-metadata":{meta}}}'.encode()]))
    assert record.label_attribute_names == ["a", "b"]
    with pytest.raises(ManifestError, match="a, b"):
        record.label()


def test_written_records_read_back_the_same() -> None:
    stream = io.BytesIO()
    with Writer(stream) as writer:
        for record in read(DATA / "labels.manifest"):
            writer.write(record)
    assert stream.getvalue() == (DATA / "labels.manifest").read_bytes()
    assert writer.n_written == 8


def test_golden_files_are_valid() -> None:
    for name in ("labels.manifest", "worked-output.manifest"):
        outcome = validate_output(DATA / name)
        assert outcome.findings == ()
    outcome = validate_output(
        DATA / "worked-output.manifest",
        label_attribute_name="parts",
        input_source=DATA / "worked-input.manifest",
        class_names=["bolt", "nut", "washer"],
        n_workers=3,
    )
    assert (outcome.n_lines, outcome.findings) == (4, ())
    assert validate_input(DATA / "worked-input.manifest").is_valid


def test_input_check_goes_on_after_a_bad_line() -> None:
    lines = [b'{"source":"x"}\n{"source":1}\n[]\n{"source-ref":"/tmp/x"}\n{"source":"y"}\n\n{"source":"z"}\n']
    outcome = validate_input(lines, lines_max=4)
    assert [finding.line_number for finding in outcome.findings] == [2, 3, 4, 6, 0]
    assert not outcome.is_valid and outcome.n_errors == 5
    assert "s3://" in str(outcome.findings[2])
    few = validate_input(lines, findings_max=1)
    assert len(few.findings) == 1 and few.n_errors == 4
    assert not validate_input([b""]).is_valid


def output_line(**changes: object) -> dict[str, object]:
    line: dict[str, object] = {
        "source-ref": "s3://acme/img/3.jpg",
        "n": 1.5,
        "parts": {
            "image_size": [{"width": 100, "height": 50, "depth": 3}],
            "annotations": [{"class_id": 0, "top": 1, "left": 2, "height": 10, "width": 20}],
        },
        "parts-metadata": {
            "objects": [{"confidence": 0.5}],
            "class-map": {"0": "screw"},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2024-09-05T08:12:44.730065",
            "job-name": "labeling-job/parts-1",
        },
    }
    metadata = line["parts-metadata"]
    assert isinstance(metadata, dict)
    for key, value in changes.items():
        key = key.replace("_", "-")
        if key in metadata:
            metadata[key] = value
        else:
            line[key] = value
    return line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"job_name": "labeling-job/Parts"}, "lower case"),
        ({"human_annotated": "true"}, "human-annotated"),
        ({"creation_date": "2024-09-05T08:12:44Z"}, "creation-date"),
        ({"type": "groundtruth/nonsense"}, "not a known type"),
        ({"objects": []}, "1 annotations, but 0 objects"),
        ({"class_map": {"0": "screw", "1": "nut"}}, "class-map"),
        ({"class_map": {"0": "nut"}}, "is not label 0"),
        ({"n": 2}, "differs from the input"),
    ],
)
def test_broken_rules_of_outputs_are_found(changes: dict[str, object], words: str) -> None:
    given_line = [b'{"source-ref":"s3://acme/img/3.jpg","n":1.50}\n']
    line = json.dumps(output_line(**changes)).encode()
    outcome = validate_output([line], input_source=given_line, class_names=["screw"])
    assert words in " ".join(finding.message for finding in outcome.findings)
    assert validate_output(
        [json.dumps(output_line()).encode()], input_source=given_line, class_names=["screw"]
    ).is_valid


def test_boxes_must_lie_in_the_image_and_have_an_area() -> None:
    for box, words in (
        ({"left": 90, "top": 1, "width": 20, "height": 5}, "beyond the image"),
        ({"left": 9, "top": 1, "width": 0, "height": 5}, "above 0"),
    ):
        line = output_line()
        line["parts"] = {"image_size": [{"width": 100, "height": 50}], "annotations": [box | {"class_id": 0}]}
        (finding,) = validate_output([json.dumps(line).encode()]).findings
        assert words in finding.message


def test_outputs_must_follow_the_input_line_by_line() -> None:
    line = json.dumps(output_line()).encode() + b"\n"
    two = [b'{"source-ref":"s3://acme/img/3.jpg","n":1.5}\n' * 2]
    assert "more lines" in validate_output([line], input_source=two).findings[0].message
    assert "no such line" in validate_output([line * 3], input_source=two).findings[0].message
    other = [b'{"n":1.5,"source-ref":"s3://acme/img/3.jpg"}\n']
    assert "order" in validate_output([line], input_source=other).findings[0].message


def test_one_worker_jobs_have_no_confidence() -> None:
    line = json.dumps(output_line()).encode()
    assert "one worker" in validate_output([line], n_workers=1).findings[0].message


def test_long_output_line_is_a_warning_only() -> None:
    line = output_line(objects=[{"confidence": 0.5}] * 3000)
    boxes = {"image_size": [{"width": 100, "height": 50}]}
    line["parts"] = boxes | {
        "annotations": [{"class_id": 0, "top": 1, "left": 2, "height": 10, "width": 20}] * 3000
    }
    outcome = validate_output([json.dumps(line).encode()])
    assert outcome.is_valid and outcome.n_warnings == 1
    assert "chain" in str(outcome.findings[0])


def test_stats_count_labels_and_classes() -> None:
    stats = collect_stats(DATA / "worked-output.manifest")
    assert (stats.n_lines, stats.n_references, stats.n_texts) == (4, 4, 0)
    parts = stats.attributes["parts"]
    assert (parts.n_labeled, parts.n_failed, parts.n_human, parts.n_machine) == (2, 1, 2, 0)
    assert parts.classes == {"bolt": 1, "nut": 1}
    assert parts.mean_confidence == pytest.approx(0.89)
    assert parts.confidences == [0, 0, 0, 0, 2]
