"""Jobs with automated labeling on easy synthetic texts, and people who know the answers."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labeling_workshop import Clock, Workshop, lines, make_workshop, run

from labelwright.core.labeling_job import TERMINAL, Status
from labelwright.store import automated
from labelwright.store.automated import PassRow, Role
from labelwright.store.labeling_jobs import JobRow

LABELS = ["sport", "money", "weather"]
_TEXTS = {
    "sport": "goal match team coach player league score win stadium referee season cup",
    "money": "bank loan stock market price profit tax budget fund share dollar trade",
    "weather": "rain storm wind cloud sun snow cold heat fog thunder forecast frost",
    "": "the a of and to in it was for on with that this as at by",
}
_WORDS = {name: words.split() for name, words in _TEXTS.items()}
N_WORKERS = 16

Answer = Callable[[str], dict[str, Any]]


def texts(n: int, *, seed: int = 1, start: int = 0) -> list[dict[str, Any]]:
    """Lines whose label is line number modulo three; easy for a linear model."""
    chance = random.Random(seed)
    found = []
    for i in range(start, start + n):
        words = chance.choices(_WORDS[label_of(i)], k=5) + chance.choices(_WORDS[""], k=5)
        chance.shuffle(words)
        found.append({"source": f"{' '.join(words)} {i}"})
    return found


def label_of(number: int | str) -> str:
    """The true label of a line."""
    return LABELS[int(number) % 3]


def knows(object_id: str) -> dict[str, Any]:
    """The answer of somebody who is always right."""
    return {"crowd-classifier": {"label": label_of(object_id)}}


def guesses(object_id: str) -> dict[str, Any]:
    """The answer of somebody who has not looked."""
    return {"crowd-classifier": {"label": random.Random(f"x{object_id}").choice(LABELS)}}


def automated_shop(data_dir: Path, clock: Any = None, **settings: Any) -> Workshop:
    """An installation that lets small jobs use automated labeling."""
    return make_workshop(data_dir, clock or Clock(), **{"autolabel_min_objects": 100, **settings})


def create(shop: Workshop, *, manifest: bytes, batch: int = 200, **options: Any) -> int:
    """A text job with automated labeling and one worker per object."""
    return shop.create(
        **{
            "name": "Texts-1",
            "manifest": manifest,
            "kind": "TextMultiClass",
            "labels": LABELS,
            "lan": "topic",
            "n_workers": 1,
            "algorithm": "text-classification",
            "MaxConcurrentTaskCount": batch,
            **options,
        }
    )


def work_off(
    shop: Workshop, answer: Answer = knows, *, job: str = "Texts-1", most: int | None = None
) -> list[int]:
    """Everybody works until there is nothing to take; the numbers of the objects that were answered."""
    names = [f"worker-{i}" for i in range(N_WORKERS)]
    ids = [shop.worker(name) for name in names]
    done: list[int] = []

    async def work(worker_id: str) -> None:
        while most is None or len(done) < most:
            task = await shop.desk.take(worker_id, job)
            if task is None:
                return
            done.append(int(task.object_id))
            body = answer(task.object_id)
            await shop.desk.submit(worker_id, task.id, json.dumps(body).encode())

    async def all_work() -> None:
        await asyncio.gather(*(work(worker_id) for worker_id in ids))

    run(all_work())
    return done


def drive(
    shop: Workshop,
    job_id: int,
    answer: Answer = knows,
    *,
    job: str = "Texts-1",
    until: Callable[[], bool] = lambda: False,
    timeout_s: float = 120.0,
) -> JobRow:
    """Let people and machine work until the job has ended, or until something else."""
    end = time.monotonic() + timeout_s
    while True:
        shop.settle()
        row = shop.job(job_id)
        if Status(row.status) in TERMINAL or until():
            return row
        if not work_off(shop, answer, job=job):
            time.sleep(0.1)  # a program is at work
            if isinstance(shop.clock, Clock):
                shop.clock.tick(1.0)
        assert time.monotonic() < end, row


def passes(shop: Workshop, job_id: int) -> list[PassRow]:
    """The passes of a job."""
    return shop.database.read(lambda connection: automated.passes(connection, job_id))


def members(shop: Workshop, job_id: int, role: Role) -> dict[int, int]:
    """Object numbers of a set, with the iteration in which they were sent."""
    import sqlalchemy as sa

    from labelwright.store.automated_tables import automated_members as t

    query = sa.select(t.c.object_no, t.c.iteration).where(t.c.job_id == job_id, t.c.role == int(role))
    found = shop.database.read(lambda connection: connection.execute(query).all())
    return {int(row[0]): int(row[1]) for row in found}


def batch_sizes(shop: Workshop, job: str = "Texts-1") -> list[int]:
    """How many objects people answered in each iteration, from the worker-response files."""
    sizes: dict[int, int] = {}
    for key in shop.keys(f"out/{job}/annotations/worker-response/"):
        iteration = int(key.split("/iteration-")[1].split("/")[0])
        sizes[iteration] = sizes.get(iteration, 0) + 1
    return [sizes[i] for i in sorted(sizes)]


def manifest(n: int, **options: Any) -> bytes:
    """An input manifest of `texts`."""
    return lines(*texts(n, **options))
