"""The check of a manifest before there is a job."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labeling_workshop import Workshop
from PIL import Image

from labelwright.blobs.embedded import EmbeddedBlobs
from labelwright.credentials import RootCredentials
from labelwright.engine.manifest_check import CheckResult, ManifestCheck
from labelwright.s3.store import ObjectStore
from labelwright.tasks import parse_categories

BOXES = {
    "image_size": [{"width": 100, "height": 80, "depth": 3}],
    "annotations": [{"class_id": 0, "left": 1, "top": 1, "width": 5, "height": 5}],
}


def _metadata(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": f"groundtruth/{kind}", "job-name": "labeling-job/old", "human-annotated": "yes",
        "creation-date": "2024-05-01T10:00:00.000123", **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBlobs]:
    store = ObjectStore(tmp_path_factory.mktemp("check"))
    store.create_bucket("acme", region="us-east-1")
    blobs = EmbeddedBlobs(store, RootCredentials("AKIAEXAMPLE", "secret"), region="us-east-1")
    for name, size in (("a.png", (100, 80)), ("b.png", (4000, 3000)), ("huge.png", (12_000, 9_000))):
        picture = io.BytesIO()
        Image.new("1", size).save(picture, "PNG")
        blobs.put(f"s3://acme/{name}", picture.getvalue())
    blobs.put("s3://acme/page.jpg", b"<html>Not found</html>")
    yield blobs
    blobs.close()


def _check(lines: list[Any], type_name: str = "ImageMultiClass", **options: Any) -> CheckResult:
    data = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )
    return ManifestCheck(type_name, **options).run([data[:40], data[40:]])


def test_every_kind_of_mistake_is_found_at_its_line(blobs: EmbeddedBlobs) -> None:
    classes = parse_categories({"labels": [{"label": "nut"}, {"label": "bolt"}]}, n_min=1, n_max=None)
    result = _check(
        [
            {"source-ref": "s3://acme/a.png"},
            {"source-ref": "s3://acme/gone.png"},
            {"source-ref": "s3://acme/page.jpg"},
            {"source-ref": "s3://acme/huge.png"},
            {"source-ref": "a.png"},
            b'{"source-ref": ',
            {"text": "x"},
            {"source": "a text"},
            {
                "source-ref": "s3://acme/a.png",
                "parts": BOXES,
                "parts-metadata": _metadata("object-detection"),
            },
            {
                "source-ref": "s3://acme/b.png",
                "parts": 7,
                "parts-metadata": _metadata("image-classification"),
            },
            {"source-ref": "s3://acme/a.png"},
        ],
        label_attribute_name="parts",
        categories=classes,
        blobs=blobs,
    )
    found = [(p.line_number, p.about, p.is_warning) for p in result.problems]
    assert found == [
        (2, "object", False), (3, "object", False), (4, "object", False), (5, "object", False),
        (6, "line", False), (7, "line", False), (8, "line", False), (9, "label", False),
        (10, "label", True), (11, "duplicate", True),
    ]  # fmt: skip
    texts = [str(problem) for problem in result.problems]
    assert texts[0] == (
        "line 2: source-ref = 's3://acme/gone.png': the object does not exist or cannot be read. Upload it, "
        "or correct the address."
    )
    assert "not a valid JPEG or PNG" in texts[1]
    assert "12000 x 9000 pixels" in texts[2]
    assert "not an S3 URI" in texts[3]
    assert "needs the key 'source-ref'" in texts[6]
    assert "of type 'groundtruth/object-detection', from a job of another type" in texts[7]
    assert "class index 7, but the job has 2 labels" in texts[8]
    assert "same as in line 1" in texts[9]
    assert (result.n_lines, result.n_labeled, result.n_objects_checked) == (11, 1, 7)
    assert (result.n_errors, result.n_warnings, result.is_good) == (8, 2, False)


def test_automated_labeling_takes_smaller_images(blobs: EmbeddedBlobs) -> None:
    lines = [{"source-ref": "s3://acme/a.png"}, {"source-ref": "s3://acme/b.png"}]
    assert _check(lines, blobs=blobs).is_good
    result = _check(lines, blobs=blobs, is_auto=True)
    assert "4000 x 3000 pixels; with automated labeling at most 3840 x 2160" in str(result.problems[0])


def test_files_can_be_drawn_or_left_out(blobs: EmbeddedBlobs) -> None:
    lines = [{"source-ref": f"s3://acme/gone-{i}.png"} for i in range(50)]
    drawn = _check(lines, blobs=blobs, n_objects=7, seed=3)
    assert (drawn.n_objects_checked, drawn.n_errors) == (7, 7)
    again = _check(lines, blobs=blobs, n_objects=7, seed=3)
    assert [p.line_number for p in again.problems] == [p.line_number for p in drawn.problems]
    assert _check(lines, n_objects=7).is_good


def test_name_of_the_label_and_an_empty_file_are_looked_at() -> None:
    result = _check([{"source-ref": "s3://acme/a.png"}], "SemanticSegmentation", label_attribute_name="mask")
    assert "must end in -ref" in str(result.problems[0])
    assert "is empty" in str(_check([]).problems[0])
    assert _check([{"source": "x"}, b"", {"source": "y"}], "TextMultiClass").problems[0].line_number == 2


def test_job_with_labels_of_another_type_under_its_name_fails_with_the_line(shop: Workshop) -> None:
    lines = [
        {"source": "a"},
        {"source": "b", "parts": BOXES, "parts-metadata": _metadata("object-detection")},
    ]
    manifest = "\n".join(map(json.dumps, lines)).encode()
    job_id = shop.create(manifest=manifest, kind="TextMultiClass", n_workers=1)
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "Failed"
    assert job.failure_reason is not None
    assert "1 line of the input manifest" in job.failure_reason
    assert "line 2: the label 'parts' is of type 'groundtruth/object-detection'" in job.failure_reason
    assert "another LabelAttributeName" in job.failure_reason


@pytest.mark.parametrize(
    ("categories", "says"),
    [
        ({"labels": [{"label": "nut"}, {"label": "nut"}]}, "has the label 'nut' twice, at labels[1].label"),
        ({"labels": []}, "has 0 labels; this task type needs at least"),
        ({"classes": ["nut"]}, 'must be a JSON object with a list "labels"'),
        ({"labels": ["nut"]}, "has an entry without a name at labels[0].label"),
    ],
)
def test_label_file_that_does_not_match_fails_the_job_clearly(
    shop: Workshop, categories: dict[str, Any], says: str
) -> None:
    job_id = shop.create(
        manifest=b'{"source":"a"}\n', kind="TextMultiClass", n_workers=1, categories=categories
    )
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "Failed"
    reason = job.failure_reason or ""
    assert reason.startswith("ClientError: LabelCategoryConfigS3Uri s3://acme/cfg/labels.json: ")
    assert says in reason


def test_check_of_many_lines_keeps_little(tmp_path: Path) -> None:
    lines = [{"source-ref": f"s3://acme/{i % 500}.png"} for i in range(5000)]
    result = _check(lines)
    assert (result.n_warnings, result.counts["duplicate"], len(result.problems)) == (4500, 4500, 1000)
