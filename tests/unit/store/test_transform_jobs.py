"""Rows of transform jobs, on both databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labelwright.core.transform_job import Ended, Halted, Status, StopRequested
from labelwright.errors import InvalidRequest, NameInUse, NotFound
from labelwright.store import transform_jobs as store
from labelwright.store.db import Database
from labelwright.store.transform_jobs import Listing, TransformJobRow
from labelwright.store.transform_tables import transform_jobs


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/db.sqlite"
    if request.param == "postgres":
        url = os.environ.get("LABELWRIGHT_TEST_POSTGRES_URL", "")
        if not url:
            pytest.skip("set LABELWRIGHT_TEST_POSTGRES_URL to run this on PostgreSQL")
    database = Database(url)
    with database.engine.begin() as connection:
        transform_jobs.metadata.drop_all(connection, tables=[transform_jobs])
        transform_jobs.metadata.create_all(connection, tables=[transform_jobs])
    yield database
    with database.engine.begin() as connection:
        transform_jobs.metadata.drop_all(connection, tables=[transform_jobs])
    database.close()


def create(database: Database, name: str, now: float, region: str = "eu-west-1") -> int:
    return database.write(
        lambda c: store.create(
            c,
            region=region,
            name=name,
            arn=f"arn:aws:sagemaker:{region}:0:transform-job/{name}",
            request={"ModelName": "m"},
            model={"PrimaryContainer": {}},
            now=now,
        )
    )


def get(database: Database, job_id: int) -> TransformJobRow:
    row = database.read(lambda c: store.get(c, job_id))
    assert row is not None
    return row


def names(database: Database, **listing: Any) -> list[str]:
    made = Listing(**{"region": "eu-west-1", "is_descending": False, **listing})
    return [row.name for row, _ in database.read(lambda c: store.list_jobs(c, made, 10))]


def test_a_name_is_taken_once_in_a_region(database: Database) -> None:
    first = create(database, "Lark", 1.0)
    with pytest.raises(
        NameInUse, match="must be unique within an AWS account and region, and a transform job"
    ):
        create(database, "lARK", 2.0)
    create(database, "Lark", 2.0, region="us-east-1")
    assert database.read(lambda c: store.named(c, "eu-west-1", "LARK")) == get(database, first)


def test_a_job_waits_is_claimed_once_and_ends(database: Database) -> None:
    first, second = create(database, "a", 1.0), create(database, "b", 2.0)
    assert database.read(store.first_waiting) == first
    assert database.write(lambda c: store.claim(c, first, host="h", now=3.0))
    assert not database.write(lambda c: store.claim(c, first, host="other", now=3.5))
    assert database.read(store.first_waiting) == second
    row = get(database, first)
    assert (row.host, row.attempt, row.started_at, row.status) == ("h", 1, 3.0, "InProgress")
    database.write(lambda c: store.transition(c, first, Ended(at=9.0, failure_reason="ClientError: x")))
    row = get(database, first)
    assert (row.status, row.ended_at, row.failure_reason) == ("Failed", 9.0, "ClientError: x")
    with pytest.raises(InvalidRequest, match="is in status Failed"):
        database.write(lambda c: store.transition(c, first, StopRequested(at=9.5)))
    assert database.read(store.unfinished) == [first, second]
    database.write(lambda c: store.set_columns(c, first, is_settled=True))
    assert database.read(store.unfinished) == [second]


def test_a_stopped_job_is_not_claimed(database: Database) -> None:
    job = create(database, "a", 1.0)
    database.write(lambda c: store.transition(c, job, StopRequested(at=2.0)))
    assert database.read(store.first_waiting) is None
    assert not database.write(lambda c: store.claim(c, job, host="h", now=3.0))
    assert database.write(lambda c: store.transition(c, job, Halted(at=4.0))).status is Status.STOPPED
    with pytest.raises(NotFound):
        database.write(lambda c: store.transition(c, 99, Halted(at=4.0)))


def test_listings_go_on_where_the_page_before_ended(database: Database) -> None:
    for i, name in enumerate(["wren", "lark", "Robin", "lark_2"]):
        create(database, name, 10.0 + i // 2)
    create(database, "elsewhere", 1.0, region="us-east-1")
    for order in (
        {},
        {"is_descending": True},
        {"sort_by": "Name"},
        {"sort_by": "Status", "is_descending": True},
    ):
        listing = Listing(**{"region": "eu-west-1", "is_descending": False, **order})  # type: ignore[arg-type]
        seen: list[str] = []
        after = None
        while page := database.read(
            lambda c, after=after, listing=listing: store.list_jobs(  # type: ignore[misc]
                c, Listing(**{**_members(listing), "after": after}), 1
            )
        ):
            ((row, value),) = page
            seen.append(row.name)
            after = (value, row.id)
        assert seen == names(database, **order) and len(seen) == 4
    assert names(database, sort_by="Name") == ["lark", "lark_2", "Robin", "wren"]
    assert names(database, name_contains="K_") == ["lark_2"]
    assert names(database, created_after=10.0) == ["Robin", "lark_2"]
    assert names(database, modified_before=11.0) == ["wren", "lark"]
    assert names(database, status="Completed") == []


def _members(listing: Listing) -> dict[str, Any]:
    return {name: getattr(listing, name) for name in Listing.__slots__}
