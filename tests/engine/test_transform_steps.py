"""Steps of transform jobs that only accidents lead to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labelwright.blobs import open_blobs
from labelwright.config import Settings
from labelwright.core.transform_job import StopRequested
from labelwright.credentials import RootCredentials
from labelwright.engine.stepping import NOW
from labelwright.engine.supervisor import Supervisor
from labelwright.engine.training.launching import host_of
from labelwright.engine.transform.kind import TransformJobs
from labelwright.engine.transform.programs import program, program_name, spool_folder
from labelwright.engine.transform.telling import transition
from labelwright.events import events_of
from labelwright.hosting.transform.spool import SpoolWriter
from labelwright.store import outbox
from labelwright.store import transform_jobs as store
from labelwright.store.db import Database
from labelwright.store.tables import metadata
from labelwright.store.transform_jobs import TransformJobRow

REQUEST = {"TransformOutput": {"S3OutputPath": "s3://acme/out/"}}


class Shop:
    """A database, an object store and the kind, stepped by hand."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=folder)
        self.database = Database(f"sqlite:///{folder / 'x.sqlite'}")
        metadata.create_all(self.database.engine)
        self.blobs: Any = open_blobs(settings, RootCredentials("key", "secret"))
        self.blobs.store.create_bucket("acme", region="us-east-1")
        self.kind = TransformJobs()
        self.now = time.time()
        supervisor = Supervisor(self.database, self.blobs, settings, lambda: self.now, [self.kind])
        self.tools = supervisor.tools
        self.job = self.database.write(
            lambda c: store.create(
                c, region="r", name="Lark", arn="arn:lark", request=REQUEST, model={}, now=self.now
            )
        )

    def row(self) -> TransformJobRow:
        row = self.database.read(lambda c: store.get(c, self.job))
        assert row is not None
        return row

    def set(self, **values: Any) -> None:
        self.database.write(lambda c: store.set_columns(c, self.job, **values))

    def step(self) -> float | None:
        return self.kind.advance(self.tools, self.job)

    def spool(self, *outputs: bytes) -> Path:
        """What a program left; where the job's files are."""
        folder = spool_folder(self.tools, self.row())
        folder.mkdir(parents=True, exist_ok=True)
        writer = SpoolWriter(folder, 9)
        for i, body in enumerate(outputs):
            writer.write(body)
            writer.finish(i, f"day/{i}", "text/plain")
        writer.fail(8, "ClientError: no")
        writer.close()
        return folder


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.database.close()
    shop.blobs.close()


def test_a_job_is_claimed_by_one_server(shop: Shop) -> None:
    assert shop.step() == NOW
    assert (shop.row().host, shop.row().attempt) == (host_of(shop.tools.settings), 1)
    made = program(shop.tools, shop.row())
    assert made.module == "labelwright.hosting.transform"
    assert made.input["data_dir"] == str(shop.tools.settings.data_dir.resolve())
    assert json.dumps(made.input)


def test_what_is_in_the_spool_is_published_and_counted(shop: Shop) -> None:
    shop.step()
    shop.spool(b"one", b"", b"three" * 100_000)
    assert shop.step() == NOW
    assert [blob.uri for blob in shop.blobs.list("s3://acme/out/")] == [
        f"s3://acme/out/day/{i}.out" for i in range(3)
    ]
    assert shop.blobs.read("s3://acme/out/day/2.out") == b"three" * 100_000
    assert (shop.row().n_done, shop.row().n_failed) == (3, 1)


def test_a_damaged_spool_is_for_a_new_program_and_not_published(shop: Shop) -> None:
    shop.step()
    folder = shop.spool(b"one", b"two")
    (segment,) = folder.glob("segment-*")
    segment.write_bytes(b"onetwX")
    for attempt in (2, 3):
        assert shop.step() == NOW
        assert shop.row().attempt == attempt
    assert shop.step() == NOW  # nobody has set it right
    assert shop.row().status == "Failed"
    assert (shop.row().failure_reason or "").startswith("InternalServerError")
    assert [blob.uri for blob in shop.blobs.list("s3://acme/out/day/1")] == []
    assert shop.step() is None and not folder.exists()


def test_a_job_of_a_server_that_is_gone_is_begun_again(shop: Shop) -> None:
    shop.set(host="elsewhere", attempt=4, seen_at=shop.now - 60)
    due = shop.step()
    assert due is not None and due > shop.now  # it may come back
    assert shop.row().host == "elsewhere"
    shop.now += 3600
    assert shop.step() == NOW
    assert (shop.row().host, shop.row().attempt) == (host_of(shop.tools.settings), 5)


def test_a_job_that_waits_is_stopped_at_once(shop: Shop) -> None:
    shop.database.write(lambda c: transition(c, shop.job, StopRequested(at=shop.now)))
    assert shop.step() == NOW
    assert shop.row().status == "Stopped"
    assert shop.step() is None and shop.row().is_settled
    rows = shop.database.read(lambda c: outbox.page(c, after=0, end=9, limit=9))
    told = [event for row in rows for event in events_of(row)]
    assert [event["detail-type"] for event in told] == ["SageMaker Transform Job State Change"] * 2
    assert [event["detail"]["TransformJobStatus"] for event in told] == ["Stopping", "Stopped"]
    assert told[0]["resources"] == ["arn:lark"]
    assert told[1]["detail"]["TransformEndTime"] == round(shop.now * 1000)


def test_names_of_programs_are_fit_for_the_runner(shop: Shop) -> None:
    shop.step()
    assert shop.tools.runners["transform"].folder(program_name(shop.row())).name == f"lark.{shop.job}.1"
