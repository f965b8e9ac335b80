"""Brute force: after a few wrong passwords each further try has to wait longer.

Two counters are kept in the database, one per user name and one per address, so that neither a restart nor
a second server forgets them. An attempt is charged before the password is looked at; a hundred guesses sent
at once therefore count as a hundred. The user name is stored hashed, since people type passwords there.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.portal.http import Refusal
from labelwright.store.db import Database
from labelwright.store.directory_tables import throttles

__all__ = ["Throttle", "delay_s"]

# Tries that cost nothing, and the longest wait. An address may stand for a whole office behind one router.
_LIMITS = {"user": (5, 300.0), "ip": (100, 900.0)}
# Counters fade when nobody failed for so long after the last wait.
_FORGET_S = 3600.0


def delay_s(n_failures: int, *, n_free: int, longest_s: float) -> float:
    """Seconds to wait after so many failures in a row.

    Examples
    --------
    >>> [delay_s(n, n_free=5, longest_s=300.0) for n in (4, 5, 6, 7, 99)]
    [0.0, 1.0, 2.0, 4.0, 300.0]
    """
    if n_failures < n_free:
        return 0.0
    return min(longest_s, 2.0 ** min(n_failures - n_free, 60))


class Throttle:
    """Counts failed sign-ins.

    Parameters
    ----------
    database : Database
    clock : callable
        Epoch seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def charge(self, username: str, address: str) -> None:
        """Count an attempt as failed until `refund` says otherwise.

        Raises
        ------
        Refusal
            429 with Retry-After while either counter makes the caller wait; this costs no write.
        """
        keys = _keys(username, address)
        now = self._clock()
        wait_s = await self._database.aread(lambda c: _wait_s(c, keys, now))
        if wait_s <= 0.0:
            wait_s = await self._database.awrite(lambda c: _charge(c, keys, now))
        if wait_s > 0.0:
            seconds = math.ceil(wait_s)
            raise Refusal(
                429,
                "TooManyAttempts",
                f"Too many failed attempts. Wait {_words(seconds)} and try again.",
                headers=[(b"retry-after", str(seconds).encode())],
                extra={"retry_after_s": seconds},
            )

    async def refund(self, username: str, address: str) -> None:
        """The password was right: forget the user's failures, and take this one off the address."""
        user_key, address_key = _keys(username, address)

        def write(connection: Connection) -> None:
            connection.execute(throttles.delete().where(throttles.c.key == user_key))
            connection.execute(
                throttles.update()
                .where(throttles.c.key == address_key, throttles.c.n_failures > 0)
                .values(n_failures=throttles.c.n_failures - 1)
            )

        await self._database.awrite(write)


def _keys(username: str, address: str) -> tuple[str, str]:
    digest = hashlib.sha256(username.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"user:{digest}", f"ip:{_network(address)}"


def _network(address: str) -> str:
    # One household holds a whole /64 of IPv6 addresses.
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _wait_s(connection: Connection, keys: tuple[str, str], now: float) -> float:
    until = connection.execute(
        sa.select(sa.func.max(throttles.c.blocked_until)).where(throttles.c.key.in_(keys))
    ).scalar()
    return max(0.0, (until or 0.0) - now)


def _charge(connection: Connection, keys: tuple[str, str], now: float) -> float:
    connection.execute(throttles.delete().where(throttles.c.modified_at < now - 24 * 3600.0))
    found = {
        row.key: row
        for row in connection.execute(sa.select(throttles).where(throttles.c.key.in_(keys)).with_for_update())
    }
    # Looked at again under the writer's lock: others may have been charged since.
    wait_s = max((row.blocked_until - now for row in found.values()), default=0.0)
    if wait_s > 0.0:
        return wait_s
    for key in keys:
        n_free, longest_s = _LIMITS[key.partition(":")[0]]
        row = found.get(key)
        n_before = 0
        if row is not None and now <= max(row.blocked_until, row.modified_at) + _FORGET_S:
            n_before = row.n_failures
        wait_s = delay_s(n_before + 1, n_free=n_free, longest_s=longest_s)
        values = {
            "n_failures": n_before + 1,
            # Not just `now`: the second writer of two at once often has the earlier time.
            "blocked_until": now + wait_s if wait_s > 0.0 else 0.0,
            "modified_at": now,
        }
        if row is None:
            connection.execute(throttles.insert().values(key=key, **values))
        else:
            connection.execute(throttles.update().where(throttles.c.key == key).values(**values))
    return 0.0


def _words(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{math.ceil(seconds / 60)} minutes"
