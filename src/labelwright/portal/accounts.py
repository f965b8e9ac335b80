"""Signing in, and replacing a password.

An unknown name, a wrong password and a disabled user's wrong password get the same answer in the same time.
Hashing runs in threads, a few at a time: each needs tens of megabytes and a core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labelwright.errors import InvalidRequest
from labelwright.portal.http import Headers, Refusal
from labelwright.portal.sessions import SESSION_S, Sessions
from labelwright.portal.throttle import Throttle
from labelwright.store import directory, passwords
from labelwright.store.db import Database
from labelwright.store.directory import UserRow
from labelwright.store.sessions import SessionRow
from labelwright.store.user_pools import get_pool

__all__ = ["Accounts"]

_MAX_HASHES = 2


class Accounts:
    """Workers' accounts as the portal sees them."""

    def __init__(
        self, database: Database, clock: Callable[[], float], sessions: Sessions, throttle: Throttle
    ) -> None:
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._throttle = throttle
        self._hashing = asyncio.Semaphore(_MAX_HASHES)

    async def sign_in(self, *, username: str, password: str, address: str) -> tuple[SessionRow, Headers]:
        """Start a session.

        Returns
        -------
        (SessionRow, headers)
            Who it is, and the header that sets the cookie.

        Raises
        ------
        Refusal
            401 for a wrong name or password or an account that cannot sign in; 409 NewPasswordRequired when
            the password is a temporary one; 429 after too many failures.
        """
        user = await self._authenticate(username, password, address)
        if user.is_password_temporary:
            pool = await self._database.aread(lambda c: get_pool(c, user.pool_id))
            raise Refusal(
                409,
                "NewPasswordRequired",
                "This is a temporary password. Choose your own one to go on.",
                extra={"rules": _rules(pool.password_policy)},
            )
        return await self._begin(user)

    async def change_password(
        self, *, username: str, password: str, new_password: str, address: str
    ) -> tuple[SessionRow, Headers]:
        """Replace a temporary or a permanent password, end the user's other sessions, start a new one.

        Raises
        ------
        Refusal
            As `sign_in`, without 409.
        InvalidRequest
            When the new password breaks the pool's rules; ``field`` is ``new_password``.
        """
        user = await self._authenticate(username, password, address)
        if new_password == password:
            raise InvalidRequest(
                "The new password is the old one; choose another.", field="new_password", rule="differs"
            )
        pool = await self._database.aread(lambda c: get_pool(c, user.pool_id))
        try:
            passwords.check_policy(new_password, pool.password_policy)
        except InvalidRequest as error:
            raise InvalidRequest(
                f"{error.message} Choose another one.", field="new_password", rule=error.rule
            ) from error
        async with self._hashing:
            prepared = await asyncio.to_thread(directory.prepare, new_password)
        now = self._clock()
        await self._database.awrite(
            lambda c: directory.set_password(c, user.id, prepared, permanent=True, now=now)
        )
        return await self._begin(user)

    async def _authenticate(self, username: str, password: str, address: str) -> UserRow:
        await self._throttle.charge(username, address)
        candidates = await self._database.aread(lambda c: directory.find_users(c, username))
        user = await self._matching(candidates, password)
        if user is None:
            raise Refusal(401, "NotAuthorized", "The user name or the password is wrong.")
        await self._throttle.refund(username, address)
        # From here on the caller has proved to be the user, so the plain reason gives nothing away.
        if not user.is_enabled:
            raise Refusal(401, "UserDisabled", "This account is disabled. Ask the person who invited you.")
        if user.is_password_temporary:
            if directory.is_temporary_password_over(user, self._clock()):
                raise Refusal(
                    401,
                    "TemporaryPasswordExpired",
                    "The temporary password has run out. Ask the person who invited you to send a new one.",
                )
        elif user.status != "CONFIRMED":
            raise Refusal(
                401,
                "AccountNotReady",
                f"This account cannot sign in (status {user.status}). Ask the person who invited you.",
            )
        return user

    async def _matching(self, candidates: Sequence[UserRow], password: str) -> UserRow | None:
        """The candidate whose password this is; the same work is done when there is none."""
        everyone: Sequence[UserRow | None] = candidates or [None]
        for user in everyone:
            async with self._hashing:
                if await asyncio.to_thread(directory.verify_password, user, password):
                    return user
        return None

    async def _begin(self, user: UserRow) -> tuple[SessionRow, Headers]:
        headers = await self._sessions.begin(user.id)
        row = SessionRow(
            user_id=user.id,
            username=user.username,
            email=user.email,
            worker_code=user.worker_code,
            pool_id=user.pool_id,
            expires_at=self._clock() + SESSION_S,
        )
        return row, headers


def _rules(policy: Mapping[str, Any]) -> dict[str, object]:
    """The pool's rules for passwords, for the page that asks for a new one."""
    return {
        "min_length": policy["MinimumLength"],
        "uppercase": policy["RequireUppercase"],
        "lowercase": policy["RequireLowercase"],
        "numbers": policy["RequireNumbers"],
        "symbols": policy["RequireSymbols"],
    }
