"""Asynchronous requests that wait."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from labelwright.store import async_invocations as store
from labelwright.store.async_invocations import AsyncRequest
from labelwright.store.db import Database
from labelwright.store.endpoint_tables import async_invocations, endpoints
from labelwright.store.schema import metadata


def test_a_long_queue_holds_up_no_other_endpoint(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/db.sqlite")
    metadata.create_all(database.engine, tables=[endpoints, async_invocations])
    required = {
        column.name: 0.0 if column.type.python_type is float else "x"
        for column in endpoints.columns
        if not column.nullable and column.server_default is None and column.name != "id"
    }
    request = AsyncRequest("i", "s3://b/in", "s3://b/out", "", "", "", "", 1.0)

    def fill(connection: sa.engine.Connection) -> None:
        for key in (1, 2, 3):
            connection.execute(
                sa.insert(endpoints), {**required, "id": key, "name_lower": str(key), "arn": str(key)}
            )
        for key in [1] * 20 + [2] * 3:
            store.add(
                connection,
                endpoint_id=key,
                region="r",
                endpoint=str(key),
                request=request,
                now=1.0,
                expires_at=2.0,
            )

    database.write(fill)
    found = database.read(lambda connection: store.pending(connection, besides=[1, 2, 22], limit=5))
    assert [row.id for row in found] == [3, 4, 5, 6, 7, 21, 23]
    assert {row.asked for row in found} == {request}
    database.close()
