"""Jobs with a budget: what is handed out never costs more, and the job ends in order."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from labeling_workshop import Clock, Workshop, label, lines, make_workshop

from labelwright.engine.accounts import account_of
from labelwright.store import work_totals
from labelwright.store.labeling_tables import job_events


def texts(n: int) -> bytes:
    return lines(*({"source": f"text {i}"} for i in range(n)))


def start(shop: Workshop, n: int, *, n_workers: int = 1, options: dict[str, str], **more: Any) -> int:
    job_id = shop.create(
        manifest=texts(n), kind="TextMultiClass", n_workers=n_workers, options=options, **more
    )
    shop.settle()
    return job_id


def story(shop: Workshop, job_id: int) -> list[tuple[str, dict[str, str]]]:
    query = sa.select(job_events.c.name, job_events.c.detail).where(job_events.c.job_id == job_id)
    rows = shop.database.read(lambda c: c.execute(query.order_by(job_events.c.id)).all())
    return [(name, json.loads(detail or "{}")) for name, detail in rows]


def spent(shop: Workshop, job_id: int) -> Decimal:
    job = shop.job(job_id)
    return shop.database.read(lambda c: account_of(c, job, now=shop.clock())).money.total


def work_all(shop: Workshop, names: str, **options: Any) -> int:
    """Everybody answers whatever they can get; how many answers it were."""
    n = 0
    while True:
        took = [who for who in names if shop.take(who) is not None]
        for who in took:
            shop.answer(who, label("bolt"), **options)
        n += len(took)
        if not took:
            return n
        shop.settle()


def test_a_job_stops_when_its_budget_is_spent(shop: Workshop) -> None:
    job_id = start(shop, 10, options={"price-per-task": "0.10", "budget": "0.45"})
    assert work_all(shop, "a") == 4
    job = shop.job(job_id)
    assert (job.status, job.stop_cause, job.n_human) == ("Stopped", "condition", 4)
    assert spent(shop, job_id) == Decimal("0.40")
    output = shop.output()
    assert len(output) == 10
    assert [("parts" in line) for line in output] == [True] * 4 + [False] * 6
    told = [item for item in story(shop, job_id) if item[0] != "BATCH_ANNOTATION_STATUS_EVALUATED"]
    assert told[-5:] == [
        ("BUDGET_REACHED", {"budget": "0.45", "spent": "0.40", "currency": "USD", "next_object": "0.10"}),
        ("STOPPING_CONDITION_REACHED", {}),
        ("STATUS_CHANGED", {"status": "Stopping"}),
        ("EXPORTED_LABELED_MANIFEST", {}),
        ("STATUS_CHANGED", {"status": "Stopped"}),
    ]


def test_a_budget_that_is_enough_lets_the_job_complete(shop: Workshop) -> None:
    job_id = start(shop, 4, n_workers=2, options={"price-per-task": "0.10", "budget": "0.80"})
    assert work_all(shop, "ab") == 8
    assert shop.job(job_id).status == "Completed"
    assert spent(shop, job_id) == Decimal("0.80")


def test_a_budget_below_one_object_ends_the_job_before_anybody_works(shop: Workshop) -> None:
    job_id = start(shop, 3, n_workers=3, options={"price-per-task": "0.10", "budget": "0.29"})
    assert shop.job(job_id).status == "Stopped"
    assert shop.take("a") is None
    assert [("parts" in line) for line in shop.output()] == [False] * 3


def test_declined_objects_cost_nothing(shop: Workshop) -> None:
    job_id = start(shop, 5, options={"price-per-task": "1", "budget": "3"}, MaxConcurrentTaskCount=1)
    task = shop.take("a")
    assert task is not None
    asyncio.run(shop.desk.decline(shop.worker("a"), task.id))
    shop.settle()
    assert work_all(shop, "ab") == 3
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.n_failed) == ("Stopped", 3, 1)


def test_hourly_work_is_estimated_from_what_was_seen(shop: Workshop) -> None:
    # 36 an hour is a cent a second; a task takes ten seconds, so a tenth.
    job_id = start(shop, 60, options={"price-per-hour": "36", "budget": "2.05"})
    n = work_all(shop, "a", after_s=10.0)
    assert n == 20
    assert shop.job(job_id).status == "Stopped"
    assert spent(shop, job_id) == Decimal("2.000000")


def test_hourly_work_begins_with_few_objects(shop: Workshop) -> None:
    start(shop, 60, options={"price-per-hour": "36", "budget": "20"})
    n_out = shop.database.read(lambda c: work_totals.n_out(c, 1))
    assert n_out == 10


def test_a_stop_at_the_budget_survives_a_restart(tmp_path: Any, clock: Clock) -> None:
    shop = make_workshop(tmp_path / "data", clock)
    job_id = start(
        shop, 8, n_workers=2, options={"price-per-task": "0.25", "budget": "2.00"}, MaxConcurrentTaskCount=3
    )
    for _ in range(3):
        shop.answer("a", label("bolt"))
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()
    again = make_workshop(tmp_path / "data", clock)
    again.workers = shop.workers
    assert work_all(again, "ab") == 5
    assert again.job(job_id).status == "Stopped"
    assert again.job(job_id).n_human == 4
    assert spent(again, job_id) == Decimal("2.00")
    again.engine.stop()
    again.database.close()
    again.blobs.close()


@given(
    budget=st.integers(1, 40),
    price=st.integers(1, 9),
    n_workers=st.integers(1, 3),
    batch=st.integers(1, 6),
    steps=st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("sssdre")), max_size=15),
)
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate],  # each example is a whole job: a failing one is not made smaller
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_out_and_spent_never_exceeds_the_budget(
    tmp_path_factory: pytest.TempPathFactory,
    budget: int,
    price: int,
    n_workers: int,
    batch: int,
    steps: list[tuple[str, str]],
) -> None:
    clock = Clock()
    shop = make_workshop(tmp_path_factory.mktemp("shop"), clock)
    try:
        job_id = start(
            shop,
            5,
            n_workers=n_workers,
            options={"price-per-task": str(price), "budget": str(budget)},
            MaxConcurrentTaskCount=batch,
        )
        for who, what in [*steps, *(("abcd"[i % 4], "s") for i in range(24))]:
            n_out = shop.database.read(lambda c: work_totals.n_out(c, job_id))
            assert spent(shop, job_id) + price * n_out <= budget
            task = shop.take(who)
            if task is None:
                continue
            if what == "s":
                shop.submit(who, task, label("bolt"))
            elif what == "e":
                clock.tick(301)
            else:
                give = shop.desk.decline if what == "d" else shop.desk.release
                asyncio.run(give(shop.worker(who), task.id))
            shop.settle()
        job = shop.job(job_id)
        if all(what != "d" for _, what in steps):  # else too few workers may be left for an object
            assert job.status in ("Stopped", "Completed")
        if job.status == "Stopped":  # only because the next object could not be paid for
            assert spent(shop, job_id) + price * n_workers > budget
    finally:
        shop.engine.stop()
        shop.database.close()
        shop.blobs.close()
