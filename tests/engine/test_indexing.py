"""Manifests of several blocks: every line is found, and an import that was cut off goes on."""

from __future__ import annotations

import json
import random

import orjson
import pytest
import sqlalchemy as sa
from labeling_workshop import Workshop

from labelwright.engine.advancing import Memo, advance
from labelwright.engine.tools import Tools
from labelwright.store.labeling_tables import data_objects

N_LINES = 9000


def _manifest(line_end: bytes) -> bytes:
    chance = random.Random(3)
    out = []
    for i in range(N_LINES):
        item = {"source": "é" * chance.randrange(1, 300), "n": i}
        if i % 7 == 0:
            item["parts"] = i % 2
        out.append(json.dumps(item, ensure_ascii=bool(i % 2)).encode())
    return line_end.join(out) + line_end * 3


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_every_line_is_found_where_it_is(shop: Workshop, line_end: bytes) -> None:
    manifest = _manifest(line_end)
    assert len(manifest) > 2 << 20
    job_id = shop.create(manifest=manifest, kind="TextMultiClass", n_workers=1, MaxConcurrentTaskCount=1)
    tools: Tools = shop.engine._tools
    n_steps = 0
    while shop.job(job_id).status == "Initializing":
        advance(tools, job_id, Memo())  # a new memory each time: as after a crash
        n_steps += 1
    assert n_steps >= 5  # freezing, three blocks or more, the beginning
    job = shop.job(job_id)
    n_kept = len(range(0, N_LINES, 7))
    assert (job.n_objects, job.n_human) == (N_LINES, n_kept)
    o = data_objects
    with shop.database.engine.connect() as connection:
        rows = connection.execute(
            sa.select(o.c.object_no, o.c.position, o.c.length).order_by(o.c.object_no)
        ).all()
    assert [row.object_no for row in rows] == list(range(N_LINES))
    for number, position, length in rows:
        assert orjson.loads(manifest[position : position + length])["n"] == number


def test_a_line_longer_than_a_block(shop: Workshop) -> None:
    # Labels of earlier jobs do not count towards the limits, so that lines may be this long.
    old = {"old": ["x" * 1000] * 3000, "old-metadata": {"type": "groundtruth/custom"}}
    manifest = b'{"source":"a"}\n' + orjson.dumps({"source": "b", **old}) + b'\n{"source":"c"}\n'
    job_id = shop.create(manifest=manifest, kind="TextMultiClass", n_workers=1)
    shop.settle()
    assert (shop.job(job_id).status, shop.job(job_id).n_objects) == ("InProgress", 3)
    task = None
    for _ in range(3):
        task = shop.take("a")
        assert task is not None
        shop.submit("a", task, {"crowd-classifier": {"label": "nut"}})
    assert task is not None
    assert task.input["taskObject"] == "c"


def test_bad_lines_in_later_blocks_remove_what_was_indexed(shop: Workshop) -> None:
    manifest = _manifest(b"\n").rstrip() + b"\nbroken\n"
    job_id = shop.create(manifest=manifest, kind="TextMultiClass")
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "Failed"
    assert f"line {N_LINES + 1}: " in (job.failure_reason or "")
    advance(shop.engine._tools, job_id, Memo())
    with shop.database.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(data_objects)) == 0
