"""Sixty-four workers at once: nothing is handed out twice, nothing fails, everything is counted once."""

from __future__ import annotations

import asyncio
import json
import random
import time
from pathlib import Path

from labeling_workshop import lines, make_workshop

N_WORKERS, N_OBJECTS, N_ANSWERS = 64, 150, 3


def test_sixty_four_workers(tmp_path: Path) -> None:
    shop = make_workshop(tmp_path / "data", time.time, consolidation_interval_s=0.05)
    manifest = lines(*({"source": f"t{i}"} for i in range(N_OBJECTS)))
    job_id = shop.create(manifest=manifest, kind="TextMultiClass", n_workers=N_ANSWERS)
    workers = [shop.worker(f"w{i}") for i in range(N_WORKERS)]
    handed_out: list[tuple[str, str]] = []

    async def work(worker_id: str, seed: int) -> None:
        chance = random.Random(seed)
        while True:
            task = await shop.desk.take(worker_id, "Parts-A")
            if task is None:
                if shop.job(job_id).status == "Completed":
                    return
                await asyncio.sleep(0.02)
                continue
            if chance.random() < 0.1:
                await shop.desk.release(worker_id, task.id)
                continue
            handed_out.append((worker_id, task.object_id))
            answer = {"crowd-classifier": {"label": chance.choice(["bolt", "nut"])}}
            await shop.desk.submit(worker_id, task.id, json.dumps(answer).encode())

    async def everybody() -> None:
        await asyncio.gather(*(work(worker, i) for i, worker in enumerate(workers)))

    shop.engine.start()
    try:
        asyncio.run(asyncio.wait_for(everybody(), 120))
    finally:
        shop.engine.stop()
    job = shop.job(job_id)
    assert len(set(handed_out)) == len(handed_out) == N_OBJECTS * N_ANSWERS
    assert (job.n_human, job.n_failed, job.counters.n_unlabeled) == (N_OBJECTS, 0, 0)
    assert len(shop.output()) == N_OBJECTS
    shop.database.close()
    shop.blobs.close()


def test_one_worker_with_two_windows(tmp_path: Path) -> None:
    shop = make_workshop(tmp_path / "data", time.time)
    manifest = lines(*({"source": f"t{i}"} for i in range(5)))
    shop.create(manifest=manifest, kind="TextMultiClass", n_workers=1)
    shop.settle()
    worker = shop.worker("a")

    async def both() -> None:
        first, second, ahead = await asyncio.gather(
            shop.desk.take(worker, "Parts-A"),
            shop.desk.take(worker, "Parts-A"),
            shop.desk.take(worker, "Parts-A", ahead=True),
        )
        assert first is not None
        assert second is not None
        assert ahead is not None
        assert first.id == second.id
        assert ahead.id != first.id

    asyncio.run(both())
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()
