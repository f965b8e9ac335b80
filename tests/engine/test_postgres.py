"""The same jobs on PostgreSQL, where several servers may work on one database."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from labeling_workshop import Workshop, label, lines, make_workshop, run

from labelwright.engine import Desk
from labelwright.store.db import Database
from labelwright.store.revision import HEAD, current, prepare
from labelwright.store.schema import metadata

pytestmark = pytest.mark.postgres

ANSWER = b'{"crowd-classifier":{"label":"nut"}}'


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_a_whole_job(shop: Workshop, pictures: bytes) -> None:
    kept = lines({"source-ref": "s3://acme/in/a.png", "parts": 2}, {"source-ref": "s3://acme/in/absent.png"})
    job_id = shop.create(manifest=kept + pictures, n_workers=2, TaskAvailabilityLifetimeInSeconds=3600)
    shop.settle()
    task = shop.take("a")
    assert task is not None
    ahead = shop.take("a", ahead=True)
    assert ahead is not None
    run(shop.desk.pause(shop.worker("a"), task.id))
    shop.submit("a", task, label("nut"))
    run(shop.desk.decline(shop.worker("a"), ahead.id))
    assert run(shop.desk.jobs(shop.worker("a")))[0].available_tasks == 2
    shop.answer("b", label("nut"))
    run(shop.desk.release(shop.worker("c"), _task(shop, "c")))
    _task(shop, "c")
    shop.clock.tick(301)  # the lease of c runs out
    shop.settle()
    for who in "bc":
        while shop.take(who) is not None:
            shop.answer(who, label("bolt"), after_s=1)
    shop.clock.tick(3600)
    shop.settle()
    job = shop.job(job_id)
    assert (job.status, job.n_objects, job.n_human, job.n_failed) == ("Completed", 6, 5, 1)


def _task(shop: Workshop, who: str) -> str:
    task = shop.take(who)
    assert task is not None
    return task.id


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_stopping(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, n_workers=2)
    shop.settle()
    shop.answer("a", label("nut"))
    shop.stop(job_id)
    shop.settle()
    assert (shop.job(job_id).status, shop.job(job_id).n_human) == ("Stopped", 1)


def test_four_servers_never_hand_a_slot_out_twice(tmp_path: Path, postgres_url: str) -> None:
    shop = make_workshop(tmp_path / "data", time.time, database_url=postgres_url)
    manifest = lines(*({"source": f"t{i}"} for i in range(60)))
    shop.create(manifest=manifest, kind="TextMultiClass", n_workers=3)
    shop.settle()
    workers = [shop.worker(f"w{i}") for i in range(12)]
    databases = [Database(postgres_url) for _ in range(4)]
    desks = [Desk(database, shop.blobs, shop.settings, shop.engine, time.time) for database in databases]
    handed_out: list[tuple[str, str]] = []

    async def work(desk: Desk, worker: str) -> None:
        while (task := await desk.take(worker, "Parts-A")) is not None:
            handed_out.append((worker, task.object_id))
            await desk.submit(worker, task.id, ANSWER)

    async def everybody() -> None:
        await asyncio.gather(*(work(desks[i % 4], worker) for i, worker in enumerate(workers)))

    try:
        asyncio.run(everybody())
        assert len(set(handed_out)) == len(handed_out) == 180
        shop.settle()
        assert _status(shop) == "Completed"
        assert len(shop.output()) == 60
    finally:
        for database in databases:
            database.close()
        shop.engine.stop()
        shop.database.close()
        shop.blobs.close()


def _status(shop: Workshop) -> Any:
    return shop.job(1).status


def test_tables_are_made_again_after_they_were_dropped(postgres_url: str) -> None:
    database = Database(postgres_url)
    try:
        database.create_all(metadata)
        metadata.drop_all(database.engine)  # leaves the functions of its triggers
        database.create_all(metadata)
    finally:
        database.close()


def test_servers_that_start_at_once_on_an_empty_database(postgres_url: str) -> None:
    databases = [Database(postgres_url) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(prepare, databases)) == [None] * 4
        assert databases[0].read(current) == HEAD
    finally:
        for database in databases:
            database.close()
