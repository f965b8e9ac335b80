"""Who of a job's workers is careless, for every kind of label."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from labeling_workshop import Workshop, lines, png
from test_mask_jobs import painted

from labelwright.engine.worker_reports import JobWorkers, job_workers

NAMES = ["bolt", "nut", "washer"]
LABELS = {"SemanticSegmentation": ["road", "car"]}  # what `painted` paints
N = 14
Answer = Callable[[int, random.Random, bool], dict[str, Any]]


def one_class(i: int, chance: random.Random, is_careless: bool) -> dict[str, Any]:
    name = chance.choice(NAMES) if is_careless else NAMES[i % 3]
    return {"crowd-classifier": {"label": name}}


def several(i: int, chance: random.Random, is_careless: bool) -> dict[str, Any]:
    ticked = [chance.choice(NAMES)] if is_careless else [NAMES[i % 3], NAMES[(i + 1) % 3]]
    return {"crowd-classifier-multi-select": {"labels": ticked}}


def boxes(i: int, chance: random.Random, is_careless: bool) -> dict[str, Any]:
    lefts = [chance.randrange(80)] if is_careless else [5 + i, 50 + i]
    drawn = [{"label": "bolt", "left": left, "top": 10, "width": 20, "height": 20} for left in lefts]
    return {"boundingBox": {"boundingBoxes": drawn, "inputImageProperties": {"height": 100, "width": 100}}}


def spans(i: int, chance: random.Random, is_careless: bool) -> dict[str, Any]:
    starts = [5] if is_careless else [0, 9]
    marked = [{"startOffset": start, "endOffset": start + 4, "label": "bolt"} for start in starts]
    return {"crowd-entity-annotation": {"entities": marked}}


def masks(i: int, chance: random.Random, is_careless: bool) -> dict[str, Any]:
    mask = np.zeros((24, 32), dtype=np.uint8)
    mask[4 : 16 + i % 3, 4:20] = 1
    if is_careless:
        mask = np.roll(mask, 6 + chance.randrange(3), axis=1)
    return painted(mask)


KINDS: dict[str, tuple[Answer, str, list[str]]] = {
    "TextMultiClass": (one_class, "source", ["accuracy"]),
    "TextMultiClassMultiLabel": (several, "source", ["precision", "recall"]),
    "BoundingBox": (boxes, "source-ref", ["precision", "recall"]),
    "NamedEntityRecognition": (spans, "source", ["precision", "recall"]),
    "SemanticSegmentation": (masks, "source-ref", ["agreement with the label"]),
}


def run_job(shop: Workshop, kind: str, *, n_workers: int = 3) -> JobWorkers:
    answer, key, _ = KINDS[kind]
    sources = [f"Oslo and Rome {i}" for i in range(N)]
    if key == "source-ref":
        sources = [f"s3://acme/in/{i}.png" for i in range(N)]
        for uri in sources:
            shop.put(uri, png())
    manifest = lines(*({key: source} for source in sources))
    job_id = shop.create(manifest=manifest, kind=kind, labels=LABELS.get(kind, NAMES), n_workers=n_workers)
    shop.settle()
    chance = random.Random(2)
    for i in range(N):
        for who in "abc"[:n_workers]:
            shop.answer(who, answer(i, chance, who == "c"), after_s=0.1)
    shop.settle()
    return job_workers(shop.database, shop.blobs, shop.job(job_id))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_who_is_careless_comes_first_with_an_interval(shop: Workshop, kind: str) -> None:
    found = run_job(shop, kind)
    assert found.n_objects == N
    worst, *others = found.reports
    assert found.names[worst.worker] == "c"
    assert [measure.name for measure in worst.measures] == KINDS[kind][2]
    assert found.is_outlier(worst)
    assert not any(found.is_outlier(report) for report in others)
    for report in found.reports:
        assert report.n_objects == N
        assert all(0 <= m.lower <= m.value <= m.upper <= 1 for m in report.measures)
        assert any(m.lower < m.upper for m in report.measures)


def test_one_worker_an_object_cannot_be_compared(shop: Workshop) -> None:
    found = run_job(shop, "TextMultiClass", n_workers=1)
    assert (found.reports, found.why_none[:10]) == ([], "One worker")


def test_a_job_without_labels_says_so(shop: Workshop) -> None:
    job_id = shop.create(manifest=lines({"source": "a"}), kind="TextMultiClass")
    assert job_workers(shop.database, shop.blobs, shop.job(job_id)).why_none == "Nothing is consolidated yet."
    shop.settle()
    assert job_workers(shop.database, shop.blobs, shop.job(job_id)).why_none == "Nothing is consolidated yet."
