"""Where a label comes from, and labels made again with another algorithm."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from labeling_workshop import Workshop, label, lines, png

from labelwright.engine.lineage import lineage_of
from labelwright.engine.recompute import Recomputed, recompute
from labelwright.errors import InvalidRequest, NotFound

OUT = "s3://acme/again/output.manifest"


def lineage(shop: Workshop, job_id: int, number: int) -> dict[str, Any]:
    read = partial(lineage_of, blobs=shop.blobs, job=shop.job(job_id), object_no=number)
    return shop.database.read(read)


def again(shop: Workshop, job_id: int, algorithm: str, output: str = OUT, **options: Any) -> Recomputed:
    return recompute(
        shop.database,
        shop.blobs,
        shop.job(job_id),
        algorithm=algorithm,
        output_uri=output,
        now=shop.clock(),
        **options,
    )


def read_lines(shop: Workshop, uri: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shop.read(uri).splitlines()]


@pytest.fixture
def finished(shop: Workshop, pictures: bytes) -> int:
    job_id = shop.create(manifest=pictures, options={"consolidation": "majority"})
    shop.settle()
    for votes in ("000", "110", "222", "012"):
        shop.answers(*(label(["bolt", "nut", "washer"][int(vote)]) for vote in votes))
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    return job_id


def test_a_label_by_people(shop: Workshop, finished: int) -> None:
    found = lineage(shop, finished, 1)
    assert found["origin"] == "human"
    assert found["label"]["parts"] == 1
    assert found["label"]["parts-metadata"]["confidence"] == 0.67
    assert found["consolidation"]["algorithm"] == "majority"
    assert found["consolidation"]["version"] == "1"
    assert found["consolidation"]["objects_estimated_together"] == 4
    assert found["consolidation"]["parameters"]["workers_per_object"] == 3
    assert len({answer["task_id"] for answer in found["answers"]}) == 3
    assert all(answer["worker_id"].startswith("private.eu-west-1.") for answer in found["answers"])
    assert [answer["asked_in_addition"] for answer in found["answers"]] == [False] * 3
    times = [answer["submitted_at"] for answer in found["answers"]]
    assert times == sorted(times)
    with pytest.raises(NotFound, match="0 to 3"):
        lineage(shop, finished, 4)


def test_a_label_that_came_with_the_input(shop: Workshop, finished: int) -> None:
    manifest = shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest")
    job_id = shop.create("Parts-B", manifest=manifest)
    shop.settle()
    found = lineage(shop, job_id, 0)
    assert found["origin"] == "chained"
    assert found["consolidation"] is None
    assert [(item["label_attribute_name"], item["job"]) for item in found["earlier_labels"]] == [
        ("parts", "parts-a")
    ]


def test_classes_made_again(shop: Workshop, finished: int) -> None:
    before = shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest")
    made = again(shop, finished, "compatible")
    assert (made.n_objects, made.n_kept) == (4, 0)
    found = read_lines(shop, OUT)
    # The vector of the specification is what a group of these four would have given.
    assert [line["parts"] for line in found[:3]] == [0, 1, 2]
    assert all(line["parts-metadata"]["confidence"] <= 0.95 for line in found)
    whole = again(shop, finished, "bayesian", "s3://acme/again/bayesian.manifest")
    assert whole.n_objects == 4
    shop.clock.tick(1000)
    twice = again(shop, finished, "bayesian", "s3://acme/again/twice.manifest")
    assert shop.read(twice.output_uri) == shop.read(whole.output_uri)  # whenever it is made
    about = json.loads(shop.read(whole.lineage_uri))
    assert json.loads(shop.read(twice.lineage_uri))["made_at"] >= about["made_at"]
    assert about["algorithm"] == "bayesian"
    assert about["parameters"]["objects_estimated_together"] == "all"
    assert about["labels_changed"] == whole.n_changed
    assert shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest") == before


def test_what_is_refused(shop: Workshop, finished: int) -> None:
    with pytest.raises(InvalidRequest, match="there are compatible, bayesian"):
        again(shop, finished, "staple")
    with pytest.raises(InvalidRequest, match="exists"):
        again(shop, finished, "majority", "s3://acme/out/Parts-A/manifests/output/output.manifest")
    with pytest.raises(InvalidRequest, match="s3://<bucket>/<key>"):
        again(shop, finished, "majority", "output.manifest")
    custom = shop.create("Own", kind=None, manifest=lines({"source": "x"}))
    shop.settle()
    with pytest.raises(InvalidRequest, match="worker-response"):
        again(shop, custom, "compatible", "s3://acme/again/own.manifest")


def test_a_running_job_and_objects_without_answers(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, n_workers=2, MaxConcurrentTaskCount=1)
    shop.settle()
    shop.answers(label("bolt"), label("nut"))
    shop.settle()
    shop.clock.tick(61)
    shop.settle()
    assert shop.job(job_id).status == "InProgress"
    made = again(shop, job_id, "majority")
    assert (made.n_objects, made.n_kept) == (1, 0)
    found = read_lines(shop, OUT)
    assert [("parts" in line) for line in found] == [True, False, False, False]
    assert found[0]["parts-metadata"]["confidence"] == 0.5


def test_boxes_and_spans_in_blocks(shop: Workshop) -> None:
    text = "Oslo and Rome"
    job_id = shop.create(
        manifest=lines(*({"source": text} for _ in range(3))), kind="NamedEntityRecognition", labels=["city"]
    )
    shop.settle()
    entity = {"startOffset": 0, "endOffset": 4, "label": "city"}
    for _ in range(3):
        shop.answers(*[{"crowd-entity-annotation": {"entities": [entity]}}] * 3)
    shop.settle()
    made = again(shop, job_id, "sequence", block_size=2)
    assert made.n_objects == 3
    assert made.n_changed == 0
    assert all(
        line["parts"]["annotations"]["entities"] == [{"endOffset": 4, "startOffset": 0, "label": "city"}]
        for line in read_lines(shop, OUT)
    )

    shop.put("s3://acme/in/a.png", png(100, 100))
    job_id = shop.create(
        "Boxes", manifest=lines({"source-ref": "s3://acme/in/a.png"}), kind="BoundingBox", labels=["bolt"]
    )
    shop.settle()
    for who, left in zip("abc", (10, 11, 40), strict=True):
        box = {"label": "bolt", "left": left, "top": 10, "width": 20, "height": 20}
        size = {"height": 100, "width": 100}
        shop.answer(who, {"boundingBox": {"boundingBoxes": [box], "inputImageProperties": size}}, "Boxes")
    shop.settle()
    assert len(shop.output("Boxes")[0]["parts"]["annotations"]) == 2
    made = again(shop, job_id, "robust", "s3://acme/again/boxes.manifest")
    assert made.n_changed == 1
    [line] = read_lines(shop, "s3://acme/again/boxes.manifest")
    assert len(line["parts"]["annotations"]) == 1  # a box of one in three is more likely none
