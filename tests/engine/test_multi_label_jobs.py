"""Multi-label classification of images and texts, from answers to manifest lines."""

from __future__ import annotations

from typing import Any

import pytest
from labeling_workshop import Workshop, lines

from labelwright.errors import InvalidRequest

IMAGE, TEXT = "crowd-image-classifier-multi-select", "crowd-classifier-multi-select"


def ticks(*labels: str, element: str = TEXT) -> dict[str, Any]:
    return {element: {"labels": list(labels)}}


def test_texts(shop: Workshop) -> None:
    manifest = lines({"source": "one", "n": 1}, {"source": "two"})
    job_id = shop.create(manifest=manifest, kind="TextMultiClassMultiLabel", labels=["sad", "glad", "mad"])
    shop.settle()
    shop.answers(ticks("mad", "sad"), ticks("mad"), ticks("mad", "sad"))
    shop.answers(ticks("glad"), ticks("glad"), ticks("glad", "mad"))
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert shop.raw_output() == [
        '{"source":"one","n":1,"parts":[2,0],"parts-metadata":{"job-name":"labeling-job/parts-a",'
        '"confidence-map":{"2":0.93,"0":0.8},"class-map":{"2":"mad","0":"sad"},'
        '"type":"groundtruth/text-classification-multilabel","human-annotated":"yes",'
        '"creation-date":"DATE"}}\n',
        '{"source":"two","parts":[1,2],"parts-metadata":{"job-name":"labeling-job/parts-a",'
        '"confidence-map":{"1":0.95,"2":0.2},"class-map":{"1":"glad","2":"mad"},'
        '"type":"groundtruth/text-classification-multilabel","human-annotated":"yes",'
        '"creation-date":"DATE"}}\n',
    ]


def test_images_by_one_worker(shop: Workshop, pictures: bytes) -> None:
    shop.create(manifest=pictures.splitlines(True)[0], kind="ImageMultiClassMultiLabel", n_workers=1)
    shop.settle()
    shop.answers(ticks("washer", "bolt", element=IMAGE))
    shop.settle()
    assert shop.raw_output() == [
        '{"source-ref":"s3://acme/in/a.png","parts":[0,2],"parts-metadata":{"job-name":"labeling-job/parts-a",'
        '"confidence-map":{"0":0.0,"2":0.0},"class-map":{"0":"bolt","2":"washer"},'
        '"type":"groundtruth/image-classification-multilabel","human-annotated":"yes",'
        '"creation-date":"DATE"}}\n'
    ]


@pytest.mark.parametrize(
    ("answer", "field", "rule"),
    [
        ({"x": 1}, "answer.crowd-classifier-multi-select.labels", "holds no classification"),
        ({"crowd-classifier": {"label": "bolt"}}, "answer.crowd-classifier-multi-select.labels", "holds no"),
        ({"mood": {"labels": []}}, "answer.mood.labels", "at least one"),
        ({"mood": {"labels": None}}, "answer.mood.labels", "at least one"),
        (ticks("bolt", "nail"), "answer.crowd-classifier-multi-select.labels[1]", "one of the job's labels"),
        ({TEXT: {"labels": ["nut", ["bolt"]]}}, f"answer.{TEXT}.labels[1]", "one of the job's labels"),
    ],
)
def test_answers_that_do_not_fit(shop: Workshop, answer: Any, field: str, rule: str) -> None:
    shop.create(manifest=lines({"source": "one"}), kind="TextMultiClassMultiLabel")
    shop.settle()
    task = shop.take("a")
    assert task is not None
    with pytest.raises(InvalidRequest, match=rule) as caught:
        shop.submit("a", task, answer)
    assert caught.value.field == field


@pytest.mark.parametrize(("n", "reason"), [(1, "at least 2"), (51, "at most 50")])
def test_numbers_of_labels(shop: Workshop, n: int, reason: str) -> None:
    labels = [f"l{i}" for i in range(n)]
    job_id = shop.create(manifest=lines({"source": "x"}), kind="TextMultiClassMultiLabel", labels=labels)
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "Failed"
    assert reason in str(job.failure_reason)
