"""Portal sessions as rows, and the mark that ends cached ones at once.

The cookie's token is never stored, only its SHA-256. Portals keep sessions in memory for speed; whoever
ends sessions from anywhere in this process calls `delete_of_user` inside the transaction that disables,
deletes or re-passwords the user, and every cache of this database distrusts what it knows of that user.
"""

from __future__ import annotations

import dataclasses
import time
import weakref

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from labelwright.store.directory_tables import sessions, users

__all__ = ["SessionRow", "delete", "delete_expired", "delete_of_user", "find", "insert", "is_distrusted"]

# Longer than any transaction takes: until then the change may not be committed, so nothing read of this
# user is worth remembering.
_DISTRUST_S = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class SessionRow:
    """A valid session and whose it is. Times are epoch seconds."""

    user_id: str
    username: str
    email: str
    worker_code: str
    pool_id: str
    expires_at: float


_revoked_at: weakref.WeakKeyDictionary[Engine, dict[str, float]] = weakref.WeakKeyDictionary()


def insert(connection: Connection, *, token_sha256: str, user_id: str, now: float, expires_at: float) -> None:
    """Store a new session."""
    connection.execute(
        sessions.insert().values(
            token_sha256=token_sha256, user_id=user_id, created_at=now, expires_at=expires_at
        )
    )


def find(connection: Connection, token_sha256: str, *, now: float) -> SessionRow | None:
    """The session, when it has not run out and its user is enabled."""
    row = connection.execute(
        sa.select(
            users.c.id,
            users.c.username,
            users.c.email,
            users.c.worker_code,
            users.c.pool_id,
            sessions.c.expires_at,
        )
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.token_sha256 == token_sha256, sessions.c.expires_at > now, users.c.is_enabled)
    ).first()
    return None if row is None else SessionRow(*row)


def delete(connection: Connection, token_sha256: str) -> None:
    """End one session; nothing happens when it is gone already."""
    connection.execute(sessions.delete().where(sessions.c.token_sha256 == token_sha256))


def delete_expired(connection: Connection, *, now: float) -> None:
    """Remove the rows of sessions that have run out."""
    connection.execute(sessions.delete().where(sessions.c.expires_at <= now))


def delete_of_user(connection: Connection, user_id: str) -> None:
    """End all sessions of a user, in every portal of this process, as soon as the transaction commits."""
    connection.execute(sessions.delete().where(sessions.c.user_id == user_id))
    _revoked_at.setdefault(connection.engine, {})[user_id] = time.monotonic()


def is_distrusted(engine: Engine, user_id: str, *, read_at: float) -> bool:
    """Whether what was read of this user at ``read_at`` (``time.monotonic()``) may be out of date.

    Examples
    --------
    >>> is_distrusted(sa.create_engine("sqlite://"), "nobody", read_at=0.0)
    False
    """
    revoked = _revoked_at.get(engine)
    if not revoked:
        return False
    at = revoked.get(user_id)
    return at is not None and read_at <= at + _DISTRUST_S
