"""Algorithms that judge workers know them from the objects that the job consolidated before."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
from labeling_workshop import Clock, Workshop, label, lines, make_workshop, png
from test_chosen_algorithms import boxes, entities

from labelwright.engine import Desk, Engine
from labelwright.engine.lineage import lineage_of

NAMES = ["bolt", "nut", "washer"]
N_FIRST = 12
CAREFUL, CARELESS = "ab", "cd"


def job_of_two_batches(shop: Workshop, algorithm: str) -> int:
    """Twelve texts show that c and d answer by chance; of the last one a is right against both."""
    job_id = shop.create(
        manifest=lines(*({"source": f"part {i}"} for i in range(N_FIRST + 1))),
        kind="TextMultiClass",
        MaxConcurrentTaskCount=N_FIRST,
        options={"consolidation": algorithm},
    )
    shop.settle()
    chance = random.Random(1)
    for i in range(N_FIRST):
        for who in CAREFUL:
            shop.answer(who, chosen(NAMES[i % 3]), after_s=0.1)
        shop.answer(CARELESS[i % 2], chosen(chance.choice(NAMES)), after_s=0.1)
    shop.settle()
    return job_id


def last_object(shop: Workshop) -> dict[str, Any]:
    for who, name in (("a", "bolt"), ("c", "nut"), ("d", "nut")):
        shop.answer(who, chosen(name), after_s=0.1)
    shop.settle()
    found: dict[str, Any] = shop.output()[N_FIRST]
    return found


def chosen(name: str) -> dict[str, Any]:
    return {"crowd-classifier": label(name)["crowd-image-classifier"]}


@pytest.mark.parametrize(
    ("algorithm", "name"), [("bayesian", "bolt"), ("one-coin", "bolt"), ("majority", "nut")]
)
def test_who_was_careless_before_is_believed_less(shop: Workshop, algorithm: str, name: str) -> None:
    job_id = job_of_two_batches(shop, algorithm)
    assert last_object(shop)["parts-metadata"]["class-name"] == name
    parameters = shop.database.read(
        lambda c: lineage_of(c, shop.blobs, shop.job(job_id), N_FIRST)["consolidation"]["parameters"]
    )
    assert parameters.get("earlier_objects") == (None if algorithm == "majority" else N_FIRST)


def test_the_original_forgets_its_workers(shop: Workshop) -> None:
    job_of_two_batches(shop, "compatible")
    # What the published procedure gives to a group of this object alone.
    found = last_object(shop)["parts-metadata"]
    assert (found["class-name"], found["confidence"]) == ("nut", 0.94)


@pytest.mark.parametrize(
    ("kind", "algorithm", "source"),
    [
        ("BoundingBox", "robust", {"source-ref": "s3://acme/in/a.png"}),
        ("NamedEntityRecognition", "sequence", {"source": "Oslo and Rome"}),
    ],
)
def test_shapes_and_spans_are_judged_so_too(
    shop: Workshop, kind: str, algorithm: str, source: dict[str, str]
) -> None:
    answers = {"BoundingBox": boxes(10), "NamedEntityRecognition": entities((0, 4))}
    shop.put("s3://acme/in/a.png", png(100, 100))
    job_id = shop.create(
        manifest=lines(*[source] * 3),
        kind=kind,
        labels=["bolt", "city"],
        n_workers=2,
        MaxConcurrentTaskCount=2,
        options={"consolidation": algorithm},
    )
    shop.settle()
    for _ in range(3):
        shop.answers(answers[kind], answers[kind])
        shop.settle()
    assert all("failure-reason" not in line["parts-metadata"] for line in shop.output())
    parameters = shop.database.read(
        lambda c: lineage_of(c, shop.blobs, shop.job(job_id), 2)["consolidation"]["parameters"]
    )
    assert parameters["earlier_objects"] == 2


def test_a_server_that_starts_again_knows_the_same(shop: Workshop, tmp_path: Path, clock: Clock) -> None:
    job_of_two_batches(shop, "bayesian")
    in_one_go = last_object(shop)["parts-metadata"]["confidence"]
    other = make_workshop(tmp_path / "other", clock)
    job_of_two_batches(other, "bayesian")
    other.engine.stop()
    engine = Engine(other.database, other.blobs, other.settings, clock)
    desk = Desk(other.database, other.blobs, other.settings, engine, clock)
    later = dataclasses.replace(other, engine=engine, desk=desk)
    assert last_object(later)["parts-metadata"]["confidence"] == in_one_go
    engine.stop()
    other.database.close()
    other.blobs.close()
