"""Verification and adjustment of bounding boxes, from an earlier job's labels to new manifest lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from labeling_workshop import Workshop, lines, png

from labelwright.errors import InvalidRequest

METADATA = {
    "objects": [{"confidence": 0.9}, {"confidence": 0.6}],
    "class-map": {"0": "screw", "1": "clip"},
    "type": "groundtruth/object-detection",
    "human-annotated": "yes",
    "creation-date": "2024-01-01T00:00:00.000001",
    "job-name": "labeling-job/first",
}
BOXES = {
    "image_size": [{"width": 32, "height": 24, "depth": 3}],
    "annotations": [
        {"class_id": 0, "top": 3.3333333333333335, "left": 2.5, "height": 10, "width": 8},
        {"class_id": 1, "top": 12, "left": 20, "height": 6, "width": 6},
    ],
}
LINE = {"source-ref": "s3://acme/in/a.png", "first": BOXES, "first-metadata": METADATA}
SHOWN = [  # as the page hands them back when nothing was touched: whole pixels
    {"height": 10, "label": "screw", "left": 3, "top": 3, "width": 8},
    {"height": 6, "label": "clip", "left": 20, "top": 12, "width": 6},
]


def start(shop: Workshop, kind: str, labels: list[str], *objects: dict[str, Any], **options: Any) -> int:
    shop.put("s3://acme/in/a.png", png())
    manifest = lines(*(objects or [LINE]))
    job_id = shop.create(manifest=manifest, kind=kind, labels=labels, lan="second", **options)
    shop.settle()
    return job_id


def verdict(label: str, comment: str | None = None) -> dict[str, Any]:
    return {
        "crowd-image-classifier": {"label": label} | ({} if comment is None else {"workerComment": comment})
    }


def boxes(*items: dict[str, Any], changed: bool | None = None) -> dict[str, Any]:
    value = {"boundingBoxes": list(items), "inputImageProperties": {"height": 24, "width": 32}}
    return {"boundingBox": value | ({} if changed is None else {"initialValueModified": changed})}


# -- verification -------------------------------------------------------------------------------------


def test_a_verification_job(shop: Workshop) -> None:
    job_id = start(shop, "VerificationBoundingBox", ["good", "bad"], LINE, LINE)
    shop.answers(verdict("bad", "Left box too wide"), verdict("bad", " \n"), verdict("bad", "One not boxed"))
    shop.answers(verdict("good"), verdict("good"), verdict("good"))
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    first, second = shop.raw_output()
    kept = json.dumps(LINE, separators=(",", ":")).replace("2024-01-01T00:00:00.000001", "DATE")[:-1]
    assert first == (
        kept + ',"second":1,"second-metadata":{"class-name":"bad","confidence":0.95,'
        '"type":"groundtruth/label-verification","job-name":"labeling-job/parts-a","human-annotated":"yes",'
        '"creation-date":"DATE","worker-feedback":[{"comment":"Left box too wide"},'
        '{"comment":"One not boxed"}]}}\n'
    )
    assert second == (
        kept + ',"second":0,"second-metadata":{"class-name":"good","confidence":0.95,'
        '"type":"groundtruth/label-verification","job-name":"labeling-job/parts-a","human-annotated":"yes",'
        '"creation-date":"DATE"}}\n'
    )


def test_one_possible_verdict(shop: Workshop) -> None:
    start(shop, "VerificationBoundingBox", ["seen"])
    shop.answers(verdict("seen"), verdict("seen"), verdict("seen"))
    shop.settle()
    assert (shop.output()[0]["second"], shop.output()[0]["second-metadata"]["confidence"]) == (0, 0.95)


def test_comments_must_be_text(shop: Workshop) -> None:
    start(shop, "VerificationBoundingBox", ["good", "bad"])
    task = shop.take("a")
    assert task is not None
    assert task.input["manifestLine"] == LINE
    with pytest.raises(InvalidRequest) as caught:
        shop.submit("a", task, {"crowd-image-classifier": {"label": "bad", "workerComment": ["x"]}})
    assert caught.value.field == "answer.crowd-image-classifier.workerComment"
    with pytest.raises(InvalidRequest) as caught:
        shop.submit("a", task, verdict("screw"))
    assert caught.value.field == "answer.crowd-image-classifier.label"


@pytest.mark.parametrize("kind", ["VerificationBoundingBox", "AdjustmentBoundingBox"])
def test_objects_without_boxes_fail_alone(shop: Workshop, kind: str) -> None:
    source = {"source-ref": "s3://acme/in/a.png"}
    failed = {"first-metadata": {"failure-reason": "ClientError: old", "retry-count": 1}}
    spans = {"first": {"annotations": {"entities": [], "labels": []}}}
    others = [source, source | failed, source | spans, source | {"first": None}, source | {"first": "x.png"}]
    job_id = start(shop, kind, ["screw", "clip"], *others, LINE, n_workers=1)
    assert shop.job(job_id).counters.n_failed == 5
    task = shop.take("a")
    assert task is not None and task.object_id == "5"
    shop.submit("a", task, verdict("clip") if kind.startswith("V") else boxes(*SHOWN))
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    what = "check" if kind.startswith("V") else "adjust"
    for line in shop.output()[:5]:
        assert "second" not in line
        reason = line["second-metadata"]["failure-reason"]
        assert reason == f"ClientError: The object has no bounding boxes to {what}."


def test_the_label_to_check_is_not_the_job_s_own(shop: Workshop) -> None:
    own = {"source-ref": LINE["source-ref"], "second": BOXES, "second-metadata": METADATA}
    job = shop.job(start(shop, "AdjustmentBoundingBox", ["screw", "clip"], LINE, own))
    assert job.status == "Failed"
    assert "line 2: it has no label to look at besides 'second'" in str(job.failure_reason)


def test_what_an_earlier_audit_did_is_kept(shop: Workshop) -> None:
    done = LINE | {"second": 1, "second-metadata": {"class-name": "bad"}}
    job_id = start(shop, "VerificationBoundingBox", ["good", "bad"], done, LINE, n_workers=1)
    assert shop.answer("a", verdict("good")) == "1"
    shop.settle()
    assert (shop.job(job_id).status, shop.job(job_id).n_human) == ("Completed", 2)


# -- adjustment ---------------------------------------------------------------------------------------


def test_unchanged_boxes_keep_their_digits(shop: Workshop) -> None:
    start(shop, "AdjustmentBoundingBox", ["clip", "screw", "nut"])
    shop.answers(boxes(*SHOWN, changed=False), boxes(*SHOWN, changed=False), boxes(*SHOWN))
    shop.settle()
    (line,) = shop.raw_output()
    assert line.endswith(
        '"second":{"image_size":[{"width":32,"height":24,"depth":3}],"annotations":['
        '{"class_id":1,"top":3.3333333333333335,"left":2.5,"height":10,"width":8},'
        '{"class_id":0,"top":12,"left":20,"height":6,"width":6}]},'
        '"second-metadata":{"objects":[{"confidence":0.97},{"confidence":0.97}],'
        '"class-map":{"0":"clip","1":"screw"},"type":"groundtruth/object-detection",'
        '"human-annotated":"yes","creation-date":"DATE","job-name":"labeling-job/parts-a",'
        '"adjustment-status":"unadjusted"}}\n'
    )
    assert shop.output()[0]["first"] == BOXES


def test_one_worker_who_changed_something(shop: Workshop) -> None:
    start(shop, "AdjustmentBoundingBox", ["screw", "clip"])
    moved = SHOWN[0] | {"left": 4}
    shop.answers(boxes(*SHOWN, changed=False), boxes(moved, SHOWN[1], changed=True), boxes(*SHOWN))
    shop.settle()
    line = shop.output()[0]
    assert line["second-metadata"]["adjustment-status"] == "adjusted"
    assert list(line["second-metadata"])[-1] == "adjustment-status"
    assert line["second"]["annotations"][0]["left"] == 3.3333333333333335
    assert line["second"]["annotations"][1] == {"class_id": 1, "top": 12, "left": 20, "height": 6, "width": 6}


@pytest.mark.parametrize(
    ("items", "status"),
    [
        (SHOWN, "unadjusted"),
        (SHOWN[::-1], "unadjusted"),
        (SHOWN[:1], "adjusted"),
        ([*SHOWN, SHOWN[0] | {"left": 15}], "adjusted"),
        ([SHOWN[0] | {"label": "clip"}, SHOWN[1]], "adjusted"),
        ([SHOWN[0] | {"width": 10}, SHOWN[1]], "adjusted"),
    ],
)
def test_without_the_flag_boxes_are_compared(
    shop: Workshop, items: list[dict[str, Any]], status: str
) -> None:
    start(shop, "AdjustmentBoundingBox", ["screw", "clip"], n_workers=1)
    shop.answers(boxes(*items))
    shop.settle()
    line = shop.output()[0]
    assert line["second-metadata"]["adjustment-status"] == status
    assert {item["confidence"] for item in line["second-metadata"]["objects"]} == {0.0}


def test_a_removed_label_fails_the_object_and_the_job_goes_on(shop: Workshop) -> None:
    job_id = start(shop, "AdjustmentBoundingBox", ["screw"], LINE, LINE, n_workers=1)
    shop.answers(boxes(*SHOWN, changed=False))
    shop.answers(boxes(SHOWN[0], changed=True))
    shop.settle()
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 1, 1)
    first, second = shop.output()
    assert "second" not in first
    reason = first["second-metadata"]["failure-reason"]
    assert reason.startswith("ClientError: Annotation consolidation failed: a box has the label 'clip'")
    assert second["second"]["annotations"] == [{"class_id": 0, "top": 3, "left": 3, "height": 10, "width": 8}]


def test_all_boxes_deleted_is_a_label(shop: Workshop) -> None:
    start(shop, "AdjustmentBoundingBox", ["screw", "clip"], n_workers=1)
    shop.answers(boxes(changed=True))
    shop.settle()
    line = shop.output()[0]
    assert line["second"]["annotations"] == []
    assert line["second-metadata"]["class-map"] == {}
    assert line["second-metadata"]["adjustment-status"] == "adjusted"


def test_the_flag_must_be_a_boolean(shop: Workshop) -> None:
    start(shop, "AdjustmentBoundingBox", ["screw", "clip"])
    task = shop.take("a")
    assert task is not None
    answer = boxes(*SHOWN)
    answer["boundingBox"]["initialValueModified"] = "yes"
    with pytest.raises(InvalidRequest) as caught:
        shop.submit("a", task, answer)
    assert caught.value.field == "answer.boundingBox.initialValueModified"
