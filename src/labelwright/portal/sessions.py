"""Sessions: a random token in a cookie, its hash in the database, and a memory that spares the look-up."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
import time
from collections.abc import Callable

from sqlalchemy.engine import Connection

from labelwright.errors import LabelwrightError
from labelwright.portal.http import Headers, Request
from labelwright.store import sessions as rows
from labelwright.store.db import Database
from labelwright.store.sessions import SessionRow

__all__ = ["COOKIE_NAME", "SESSION_S", "NotSignedIn", "Sessions", "token_of"]

COOKIE_NAME = "labelwright_session"
SESSION_S = 12 * 3600.0

# How long the memory is believed without a look at the database. Sessions ended by this process end at once
# (see `labelwright.store.sessions`); this bounds how long one ended by another server of a team lives on.
_TRUST_S = 10.0
_MAX_REMEMBERED = 20_000


class NotSignedIn(LabelwrightError):
    """The request carries no valid session."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Remembered:
    row: SessionRow
    read_at: float  # time.monotonic()


class Sessions:
    """All sessions of this portal.

    Parameters
    ----------
    database : Database
    clock : callable
        Epoch seconds, for when a session runs out.
    is_secure : bool
        Whether the cookie is for https alone.
    """

    def __init__(self, database: Database, clock: Callable[[], float], *, is_secure: bool) -> None:
        self._database = database
        self._clock = clock
        self._is_secure = is_secure
        self._remembered: dict[str, _Remembered] = {}

    async def current(self, request: Request) -> SessionRow:
        """The session of a request; no database read when it was used a moment ago.

        Raises
        ------
        NotSignedIn
            Without a cookie, with an unknown or run-out one, or when the user was disabled.
        """
        token = token_of(request)
        if token is None:
            raise NotSignedIn("Sign in first.")
        key = _hash(token)
        now = self._clock()
        remembered = self._remembered.get(key)
        if remembered is not None and self._is_believed(remembered, now):
            return remembered.row
        read_at = time.monotonic()
        row = await self._database.aread(lambda c: rows.find(c, key, now=now))
        if row is None:
            self._remembered.pop(key, None)
            raise NotSignedIn("Your session has ended. Sign in again; what you have entered is kept.")
        self._remember(key, _Remembered(row, read_at))
        return row

    async def begin(self, user_id: str) -> Headers:
        """Start a session, durably.

        Returns
        -------
        list of (bytes, bytes)
            The header that sets the cookie.
        """
        token = secrets.token_urlsafe(32)
        now = self._clock()

        def write(connection: Connection) -> None:
            rows.delete_expired(connection, now=now)
            rows.insert(
                connection, token_sha256=_hash(token), user_id=user_id, now=now, expires_at=now + SESSION_S
            )

        await self._database.awrite(write)
        return [self._cookie(token, max_age_s=int(SESSION_S))]

    async def end(self, request: Request) -> Headers:
        """End the request's session, if it has one; gives the header that removes the cookie."""
        token = token_of(request)
        if token is not None:
            key = _hash(token)
            await self._database.awrite(lambda c: rows.delete(c, key))
            self._remembered.pop(key, None)
        return [self._cookie("", max_age_s=0)]

    def _is_believed(self, remembered: _Remembered, now: float) -> bool:
        row = remembered.row
        return (
            row.expires_at > now
            and time.monotonic() - remembered.read_at < _TRUST_S
            and not rows.is_distrusted(self._database.engine, row.user_id, read_at=remembered.read_at)
        )

    def _remember(self, key: str, remembered: _Remembered) -> None:
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = remembered

    def _cookie(self, value: str, *, max_age_s: int) -> tuple[bytes, bytes]:
        # Strict: the portal's page fetches its data itself, so arriving from a link in a mail works too.
        text = f"{COOKIE_NAME}={value}; Path=/portal; Max-Age={max_age_s}; HttpOnly; SameSite=Strict"
        return (b"set-cookie", (text + "; Secure" if self._is_secure else text).encode())


def token_of(request: Request) -> str | None:
    """The session token that the request's cookies carry, if any."""
    cookies = request.headers.get("cookie")
    if cookies is None:
        return None
    for pair in cookies.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE_NAME:
            return value or None
    return None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
