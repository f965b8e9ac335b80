"""Functions in both databases."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from labelwright.errors import InvalidRequest, LimitExceeded, NameInUse, NotFound, RevisionChanged
from labelwright.store import function_events, functions
from labelwright.store.db import Database
from labelwright.store.function_events import EventRow
from labelwright.store.functions import LATEST, AliasRow, FunctionRow
from labelwright.store.schema import metadata

R = "eu-west-1"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'f.sqlite'}")
        database.create_all(metadata)
        yield database
        database.close()
        return
    url = os.environ.get("LABELWRIGHT_TEST_POSTGRES_URL", "")
    if not url:
        pytest.skip("set LABELWRIGHT_TEST_POSTGRES_URL to run this on PostgreSQL")
    schema = f"functions_{uuid.uuid4().hex}"
    server = sa.create_engine(url)
    with server.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    database = Database(f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schema}")
    database.create_all(metadata)
    yield database
    database.close()
    with server.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    server.dispose()


def row(name: str = "f", **values: object) -> FunctionRow:
    given = {"settings": {"Handler": "a.b"}, "code_sha256": "aa", "code_bytes": 10, "modified_at": 1.0}
    return FunctionRow(region=R, name=name, version=LATEST, revision_id="r", **{**given, **values})  # type: ignore[arg-type]


def test_versions_and_aliases(database: Database) -> None:
    write, read = database.write, database.read
    write(lambda c: functions.create(c, row()))
    with pytest.raises(NameInUse):
        write(lambda c: functions.create(c, row()))
    first = write(lambda c: functions.publish(c, R, "f", now=2.0, description="one"))
    again = write(lambda c: functions.publish(c, R, "f", now=3.0, description="one"))
    assert first == again
    new = write(lambda c: functions.update(c, R, "f", now=4.0, settings={"Timeout": 5}, code=("bb", 20)))
    assert dict(new.settings) == {"Handler": "a.b", "Timeout": 5}
    with pytest.raises(RevisionChanged):
        write(lambda c: functions.update(c, R, "f", now=4.0, settings={}, revision_id="r"))
    assert write(lambda c: functions.publish(c, R, "f", now=5.0)).version == "2"
    write(lambda c: functions.create_alias(c, AliasRow(R, "f", "live", "1", "", "x")))
    assert read(lambda c: functions.resolve(c, R, "f", "live")).code_sha256 == "aa"
    write(lambda c: functions.update_alias(c, R, "f", "live", version="2", description=None, revision_id="x"))
    assert read(lambda c: functions.resolve(c, R, "f", "live")).code_sha256 == "bb"
    with pytest.raises(NotFound):
        write(lambda c: functions.create_alias(c, AliasRow(R, "f", "other", "9", "", "x")))
    assert [v.version for v in read(lambda c: functions.list_versions(c, R, "f"))] == [LATEST, "1", "2"]
    with pytest.raises(InvalidRequest, match="alias live"):
        write(lambda c: functions.delete(c, R, "f", "2"))
    write(lambda c: functions.delete(c, R, "f", "1"))
    assert not read(lambda c: functions.is_code_used(c, "aa"))
    assert read(lambda c: functions.is_code_used(c, "bb"))
    write(lambda c: functions.delete(c, R, "f"))
    assert read(lambda c: functions.list_functions(c, R, has_versions=True)) == []
    with pytest.raises(NotFound):
        read(lambda c: functions.resolve(c, R, "f"))


def test_code_has_a_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "CODE_BYTES_MAX", 35)
    database.write(lambda c: functions.create(c, row("a")))
    database.write(lambda c: functions.create(c, row("b", code_bytes=20)))
    with pytest.raises(LimitExceeded, match="Code storage limit exceeded: 30 bytes are used and 10 more"):
        database.write(lambda c: functions.create(c, row("c")))
    database.write(lambda c: functions.update(c, R, "b", now=1.0, code=("cc", 25)))
    with pytest.raises(LimitExceeded):
        database.write(lambda c: functions.publish(c, R, "a", now=1.0))


def test_events_are_claimed_once(database: Database) -> None:
    for i in range(3):
        database.write(lambda c, i=i: function_events.add(c, EventRow(f"e{i}", "arn", b"{}", 0, float(i))))
    claimed = database.write(lambda c: function_events.claim(c, now=1.0, lease_s=10.0, limit=5))
    assert sorted(event.id for event in claimed) == ["e0", "e1"]
    assert database.write(lambda c: function_events.claim(c, now=1.0, lease_s=10.0, limit=5)) == []
    assert database.read(function_events.next_due) == 2.0
    database.write(lambda c: function_events.finish(c, "e0"))
    database.write(lambda c: function_events.postpone(c, "e1", n_attempts=1, due_at=60.0))
    database.write(lambda c: function_events.release(c, now=5.0))
    claimed = database.write(lambda c: function_events.claim(c, now=5.0, lease_s=10.0, limit=5))
    assert sorted((event.id, event.n_attempts) for event in claimed) == [("e1", 1), ("e2", 0)]
