"""Revisions: the migrated database equals the tables in the code; what is newer, older or unknown."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from labelwright.cli import cli
from labelwright.errors import InvalidRequest
from labelwright.store import migrations, revision
from labelwright.store.db import Database
from labelwright.store.migrations import dump, first_statements
from labelwright.store.revision import FIRST, HEAD, current, prepare

Open = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens empty databases."""
    made: list[Database] = []
    schemas: list[str] = []
    url = os.environ.get("LABELWRIGHT_TEST_POSTGRES_URL", "")
    if request.param == "postgres" and not url:
        pytest.skip("set LABELWRIGHT_TEST_POSTGRES_URL to run this on PostgreSQL")
    server = sa.create_engine(url) if request.param == "postgres" else None

    def make() -> Database:
        if server is None:
            made.append(Database(f"sqlite:///{tmp_path / f'{len(made)}.sqlite'}"))
        else:
            schemas.append(f"revision_{uuid.uuid4().hex}")
            with server.begin() as connection:
                connection.execute(sa.schema.CreateSchema(schemas[-1]))
            made.append(Database(f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schemas[-1]}"))
        return made[-1]

    yield make
    for database in made:
        database.close()
    if server is not None:
        with server.begin() as connection:
            for schema in schemas:
                connection.execute(sa.schema.DropSchema(schema, cascade=True))
        server.dispose()


def described(database: Database) -> list[Any]:
    """Everything in the catalogue but the table with the revision."""
    if database.is_sqlite:
        queries = ["SELECT type, name, tbl_name, sql FROM sqlite_master"]
    else:
        own = "relnamespace = current_schema()::regnamespace"
        queries = [
            "SELECT table_name, column_name, data_type, is_nullable, "
            "regexp_replace(column_default, 'revision_[0-9a-f]+', '') "
            "FROM information_schema.columns WHERE table_schema = current_schema()",
            "SELECT tablename, regexp_replace(indexdef, 'revision_[0-9a-f]+', '') FROM pg_indexes "
            "WHERE schemaname = current_schema()",
            "SELECT relname, conname, regexp_replace(pg_get_constraintdef(c.oid), 'revision_[0-9a-f]+', '') "
            f"FROM pg_constraint c JOIN pg_class r ON r.oid = conrelid WHERE {own}",
            "SELECT relname, tgname, regexp_replace(pg_get_triggerdef(t.oid), 'revision_[0-9a-f]+', '', 'g') "
            f"FROM pg_trigger t JOIN pg_class r ON r.oid = tgrelid WHERE NOT tgisinternal AND {own}",
            "SELECT proname, prosrc, '', '' FROM pg_proc WHERE pronamespace = current_schema()::regnamespace",
        ]

    def read(connection: sa.Connection) -> list[Any]:
        rows = [[str(cell) for cell in row] for q in queries for row in connection.exec_driver_sql(q)]
        return sorted([" ".join(cell.split()) for cell in row] for row in rows)

    return [row for row in database.read(read) if "alembic_version" not in " ".join(row)]


def test_migrations_make_the_tables_that_are_in_the_code(opened: Open) -> None:
    made, migrated = opened(), opened()
    assert prepare(made) is None
    with migrated.engine.begin() as connection:
        migrations.upgrade(connection)
    assert described(migrated) == described(made)
    assert migrated.read(current) == made.read(current) == HEAD == migrations.known()[-1]
    assert migrations.known()[0] == FIRST
    assert prepare(made) is None and prepare(migrated) is None


@pytest.mark.skipif(HEAD != FIRST, reason="the first revision is history now")
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_first_revision_is_as_the_tables_are(dialect: str) -> None:
    pytest.importorskip("psycopg")
    assert sorted(first_statements(dialect)) == sorted(dump.statements(dialect)), (
        f"python -m labelwright.store.migrations.dump {dialect} > "
        f"src/labelwright/store/migrations/0001_{dialect}.sql"
    )


def test_a_database_from_before_revisions_is_completed(opened: Open) -> None:
    old, new = opened(), opened()
    prepare(new)
    with old.engine.begin() as connection:
        for statement in first_statements(connection.dialect.name):
            if "tuning" not in statement.partition("(")[0] and "outbox_of_tasks" not in statement:
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql("INSERT INTO event_cursors VALUES ('kept', 7, 1.0)")
    prepare(old)
    assert old.read(current) == HEAD
    assert described(old) == described(new)
    rows = old.read(lambda c: c.exec_driver_sql("SELECT name, position FROM event_cursors").all())
    assert [tuple(row) for row in rows] == [("kept", 7)]


def test_a_database_that_lost_its_revision_gets_it_again(opened: Open) -> None:
    database = opened()
    prepare(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    prepare(database)
    assert database.read(current) == HEAD


def test_other_tables_than_ours_are_refused(opened: Open) -> None:
    database = opened()
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE labeling_jobs (id INTEGER, colour TEXT)")
    with pytest.raises(InvalidRequest, match="labeling_jobs has no column arn"):
        prepare(database)
    assert database.read(current) is None


def test_tables_of_a_development_version_are_refused_whatever_revision_they_claim(opened: Open) -> None:
    database = opened()
    prepare(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE models RENAME COLUMN arn TO address")
    expected = r"models has no column arn; models has a column address\. A development version"
    with pytest.raises(InvalidRequest, match=expected):
        prepare(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE models RENAME COLUMN address TO arn")
    assert prepare(database) is None


def test_a_newer_database_is_refused(opened: Open) -> None:
    database = opened()
    prepare(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = described(database)
    with pytest.raises(InvalidRequest, match=r"revision 9999.*a newer version wrote it"):
        prepare(database)
    assert described(database) == before


def test_an_older_database_is_copied_and_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a revision of the test's behind ours."""
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "later.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\nrevision = '0002'\ndown_revision = '0001'\n"
        "def upgrade():\n    op.add_column('models', sa.Column('colour', sa.Text))\n"
    )
    ours = migrations.config

    def config(connection: Any = None) -> Any:
        made = ours(connection)
        made.set_main_option("path_separator", "newline")
        folders = f"{Path(migrations.__file__).parent / 'versions'}\n{versions}"
        made.set_main_option("version_locations", folders)
        return made

    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    try:
        prepare(database)
        monkeypatch.setattr(migrations, "config", config)
        monkeypatch.setattr(revision, "HEAD", "0002")
        with pytest.raises(InvalidRequest, match="labelwright db upgrade"):
            prepare(database, may_upgrade=False)
        assert prepare(database) == "0001"
        assert database.read(current) == "0002"
        [copy] = tmp_path.glob("x.sqlite.revision-0001.*")
        assert copy.stat().st_mode & 0o777 == 0o600
        with sqlite3.connect(copy) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        columns = database.read(lambda c: [col["name"] for col in sa.inspect(c).get_columns("models")])
        assert columns[-1] == "colour"
    finally:
        database.close()


def test_the_commands(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    run = CliRunner().invoke
    assert run(cli, ["db", "current", "--data", data]).exit_code != 0
    (tmp_path / "data").mkdir()
    assert "no revision" in run(cli, ["db", "current", "--data", data]).output
    assert "up to date" in run(cli, ["db", "upgrade", "--data", data]).output
    assert run(cli, ["db", "current", "--data", data, "--json"]).output.split() == [
        "{", '"revision":', f'"{HEAD}",', '"needed":', f'"{HEAD}"', "}",
    ]  # fmt: skip


def test_a_server_that_is_up_to_date_loads_no_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from labelwright.store.db import Database; "
        "from labelwright.store.revision import prepare; "
        f"prepare(Database('sqlite:///{tmp_path / 'x.sqlite'}')); print('alembic' in sys.modules)"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "False"
