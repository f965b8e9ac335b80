"""Who delivers to a sink when several servers share a PostgreSQL database: the one that holds its lock.

Without it each server would send every event. The lock is an advisory one of a database session, so it ends
with the session, however that ends. On SQLite there is one server, and nothing to claim.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from labelwright.store.db import Database

__all__ = ["Claim"]


class Claim:
    """The right to deliver to a sink.

    Parameters
    ----------
    database : Database
    name : str
        Of the sink.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._key = int.from_bytes(hashlib.sha256(f"labelwright/{name}".encode()).digest()[:8], signed=True)
        self._connection: Connection | None = None

    def holds(self) -> bool:
        """Whether this process may deliver now; tries to become the one that may."""
        if self._database.is_sqlite:
            return True
        try:
            if self._connection is not None:
                self._connection.execute(sa.text("SELECT 1"))
                self._connection.commit()
                return True
            connection = self._database.engine.connect()
            query = sa.text("SELECT pg_try_advisory_lock(:key)")
            is_ours = bool(connection.execute(query, {"key": self._key}).scalar())
            connection.commit()
            if is_ours:
                self._connection = connection
            else:
                connection.close()
            return is_ours
        except sa.exc.DBAPIError:
            self.close()
            raise

    def close(self) -> None:
        """Give the claim back."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": self._key})
            connection.commit()
        except sa.exc.SQLAlchemyError:
            connection.invalidate()  # the lock goes with the session
        connection.close()
