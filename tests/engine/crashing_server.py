"""Engine, desk and a few busy workers in one process, to be killed by the test that started it.

Prints ``ACK <worker> <object> <label>`` for every answer that the desk has acknowledged, ``DONE`` at the end.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path

from labeling_workshop import Workshop, make_workshop

from labelwright.errors import Conflict
from labelwright.store import directory, labeling_jobs

WORKERS = [f"w{i}" for i in range(6)]
LABELS = ["bolt", "nut", "washer"]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def work(shop: Workshop, name: str, worker_id: str) -> None:
    chance = random.Random(f"{name}{time.time_ns()}")
    while True:
        task = await shop.desk.take(worker_id, "Crash-1", ahead=chance.random() < 0.2)
        if task is None:
            await asyncio.sleep(0.01)
            continue
        if task.state == "reserved":
            task = await shop.desk.take(worker_id, "Crash-1")
            if task is None:
                continue
        kind = chance.random()
        try:
            if kind < 0.05:
                await shop.desk.release(worker_id, task.id)
                continue
            label = LABELS[int(task.object_id) % 3]
            answer = json.dumps({"crowd-classifier": {"label": label}}).encode()
            await shop.desk.submit(worker_id, task.id, answer)
        except Conflict:
            continue
        say(f"ACK {name} {task.object_id} {label}")


async def serve(data_dir: Path) -> None:
    shop = make_workshop(data_dir, time.time, consolidation_interval_s=0.05, manifest_interval_s=0.05)
    ids = {}
    for name in WORKERS:
        found = shop.database.read(lambda c, name=name: directory.find_users(c, name))
        ids[name] = found[0].id if found else shop.worker(name)
    shop.engine.start()
    say("UP")
    workers = [asyncio.create_task(work(shop, name, worker_id)) for name, worker_id in ids.items()]
    while True:
        job = shop.database.read(lambda c: labeling_jobs.named(c, "eu-west-1", "Crash-1"))
        if job is not None and job.status not in ("Initializing", "InProgress"):
            break
        failed = [task for task in workers if task.done()]
        if failed:
            await failed[0]  # raises what went wrong
        await asyncio.sleep(0.02)
    for task in workers:
        task.cancel()
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()
    say("DONE")


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
