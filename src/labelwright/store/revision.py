"""Which revision a database has, and bringing it to the one that this version of the program needs.

::

    empty ──make tables──> HEAD             unknown revision ──> refused: a newer program wrote it
    older ──copy, migrations──> HEAD        no revision ──compare, complete──> FIRST ──> as an older one

A database at `HEAD` costs two queries at start: its revision, and the columns of its tables, which may be
those of a development version that called itself the same. Alembic is loaded only where there is something to
migrate (`labelwright.store.migrations`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.errors import InvalidRequest
from labelwright.store.db import Database

__all__ = ["FIRST", "HEAD", "current", "prepare"]

FIRST = "0001"
"""The first revision; databases from before there were revisions are compared with it."""

HEAD = "0001"
"""The revision of the tables as they are in the code."""

_log = logging.getLogger(__name__)

_LOCK = 0x6C776372  # of an advisory lock; `Database.create_all` takes the same: "lwcr"
_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), primary_key=True),
)


def current(connection: Connection) -> str | None:
    """The revision of a database; None when it has none."""
    if not sa.inspect(connection).has_table(_version.name):
        return None
    found: str | None = connection.execute(sa.select(_version.c.version_num)).scalar()
    return found


def prepare(database: Database, *, may_upgrade: bool = True) -> str | None:
    """Make the tables, or migrate them, unless they are as they must be.

    Parameters
    ----------
    database : Database
    may_upgrade : bool
        Whether an older database is migrated; otherwise it is refused.

    Returns
    -------
    str or None
        The revision it had before, when it was migrated.

    Raises
    ------
    InvalidRequest
        A newer program wrote it, or it cannot be reached, or its tables are not those of any revision.
    """
    try:
        with database.engine.connect() as connection:
            found = current(connection)
            differences = _differences(connection) if found == HEAD else []
    except sa.exc.OperationalError as error:
        raise InvalidRequest(
            f"The database {_shown(database)} cannot be opened: {str(error.orig).strip()}",
            field="database_url",
        ) from error
    if differences:
        raise InvalidRequest(
            f"The database {_shown(database)} says that it has the revision {HEAD}, and its tables are not "
            f"those of it: {'; '.join(differences[:5])}. A development version made it: use that version, or "
            "begin with another data directory or database.",
            field="database_url",
        )
    return None if found == HEAD else _bring(database, may_upgrade)


def _differences(connection: Connection) -> list[str]:
    """What columns are missing and which are too many, of the tables that the code has."""
    from labelwright.store.tables import metadata

    if connection.dialect.name == "sqlite":
        query = (
            "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS c "
            "WHERE m.type = 'table'"
        )
    else:
        query = (
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema()"
        )
    there = {(table, column) for table, column in connection.exec_driver_sql(query)}
    wanted = {(table.name, column.name) for table in metadata.tables.values() for column in table.columns}
    return [
        *(f"{table} has no column {column}" for table, column in sorted(wanted - there)),
        *(
            f"{table} has a column {column}"
            for table, column in sorted(there - wanted)
            if table in metadata.tables
        ),
    ]


def _bring(database: Database, may_upgrade: bool) -> str | None:
    writer = database.engine.connect().execution_options(labelwright_writer=True)
    with writer as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            # Servers that start at once must not do it twice.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        found = current(connection)
        if found == HEAD:
            return None
        if found is None and not _has_tables(connection):
            from labelwright.store.tables import metadata

            metadata.create_all(connection)
            _version.create(connection, checkfirst=True)
            connection.execute(sa.insert(_version), {"version_num": HEAD})
            return None
        from labelwright.store import migrations

        if found is None:
            migrations.complete_first(connection, shown=_shown(database))
            _version.create(connection, checkfirst=True)
            connection.execute(sa.insert(_version), {"version_num": FIRST})
            _log.info("the database got its first revision", extra={"action": "migrate", "revision": FIRST})
            found = FIRST
            if found == HEAD:
                return None
        elif found not in migrations.known():
            raise InvalidRequest(
                f"The database {_shown(database)} has the revision {found}, and this version of Labelwright "
                f"knows revisions up to {HEAD}: a newer version wrote it. Start that version, or use a copy "
                "of the database from before it.",
                field="database_url",
                value=found,
            )
        if not may_upgrade:
            raise InvalidRequest(
                f"The database {_shown(database)} has the revision {found} and needs {HEAD}. Start the "
                "server, which migrates it, or run `labelwright db upgrade`.",
                field="database_url",
                value=found,
            )
        copy = _copied(database, found)
        migrations.upgrade(connection)
    _log.warning(
        "the database was migrated",
        extra={"action": "migrate", "from": found, "to": HEAD, "copy": str(copy or "")},
    )
    return found


def _has_tables(connection: Connection) -> bool:
    return sa.inspect(connection).has_table("labeling_jobs")


def _copied(database: Database, revision: str) -> Path | None:
    """A copy of an embedded database as it is now; others are copied by who looks after them."""
    path = database.engine.url.database
    if not database.is_sqlite or not path or path == ":memory:":
        return None
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    copy = Path(f"{path}.revision-{revision}.{at}")
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(path)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy


def _shown(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=True)
