"""A small installation for every test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from labeling_workshop import Clock, Workshop, lines, make_workshop, png


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Workshop]:
    options = {}
    if request.param == "postgres":
        options["database_url"] = request.getfixturevalue("postgres_url")
    shop = make_workshop(tmp_path / "data", clock, **options)
    yield shop
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A database of a PostgreSQL server, with a schema of its own that is dropped afterwards."""
    url = os.environ.get("LABELWRIGHT_TEST_POSTGRES_URL", "")
    if not url:
        pytest.skip("set LABELWRIGHT_TEST_POSTGRES_URL to run this on PostgreSQL")
    schema = f"engine_{uuid.uuid4().hex}"
    server = sa.create_engine(url)
    with server.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    mark = "&" if "?" in url else "?"
    yield f"{url}{mark}options=-csearch_path%3D{schema}"
    with server.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    server.dispose()


@pytest.fixture
def pictures(shop: Workshop) -> bytes:
    """Four pictures and their manifest."""
    for name in "abcd":
        shop.put(f"s3://acme/in/{name}.png", png())
    return lines(*({"source-ref": f"s3://acme/in/{name}.png"} for name in "abcd"))
