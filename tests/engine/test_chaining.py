"""Jobs that go on from the output of another: what is kept, what is asked again, who learns from it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import sqlalchemy as sa
from automated_workshop import (
    LABELS,
    batch_sizes,
    create,
    drive,
    knows,
    members,
    passes,
    texts,
    work_off,
)
from labeling_workshop import Workshop, label, lines, make_workshop

from labelwright.store import automated
from labelwright.store.automated import AutomatedRow, Role
from labelwright.store.labeling_tables import job_events

PLAIN = {"auto-labeling": "plain"}


@pytest.fixture
def shop(tmp_path: Any, clock: Any) -> Any:
    shop = make_workshop(tmp_path, clock, autolabel_min_objects=100)
    yield shop
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


def _manifest(n: int) -> list[dict[str, Any]]:
    """Easy texts and, from the middle on, texts that say nothing."""
    chance = random.Random(5)
    found = texts(n)
    for i in range(n // 2, n):
        found[i] = {"source": f"{' '.join(chance.choices(['of', 'the', 'and', 'to'], k=9))} {i}"}
    chance.shuffle(found)
    return found


def _topic(number: str) -> dict[str, Any]:
    return {"crowd-classifier": {"label": LABELS[int(number) % 3]}}


def _output_uri(job: str) -> str:
    return f"s3://acme/out/{job}/manifests/output/output.manifest"


def _state(shop: Workshop, job_id: int) -> AutomatedRow:
    row = shop.database.read(lambda connection: automated.get(connection, job_id))
    assert row is not None
    return row


def _story(shop: Workshop, job_id: int, name: str) -> list[dict[str, Any]]:
    e = job_events
    query = sa.select(e.c.detail).where(e.c.job_id == job_id, e.c.name == name)
    rows = shop.database.read(lambda connection: connection.execute(query).all())
    return [json.loads(row.detail) for row in rows]


def _assert_kept(shop: Workshop, parent: str, child: str, *, n_kept: int) -> None:
    """Labeled lines of the parent stand in the child's output byte for byte; all others are the child's."""
    before, after = (shop.read(_output_uri(name)).splitlines() for name in (parent, child))
    assert len(before) == len(after)
    kept = {i for i, line in enumerate(before) if "topic" in json.loads(line)}
    assert len(kept) == n_kept
    for i, line in enumerate(after):
        if i in kept:
            assert line == before[i]
        else:
            assert json.loads(line)["topic-metadata"]["job-name"] == f"labeling-job/{child.lower()}"


def test_labels_of_a_machine_are_kept_with_and_without_one(shop: Workshop) -> None:
    parent = create(shop, manifest=lines(*_manifest(600)), options=PLAIN, batch=100)
    truth = {i: int(line["source"].rsplit(" ", 1)[1]) for i, line in enumerate(_manifest(600))}

    def answer(object_id: str) -> dict[str, Any]:
        return knows(str(truth[int(object_id)]))

    drive(shop, parent, answer, until=lambda: shop.job(parent).n_machine > 0)
    shop.stop(parent)
    shop.settle()
    row = shop.job(parent)
    assert row.status == "Stopped" and row.n_human + row.n_machine < 500
    n_kept, counted = row.n_human + row.n_machine, (row.n_human, row.n_machine)

    # Without automated labeling people do the rest.
    people = shop.create(
        "Texts-2",
        kind="TextMultiClass",
        labels=LABELS,
        lan="topic",
        manifest_uri=_output_uri("Texts-1"),
        n_workers=1,
    )
    shop.settle()
    begun = shop.job(people)
    assert (begun.n_human, begun.n_machine) == counted
    work_off(shop, answer, job="Texts-2")
    shop.settle()
    ended = shop.job(people)
    assert ended.status == "Completed" and ended.n_machine == row.n_machine
    assert ended.n_human_here == 600 - n_kept
    _assert_kept(shop, "Texts-1", "Texts-2", n_kept=n_kept)

    # With it, the parent's model starts at once, after people labeled a validation set.
    chained = create(
        shop,
        manifest=b"",
        manifest_uri=_output_uri("Texts-1"),
        name="Texts-3",
        options=PLAIN,
        batch=100,
    )
    drive(shop, chained, answer, job="Texts-3", until=lambda: bool(passes(shop, chained)))
    assert _state(shop, chained).start_model_arn == _state(shop, parent).model_arn is not None
    n_validation = len(members(shop, chained, Role.VALIDATION))
    assert n_validation == (600 - n_kept) // 2  # of this job; never a label that was there
    assert batch_sizes(shop, "Texts-3")[:1] == [10]
    assert sum(batch_sizes(shop, "Texts-3")) == 10 + n_validation
    shop.stop(chained)
    shop.settle()
    now = shop.job(chained)
    assert (now.n_human - now.n_human_here, now.n_human_here) == (row.n_human, 10 + n_validation)


def test_what_a_failed_job_has_labeled_is_kept_and_its_failures_are_sent_again(shop: Workshop) -> None:
    parent = create(shop, manifest=lines(*texts(200)), options=PLAIN, TaskAvailabilityLifetimeInSeconds=3600)
    shop.settle()
    for i in range(10):
        task = shop.take("a", "Texts-1")
        assert task is not None
        shop.clock.tick(1.0)
        if i < 8:
            shop.submit("a", task, knows(task.object_id))
    shop.clock.tick(3700.0)
    shop.settle()
    row = shop.job(parent)
    assert (row.status, row.n_human, row.n_failed) == ("Failed", 8, 2)
    child = shop.create(
        "Texts-2",
        kind="TextMultiClass",
        labels=LABELS,
        lan="topic",
        manifest_uri=_output_uri("Texts-1"),
        n_workers=1,
    )
    shop.settle()
    counters = shop.job(child).counters
    assert (counters.n_human, counters.n_failed, counters.n_unlabeled) == (8, 0, 192)
    assert len(work_off(shop, job="Texts-2")) == 192
    shop.settle()
    assert shop.job(child).status == "Completed"
    _assert_kept(shop, "Texts-1", "Texts-2", n_kept=8)
    assert b"failure-reason" not in shop.read(_output_uri("Texts-2"))


def test_another_label_attribute_name_labels_everything_afresh(shop: Workshop) -> None:
    first = shop.create(
        "Texts-1", manifest=lines(*texts(4)), kind="TextMultiClass", labels=LABELS, lan="topic", n_workers=1
    )
    shop.settle()
    work_off(shop)
    shop.settle()
    assert shop.job(first).status == "Completed"
    second = shop.create(
        "Texts-2",
        kind="TextMultiClass",
        labels=LABELS,
        lan="second-look",
        manifest_uri=_output_uri("Texts-1"),
        n_workers=1,
    )
    shop.settle()
    assert shop.job(second).counters.n_unlabeled == 4
    work_off(shop, job="Texts-2")
    shop.settle()
    for line, before in zip(shop.output("Texts-2"), shop.output("Texts-1"), strict=True):
        assert {key: line[key] for key in before} == before
        assert list(line) == [*before, "second-look", "second-look-metadata"]


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (
            {"parts": 0, "parts-metadata": {"class-name": "screw"}},
            "class-name 'screw' is not label 0, 'bolt'",
        ),
        ({"parts": 17, "parts-metadata": {"class-name": "bolt"}}, "class index 17, but the job has 3 labels"),
        ({"parts": {"annotations": []}, "parts-metadata": {}}, "'parts'"),
        ({"parts": "bolt"}, "'parts' has no 'parts-metadata'"),
    ],
)
def test_a_kept_label_that_does_not_match_is_told_once(
    shop: Workshop, pictures: bytes, kept: dict[str, Any], words: str
) -> None:
    about = {
        "confidence": 0.9,
        "job-name": "labeling-job/old",
        "human-annotated": "yes",
        "creation-date": "2024-04-03T12:40:19.118274",
        "type": "groundtruth/image-classification",
    }
    rows = [json.loads(line) for line in pictures.splitlines()]
    if "parts-metadata" in kept:
        kept = {**kept, "parts-metadata": {**about, **kept["parts-metadata"]}}
    rows[1] |= kept
    rows[2] |= kept
    job_id = shop.create(manifest=lines(*rows), n_workers=1)
    shop.settle()
    (told,) = _story(shop, job_id, "KEPT_LABEL_MISMATCH")
    assert told["reason"].startswith("line 2: ") and words in told["reason"]
    assert told["reason"].endswith("It is kept as it is.")
    assert [shop.answer("a", label("nut")) for _ in range(2)] == ["0", "3"]
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert shop.output()[1] == rows[1]


def test_good_kept_labels_are_not_told_of(shop: Workshop, pictures: bytes) -> None:
    first = shop.create(manifest=pictures, n_workers=1, MaxConcurrentTaskCount=2)
    shop.settle()
    shop.answer("a", label("nut"))
    shop.stop(first)
    shop.settle()
    second = shop.create("Parts-B", manifest_uri=_output_uri("Parts-A"), n_workers=1)
    shop.settle()
    assert shop.job(second).n_human == 1
    assert _story(shop, second, "KEPT_LABEL_MISMATCH") == []
