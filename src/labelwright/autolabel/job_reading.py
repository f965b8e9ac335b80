"""Objects for programs beside the server: reading only, and without owning the store.

The embedded store belongs to one process, the server; others may look into its index and open its files. A
file is never changed once it is written, so what is read is whole; one that is renamed at this very moment is
looked up again. Nothing of the server is imported for that, which would take longer than many trainings.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Protocol

from labelwright.errors import BlobNotFound, InvalidRequest

__all__ = ["EmbeddedReader", "Reader", "open_reader"]

_ATTEMPTS = 5


class Reader(Protocol):
    """Reads whole objects; may be used from many threads."""

    def read(self, uri: str) -> bytes:
        """All bytes of an object.

        Raises
        ------
        labelwright.errors.BlobNotFound
        labelwright.errors.InvalidRequest
            For what is no S3 URI.
        """


def open_reader(data_dir: Path, object_store: str) -> Reader:
    """A reader of the server's objects.

    Parameters
    ----------
    data_dir : Path
        The server's data directory.
    object_store : str
        The server's setting: empty for the embedded store, else the S3-compatible store that the usual AWS
        variables lead to.
    """
    if not object_store:
        return EmbeddedReader(data_dir)
    from labelwright.blobs.external import ExternalBlobs
    from labelwright.credentials import RootCredentials
    from labelwright.s3.upstream import Upstream

    # Credentials are for signing links, which a reader does not do.
    return ExternalBlobs(Upstream.from_environment(object_store), RootCredentials("reader", "reader"))


class EmbeddedReader:
    """Reads the files of the embedded store.

    Parameters
    ----------
    data_dir : Path
    """

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "objects"
        self._index = data_dir / "objects.sqlite"
        self._local = threading.local()

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""
        scheme, _, rest = uri.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise InvalidRequest(
                f"{uri[:200]!r} is not an S3 URI; write s3://bucket/key.", field="uri", value=uri
            )
        for _ in range(_ATTEMPTS):
            row = (
                self._connection()
                .execute("SELECT staged FROM objects WHERE bucket = ? AND key = ?", (bucket, key))
                .fetchone()
            )
            if row is None:
                break
            places = [self._root / bucket / key] if row[0] is None else []
            if row[0] is not None:
                places += [self._root / ".unplaced" / row[0], self._root / bucket / key]
            for place in places:
                try:
                    return place.read_bytes()
                except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    continue
        raise BlobNotFound(f"There is no object {uri}.", kind="object", name=uri)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._index, timeout=30.0, isolation_level=None)
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
        return connection
