"""The index: what is known about buckets, objects and uploads, in ``objects.sqlite``.

Reads go through plain `sqlite3` connections (a point query must cost microseconds), writes through
`labelwright.store.db.Database`, which commits them in groups. Functions that write take the connection of
such a write; all that they do becomes durable together.

Where an object's bytes are is part of its row, see `labelwright.s3.files`: ``place`` says whether they are
at the path of the key, still on their way there, or stay under their own name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.errors import LabelwrightError
from labelwright.store.db import Database

__all__ = [
    "AT_KEY",
    "MOVING",
    "OWN_NAME",
    "BucketRow",
    "Index",
    "ObjectRow",
    "delete_object",
    "get_object",
    "object_row",
    "put_object",
]

AT_KEY = 0
"""The bytes are at ``<bucket>/<key>``."""
MOVING = 1
"""Committed; the bytes are at ``.unplaced/<staged>`` until they are renamed to ``<bucket>/<key>``."""
OWN_NAME = 2
"""The bytes stay at ``.unplaced/<staged>``: the key is no usable path, or another key has its place."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, region TEXT NOT NULL, created_at REAL NOT NULL, documents TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_at REAL NOT NULL, place INTEGER NOT NULL, staged TEXT, content_type TEXT NOT NULL,
    details TEXT, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_unsettled ON objects (place) WHERE place = 1;
CREATE INDEX IF NOT EXISTS objects_staged ON objects (staged) WHERE staged IS NOT NULL;
CREATE TABLE IF NOT EXISTS removed (
    bucket TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    upload_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, initiated_at REAL NOT NULL,
    content_type TEXT NOT NULL, details TEXT, algorithm TEXT, checksum_type TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_key ON uploads (bucket, key, upload_id);
CREATE TABLE IF NOT EXISTS parts (
    upload_id TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_at REAL NOT NULL, checksums TEXT, staged TEXT NOT NULL, PRIMARY KEY (upload_id, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parts_staged ON parts (staged)
"""

_COLUMNS = "bucket, key, size, etag, modified_at, place, staged, content_type, details"


@dataclasses.dataclass(frozen=True, slots=True)
class BucketRow:
    """A bucket. ``documents`` holds its sub-resources (``cors``, ``tagging``) as JSON values."""

    name: str
    region: str
    created_at: float
    documents: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectRow:
    """An object as the index knows it.

    Attributes
    ----------
    etag : str
        Without quotes; hex MD5, or ``<md5 of md5s>-<parts>``.
    modified_at : float
        Epoch seconds, to the millisecond.
    place, staged
        Where the bytes are.
    details : str or None
        JSON text of an object with ``headers``, ``metadata``, ``checksums``, ``parts`` and ``tags``, each
        only when there is something in it; parsed by `parsed` when needed.
    """

    bucket: str
    key: str
    size: int
    etag: str
    modified_at: float
    place: int
    staged: str | None
    content_type: str
    details: str | None

    @property
    def parsed(self) -> dict[str, Any]:
        """``details`` as a dictionary, empty when there are none."""
        return json.loads(self.details) if self.details else {}


def object_row(values: Sequence[Any]) -> ObjectRow:
    """Row of a SELECT over all columns."""
    return ObjectRow(*values)


def get_object(connection: Connection, bucket: str, key: str) -> ObjectRow | None:
    """The object inside a write; None when there is none."""
    values = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key = ?",  # noqa: S608 - constant columns
        (bucket, key),
    ).first()
    return None if values is None else ObjectRow(*values)


def put_object(connection: Connection, row: ObjectRow) -> None:
    """Insert or replace."""
    connection.exec_driver_sql(
        f"INSERT OR REPLACE INTO objects ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            row.bucket,
            row.key,
            row.size,
            row.etag,
            row.modified_at,
            row.place,
            row.staged,
            row.content_type,
            row.details,
        ),
    )


def delete_object(connection: Connection, bucket: str, key: str) -> None:
    """Delete the row and note that a file may be left at the path of the key."""
    connection.exec_driver_sql("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key))
    connection.exec_driver_sql("INSERT OR IGNORE INTO removed (bucket, key) VALUES (?, ?)", (bucket, key))


class Index:
    """The open index.

    Parameters
    ----------
    path : Path
        Of ``objects.sqlite``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.database = Database(f"sqlite:///{path}")
        self._idle: deque[sqlite3.Connection] = deque()
        self._is_closed = False
        self.database.write(_create)

    def close(self) -> None:
        """Finish writes and close all connections."""
        self._is_closed = True
        self.database.close()
        while self._idle:
            self._idle.pop().close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for a few SELECTs; any thread."""
        connection = self._take()
        try:
            yield connection
        finally:
            self._give(connection)

    def object(self, bucket: str, key: str) -> ObjectRow | None:
        """The object, None when there is none."""
        connection = self._take()
        try:
            values = connection.execute(
                f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key = ?",  # noqa: S608
                (bucket, key),
            ).fetchone()
        finally:
            self._give(connection)
        return None if values is None else ObjectRow(*values)

    def rows_from(
        self, bucket: str, start: str, *, is_inclusive: bool, end: str | None, limit: int
    ) -> list[ObjectRow]:
        """Objects in key order from ``start`` up to ``end`` (not included), at most ``limit``."""
        compare = ">=" if is_inclusive else ">"
        sql = f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key {compare} ?"  # noqa: S608
        arguments: list[Any] = [bucket, start]
        if end is not None:
            sql += " AND key < ?"
            arguments.append(end)
        with self.reading() as connection:
            rows = connection.execute(f"{sql} ORDER BY key LIMIT ?", [*arguments, limit]).fetchall()
        return [ObjectRow(*values) for values in rows]

    def bucket(self, name: str) -> BucketRow | None:
        """The bucket, None when there is none."""
        with self.reading() as connection:
            values = connection.execute(
                "SELECT name, region, created_at, documents FROM buckets WHERE name = ?", (name,)
            ).fetchone()
        return None if values is None else _bucket_row(values)

    def buckets(self) -> list[BucketRow]:
        """All buckets by name."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT name, region, created_at, documents FROM buckets ORDER BY name"
            ).fetchall()
        return [_bucket_row(values) for values in rows]

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        if self._is_closed:
            raise LabelwrightError("The object store is closed; start the server again.")
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30.0)
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA cache_size=-8000")
        connection.execute("PRAGMA mmap_size=268435456")
        return connection

    def _give(self, connection: sqlite3.Connection) -> None:
        if self._is_closed:
            connection.close()
        else:
            self._idle.append(connection)


def _create(connection: Connection) -> None:
    for statement in _SCHEMA.split(";"):
        connection.exec_driver_sql(statement)


def _bucket_row(values: Sequence[Any]) -> BucketRow:
    name, region, created_at, documents = values
    return BucketRow(name, region, created_at, json.loads(documents) if documents else {})
