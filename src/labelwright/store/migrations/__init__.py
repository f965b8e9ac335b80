"""Migrations of the database, one Alembic tree for SQLite and PostgreSQL.

``versions/0001_first.py`` makes the tables from ``0001_sqlite.sql`` or ``0001_postgresql.sql``, which are
frozen. A change of the tables needs a revision behind it, and `labelwright.store.revision.HEAD` names it; a
test holds that an empty database that is migrated equals one that is made from the tables in the code.

New revisions add; what is no longer needed goes one release later, so that a server of the release before
can still be started.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.errors import InvalidRequest

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["complete_first", "first_statements", "known", "upgrade"]

_FOLDER = Path(__file__).parent
_BETWEEN = "\n;;\n"
_OBJECT = re.compile(
    r"CREATE (?:OR REPLACE )?(?:UNIQUE )?(?P<kind>TABLE|INDEX|TRIGGER|FUNCTION) (?P<name>\w+)"
)
_COLUMN = re.compile(r'^\t"?([a-z_0-9]+)"? ', re.MULTILINE)


def first_statements(dialect: str) -> Sequence[str]:
    """What makes the tables of the first revision.

    Parameters
    ----------
    dialect : str
        ``sqlite`` or ``postgresql``.
    """
    text = (_FOLDER / f"0001_{dialect}.sql").read_text()
    return [statement.strip() for statement in text.strip().split(_BETWEEN)]


def config(connection: Connection | None = None) -> Config:
    """What Alembic is told."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def known() -> list[str]:
    """The revisions that there are, oldest first."""
    from alembic.script import ScriptDirectory

    found = ScriptDirectory.from_config(config()).walk_revisions()
    return [script.revision for script in found][::-1]


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Migrate in the transaction that is open on a connection."""
    from alembic import command

    command.upgrade(config(connection), revision)


def complete_first(connection: Connection, *, shown: str) -> None:
    """Bring a database from before there were revisions to the first one: make what is missing of it.

    Raises
    ------
    InvalidRequest
        When a table has other columns than it had then.
    """
    present = _present(connection)
    differences = [
        text
        for statement in first_statements(connection.dialect.name)
        for text in _differences(connection, statement, present)
    ]
    if differences:
        raise InvalidRequest(
            f"The database {shown} has no revision, and its tables are not those of the first one: "
            f"{'; '.join(differences[:5])}. An older development version made it: use that version, or begin "
            "with another data directory or database.",
            field="database_url",
        )
    for statement in first_statements(connection.dialect.name):
        kind, name = _named(statement)
        if kind == "FUNCTION" or name not in present:
            connection.exec_driver_sql(statement)


def _named(statement: str) -> tuple[str, str]:
    found = _OBJECT.match(statement)
    if found is None:
        raise ValueError(statement[:80])
    return found.group("kind"), found.group("name")


def _differences(connection: Connection, statement: str, present: frozenset[str]) -> Iterator[str]:
    kind, name = _named(statement)
    if kind != "TABLE" or name not in present:
        return
    wanted = set(_COLUMN.findall(statement))
    there = {column["name"] for column in sa.inspect(connection).get_columns(name)}
    for column in sorted(wanted - there):
        yield f"{name} has no column {column}"
    for column in sorted(there - wanted):
        yield f"{name} has a column {column}"


def _present(connection: Connection) -> frozenset[str]:
    """Names of tables, indexes and triggers."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master"
    else:
        query = (
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
            "UNION SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE relnamespace = current_schema()::regnamespace"
        )
    return frozenset(connection.exec_driver_sql(query).scalars())
