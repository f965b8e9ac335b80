"""Jobs that choose their consolidation algorithm, for every kind of label."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
import pytest
from labeling_workshop import Workshop, label, lines, png
from test_mask_jobs import mask_at, painted

from labelwright.consolidation import ALGORITHMS
from labelwright.engine.lineage import lineage_of
from labelwright.engine.recompute import recompute
from labelwright.tasks import algorithms_of, implemented, task_type

TEXT = "Oslo and Rome"
NAMES = ["bolt", "nut", "washer"]


def boxes(*lefts: float, label: str = "bolt") -> dict[str, Any]:
    drawn = [{"label": label, "left": left, "top": 10, "width": 20, "height": 20} for left in lefts]
    return {"boundingBox": {"boundingBoxes": drawn, "inputImageProperties": {"height": 100, "width": 100}}}


def entities(*spans: tuple[int, int]) -> dict[str, Any]:
    found = [{"startOffset": start, "endOffset": end, "label": "city"} for start, end in spans]
    return {"crowd-entity-annotation": {"entities": found}}


def used(shop: Workshop, job_id: int) -> str:
    read = partial(lineage_of, blobs=shop.blobs, job=shop.job(job_id), object_no=0)
    name: str = shop.database.read(read)["consolidation"]["algorithm"]
    return name


def box_job(shop: Workshop, n_workers: int = 3, **options: str) -> int:
    shop.put("s3://acme/in/a.png", png(100, 100))
    job_id = shop.create(
        manifest=lines({"source-ref": "s3://acme/in/a.png"}),
        kind="BoundingBox",
        labels=["bolt", "nut"],
        n_workers=n_workers,
        options=options,
    )
    shop.settle()
    return job_id


def span_job(shop: Workshop, n_workers: int = 3, **options: str) -> int:
    job_id = shop.create(
        manifest=lines({"source": TEXT}),
        kind="NamedEntityRecognition",
        labels=["city"],
        n_workers=n_workers,
        options=options,
    )
    shop.settle()
    return job_id


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_every_class_algorithm_labels_a_job(shop: Workshop, pictures: bytes, name: str) -> None:
    job_id = shop.create(manifest=pictures, options={"consolidation": name})
    shop.settle()
    for votes in ("000", "111", "222", "001"):
        shop.answers(*(label(NAMES[int(vote)]) for vote in votes))
    shop.settle()
    assert [line["parts"] for line in shop.output()] == [0, 1, 2, 0]
    assert shop.raw_output()
    assert used(shop, job_id) == name


def test_a_better_multi_label_keeps_what_is_likely(shop: Workshop) -> None:
    shop.create(
        manifest=lines({"source": "x"}),
        kind="TextMultiClassMultiLabel",
        options={"consolidation": "majority"},
    )
    shop.settle()
    ticked = (["bolt", "nut"], ["bolt"], ["bolt", "washer", "nut"])
    shop.answers(*({"crowd-classifier-multi-select": {"labels": labels}} for labels in ticked))
    shop.settle()
    [line] = shop.output()
    assert line["parts"] == [0, 1]
    assert line["parts-metadata"]["confidence-map"] == {"0": 1.0, "1": 0.67}


def test_robust_boxes_write_one_box_where_labels_differ(shop: Workshop) -> None:
    job_id = box_job(shop, consolidation="robust")
    shop.answers(boxes(10), boxes(11), boxes(10, label="nut"))
    shop.settle()
    [line] = shop.output()
    assert [box["class_id"] for box in line["parts"]["annotations"]] == [0]
    assert len(line["parts-metadata"]["objects"]) == 1
    assert line["parts-metadata"]["class-map"] == {"0": "bolt"}
    assert shop.raw_output()
    assert used(shop, job_id) == "robust"


def test_masks_by_staple_and_made_again_beside_the_new_manifest(shop: Workshop) -> None:
    shop.put("s3://acme/in/a.png", png(4, 2))
    job_id = shop.create(
        manifest=lines({"source-ref": "s3://acme/in/a.png"}),
        kind="SemanticSegmentation",
        labels=["road", "car"],
        lan="street-ref",
        options={"consolidation": "staple"},
    )
    shop.settle()
    good = [[1, 1, 0, 0], [1, 1, 0, 2]]
    shop.answers(painted(good), painted(good), painted([[1, 1, 1, 1], [1, 1, 1, 2]]))
    shop.settle()
    [line] = shop.output()
    assert np.array(mask_at(shop, line["street-ref"])).tolist() == good
    assert used(shop, job_id) == "staple"
    output = "s3://acme/again/street.manifest"
    recompute(
        shop.database,
        shop.blobs,
        shop.job(job_id),
        algorithm="compatible",
        output_uri=output,
        now=shop.clock(),
    )
    again = json.loads(shop.read(output))
    assert again["street-ref"].startswith(f"{output}.files/0_")
    assert np.array(mask_at(shop, again["street-ref"])).shape == (2, 4)


def test_sequences_of_words(shop: Workshop) -> None:
    job_id = span_job(shop, consolidation="sequence")
    shop.answers(entities((0, 4), (9, 13)), entities((0, 4)), entities((0, 5), (9, 13)))
    shop.settle()
    [line] = shop.output()
    spans = [(e["startOffset"], e["endOffset"]) for e in line["parts"]["annotations"]["entities"]]
    assert spans == [(0, 4), (9, 13)]  # a blank at the end of a span does not count
    assert shop.raw_output()
    assert used(shop, job_id) == "sequence"


def test_shapes_and_spans_are_asked_until_two_workers_agree(shop: Workshop) -> None:
    more = {"max-workers-per-object": "4", "ask-more-below": "0.7"}
    for who in "abcd":
        shop.worker(who)
    job_id = box_job(shop, n_workers=2, **more)
    shop.answers(boxes(10), boxes(60))
    shop.settle()
    shop.answer("c", boxes(11))
    shop.settle()
    assert shop.job(job_id).status == "Completed"

    shop.put("s3://acme/in/a.png", png(2, 2))
    job_id = shop.create(
        "Masks",
        manifest=lines({"source-ref": "s3://acme/in/a.png"}),
        kind="SemanticSegmentation",
        labels=["road", "car"],
        lan="street-ref",
        n_workers=2,
        options=more,
    )
    shop.settle()
    shop.answers(painted([[1, 1], [1, 1]]), painted([[0, 0], [2, 0]]), job="Masks")
    shop.settle()
    shop.answer("c", painted([[0, 0], [2, 0]]), "Masks")
    shop.settle()
    assert shop.job(job_id).status == "Completed"


def test_spans_are_asked_until_two_workers_agree(shop: Workshop) -> None:
    for who in "abcd":
        shop.worker(who)
    job_id = span_job(shop, n_workers=2, **{"max-workers-per-object": "4", "ask-more-below": "0.7"})
    shop.answers(entities((0, 4)), entities((9, 13)))
    shop.settle()
    shop.answer("c", entities((0, 4), (9, 13)))  # agrees with neither by 0.7
    shop.settle()
    shop.answer("d", entities((0, 4), (9, 13)))
    shop.settle()
    assert shop.job(job_id).status == "Completed"


def test_every_type_has_the_compatible_algorithm() -> None:
    for suffix in implemented():
        assert "compatible" in algorithms_of(task_type(suffix))
