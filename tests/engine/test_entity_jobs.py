"""Named entity recognition, from the built-in page to manifest lines."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from labeling_workshop import REGION, Workshop, lines, run

from labelwright.errors import InvalidRequest

UI = {"HumanTaskUiArn": f"arn:aws:sagemaker:{REGION}:394669845002:human-task-ui/NamedEntityRecognition"}
CATEGORIES: dict[str, Any] = {
    "document-version": "2018-11-28",
    "labels": [{"label": "org"}, {"label": "date", "shortDisplayName": "dat", "fullDisplayName": "Date"}],
    "instructions": {"shortInstruction": "<p>Mark companies</p>", "fullInstruction": "<b>All of them</b>"},
}
TEXT = "Acme opened in Oslo in May"


def entities(*spans: tuple[int, int, str]) -> dict[str, Any]:
    marked = [{"endOffset": end, "label": label, "startOffset": start} for start, end, label in spans]
    return {"crowd-entity-annotation": {"entities": marked}}


def start_job(shop: Workshop, *objects: dict[str, Any], **options: Any) -> int:
    job_id = shop.create(
        manifest=lines(*objects),
        kind="NamedEntityRecognition",
        lan="ner",
        **{"categories": CATEGORIES, "UiConfig": UI, **options},
    )
    shop.settle()
    return job_id


def test_a_whole_job(shop: Workshop) -> None:
    job_id = start_job(shop, {"source": TEXT, "id": 7}, {"source": "Nothing here"})
    shop.answers(entities((23, 26, "date"), (0, 4, "org")), entities((0, 4, "org")), entities((0, 5, "org")))
    shop.answers(entities(), {"crowd-entity-annotation": {"entities": None}}, entities())
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    labels = '"labels":[{"label":"org"},{"label":"date","shortDisplayName":"dat"}]'
    tail = (
        '"job-name":"labeling-job/parts-a","type":"groundtruth/text-span","creation-date":"DATE",'
        '"human-annotated":"yes"}}\n'
    )
    assert shop.raw_output() == [
        '{"source":"Acme opened in Oslo in May","id":7,"ner":{"annotations":{"entities":['
        '{"endOffset":4,"startOffset":0,"label":"org"},{"endOffset":26,"startOffset":23,"label":"date"}],'
        + labels
        + '}},"ner-metadata":{"entities":[{"confidence":0.93},{"confidence":0.33}],'
        + tail,
        '{"source":"Nothing here","ner":{"annotations":{"entities":[],'
        + labels
        + '}},"ner-metadata":{"entities":[],'
        + tail,
    ]


def test_one_worker(shop: Workshop) -> None:
    start_job(shop, {"source": TEXT}, n_workers=1)
    shop.answers(entities((15, 19, "org"), (15, 19, "date")))
    shop.settle()
    assert shop.output()[0]["ner-metadata"]["entities"] == [{"confidence": 0.0}, {"confidence": 0.0}]


def test_tied_labels_are_the_same_in_a_job_done_again(shop: Workshop) -> None:
    found = []
    for name in ("One", "One-more", "ONE-x", "Two", "Three"):
        start_job(shop, {"source": TEXT}, name=name, n_workers=2)
        for who, label in (("a", "org"), ("b", "date")):
            shop.answer(who, entities((0, 4, label)), name)
        shop.settle()
        (entity,) = shop.output(name)[0]["ner"]["annotations"]["entities"]
        found.append(entity["label"])
    assert found == ["date", "org", "date", "org", "date"]


def test_the_page_of_the_type(shop: Workshop) -> None:
    start_job(shop, {"source": "1 < 2"}, TaskDescription='Mark "all" {{ task.input }} & {% more')
    task = shop.take("a")
    assert task is not None
    assert task.input == {
        "taskObject": "1 < 2",
        "labels": CATEGORIES["labels"],
        "manifestLine": {"source": "1 < 2"},
        "instructions": CATEGORIES["instructions"],
    }
    page = run(shop.desk.render(shop.worker("a"), task.id, base_url="http://host"))
    assert page.errors == []
    assert 'header="Mark &quot;all&quot; {{ task.input }} &amp; {% more"' in page.html
    assert "<p>Mark companies</p>" in page.html and "<b>All of them</b>" in page.html
    labels = re.search(r'labels="(.*?)"', page.html)
    assert labels is not None
    assert json.loads(labels.group(1).replace("&quot;", '"')) == CATEGORIES["labels"]


def test_offsets_count_code_points(shop: Workshop) -> None:
    start_job(shop, {"source": "\U0001f600 Oslo"}, n_workers=1)
    task = shop.take("a")
    assert task is not None
    with pytest.raises(InvalidRequest, match="at most 6"):
        shop.submit("a", task, entities((2, 7, "org")))
    shop.submit("a", task, entities((2, 6, "org")))
    shop.submit("a", task, entities((2, 6, "org")))  # the same answer again changes nothing


KEY = "crowd-entity-annotation"


@pytest.mark.parametrize(
    ("answer", "field", "rule"),
    [
        ({}, f"answer.{KEY}.entities", "holds no entities"),
        ({"mine": {"entities": "x"}}, "answer.mine.entities", "list"),
        ({KEY: {"entities": [3]}}, f"answer.{KEY}.entities[0]", "object"),
        (entities((0, 4, "org"), (-1, 4, "org")), f"answer.{KEY}.entities[1].startOffset", "at least 0"),
        ({KEY: {"entities": [{"startOffset": 0.5}]}}, f"answer.{KEY}.entities[0].startOffset", "whole"),
        ({KEY: {"entities": [{"startOffset": 0}]}}, f"answer.{KEY}.entities[0].endOffset", "whole"),
        (entities((4, 4, "org")), f"answer.{KEY}.entities[0].endOffset", "length"),
        (entities((20, 27, "org")), f"answer.{KEY}.entities[0].endOffset", "at most 26"),
        (entities((0, 4, "city")), f"answer.{KEY}.entities[0].label", "one of the job's labels"),
        (entities(*[(0, 4, "org")] * 5001), f"answer.{KEY}.entities", "at most 5000"),
    ],
)
def test_answers_that_do_not_fit(shop: Workshop, answer: Any, field: str, rule: str) -> None:
    start_job(shop, {"source": TEXT})
    task = shop.take("a")
    assert task is not None
    with pytest.raises(InvalidRequest, match=rule) as caught:
        shop.submit("a", task, answer)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"labels": []}, "at least 1"),
        ({"labels": [{"label": "a", "shortDisplayName": 3}]}, r"labels\[0\].shortDisplayName must be text"),
        ({"instructions": "read"}, "instructions must be an object"),
        ({"instructions": {"fullInstruction": ["x"]}}, "instructions.fullInstruction must be text"),
    ],
)
def test_label_files_that_do_not_fit(shop: Workshop, change: dict[str, Any], reason: str) -> None:
    job_id = start_job(shop, {"source": TEXT}, categories=CATEGORIES | change)
    job = shop.job(job_id)
    assert job.status == "Failed"
    assert re.search(reason, str(job.failure_reason))
