"""Series of values and the last value of each, on both databases."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from labelwright.store import metric_points
from labelwright.store.db import Database
from labelwright.store.metric_tables import metric_last
from labelwright.store.metric_tables import metric_points as points_table


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/db.sqlite"
    if request.param == "postgres":
        url = os.environ.get("LABELWRIGHT_TEST_POSTGRES_URL", "")
        if not url:
            pytest.skip("set LABELWRIGHT_TEST_POSTGRES_URL to run this on PostgreSQL")
    database = Database(url)
    tables = [points_table, metric_last]
    with database.engine.begin() as connection:
        points_table.metadata.drop_all(connection, tables=tables)
        points_table.metadata.create_all(connection, tables=tables)
    yield database
    with database.engine.begin() as connection:
        points_table.metadata.drop_all(connection, tables=tables)
    database.close()


def test_series_and_last_values(database: Database) -> None:
    def add(*points: tuple[str, float, float], of: int = 7) -> int:
        return database.write(lambda c: metric_points.add_points(c, "training-job", of, points))

    assert add(("loss", 2.0, 10.0), ("mAP", 0.1, 11.0), ("loss", 1.5, 12.5), ("loss", math.nan, 13.0)) == 3
    assert add() == 0
    assert add(("loss", 1.0, 12.5), ("loss", math.inf, 14.0)) == 1
    assert add(("loss", 9.0, 99.0), of=8) == 1

    def read(**options: float) -> list[tuple[float, float]]:
        return list(
            database.read(lambda c: metric_points.series(c, "training-job", 7, "loss", **options))  # type: ignore[arg-type]
        )

    assert read() == [(10.0, 2.0), (12.5, 1.5), (12.5, 1.0)]
    assert read(start=12.5) == [(12.5, 1.5), (12.5, 1.0)]
    assert read(end=12.5) == [(10.0, 2.0)]
    assert read(limit=2) == [(12.5, 1.5), (12.5, 1.0)]
    last = database.read(lambda c: metric_points.last_values(c, "training-job", 7))
    assert last == [("loss", 1.0, 12.5), ("mAP", 0.1, 11.0)]
    assert database.read(lambda c: metric_points.names(c, "training-job", 7)) == ["loss", "mAP"]
    assert database.read(lambda c: metric_points.last_values(c, "endpoint", 7)) == []


def test_deleting_takes_one_resource(database: Database) -> None:
    for of in (1, 2):
        database.write(lambda c, of=of: metric_points.add_points(c, "training-job", of, [("a", 1.0, 1.0)]))
    database.write(lambda c: metric_points.delete_points(c, "training-job", 1))
    assert database.read(lambda c: metric_points.series(c, "training-job", 1, "a")) == []
    assert database.read(lambda c: metric_points.names(c, "training-job", 2)) == ["a"]


def test_which_series_there_are_in_pages(database: Database) -> None:
    for of, names in ((1, "ba"), (2, "a")):
        points = [(name, 1.0, 1.0) for name in names]
        database.write(
            lambda c, of=of, points=points: metric_points.add_points(c, "training-job", of, points)
        )

    def listed(**query: object) -> list[tuple[int, str]]:
        return database.read(lambda c: metric_points.listing(c, "training-job", limit=2, **query))  # type: ignore[arg-type]

    assert listed() == [(1, "a"), (1, "b")]
    assert listed(after=(1, "b")) == [(2, "a")]
    assert listed(name="a") == [(1, "a"), (2, "a")]
    assert listed(resource_id=2, name="b") == []


def test_many_values_at_once(database: Database) -> None:
    many = [("v", float(i), float(i)) for i in range(12_000)]
    assert database.write(lambda c: metric_points.add_points(c, "training-job", 1, many)) == len(many)
    count = database.read(lambda c: c.scalar(sa.select(sa.func.count()).select_from(points_table)))
    assert count == len(many)
    assert database.read(lambda c: metric_points.last_values(c, "training-job", 1))[0].value == 11_999.0
