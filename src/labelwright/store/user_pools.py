"""User pools of the built-in directory with their app clients and domains.

Every function takes the connection first; those that change something belong into a write.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import string
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labelwright.errors import Conflict, NameInUse, NotFound
from labelwright.store import passwords
from labelwright.store.directory_tables import user_pool_clients, user_pool_domains, user_pools, workforces

__all__ = [
    "ClientRow",
    "PoolRow",
    "create_client",
    "create_domain",
    "create_pool",
    "delete_client",
    "delete_domain",
    "delete_pool",
    "get_client",
    "get_domain",
    "get_pool",
    "list_clients",
    "list_pools",
    "pool_domain",
    "update_client",
    "update_pool",
]

_ALPHANUMERIC = string.ascii_letters + string.digits
_LOWER_ALPHANUMERIC = string.ascii_lowercase + string.digits


@dataclasses.dataclass(frozen=True, slots=True)
class PoolRow:
    """A user pool. ``settings`` are the members of ``UserPoolType`` that callers may set."""

    id: str
    region: str
    name: str
    settings: dict[str, Any]
    created_at: float
    modified_at: float

    @property
    def password_policy(self) -> dict[str, Any]:
        """``PasswordPolicyType`` with the defaults filled in."""
        given = self.settings.get("Policies", {}).get("PasswordPolicy", {})
        return {**passwords.DEFAULT_POLICY, **given}


@dataclasses.dataclass(frozen=True, slots=True)
class ClientRow:
    """An app client of a pool."""

    id: str
    pool_id: str
    name: str
    secret: str | None = dataclasses.field(repr=False)
    settings: dict[str, Any]
    created_at: float
    modified_at: float


def create_pool(
    connection: Connection, *, region: str, name: str, settings: Mapping[str, Any], now: float
) -> PoolRow:
    """A new user pool; names need not be unique, ids are."""
    pool_id = f"{region}_{''.join(secrets.choice(_ALPHANUMERIC) for _ in range(9))}"
    row = PoolRow(pool_id, region, name, dict(settings), now, now)
    connection.execute(
        user_pools.insert().values(
            id=row.id, region=region, name=name, settings=_dump(settings), created_at=now, modified_at=now
        )
    )
    return row


def get_pool(connection: Connection, pool_id: str) -> PoolRow:
    """The pool of this id.

    Raises
    ------
    NotFound
    """
    row = connection.execute(sa.select(user_pools).where(user_pools.c.id == pool_id)).first()
    if row is None:
        raise NotFound(f"User pool {pool_id} does not exist.", kind="user pool", name=pool_id)
    return _pool(row)


def list_pools(connection: Connection, region: str) -> list[PoolRow]:
    """The pools of a region, oldest first."""
    query = sa.select(user_pools).where(user_pools.c.region == region)
    rows = connection.execute(query.order_by(user_pools.c.created_at, user_pools.c.id))
    return [_pool(row) for row in rows]


def update_pool(
    connection: Connection, pool_id: str, *, settings: Mapping[str, Any], name: str | None = None, now: float
) -> PoolRow:
    """Replace the settings of a pool."""
    pool = get_pool(connection, pool_id)
    connection.execute(
        user_pools.update()
        .where(user_pools.c.id == pool_id)
        .values(settings=_dump(settings), name=name or pool.name, modified_at=now)
    )
    return get_pool(connection, pool_id)


def delete_pool(connection: Connection, pool_id: str) -> None:
    """Delete a pool with all that is in it.

    Raises
    ------
    NotFound
    Conflict
        While a workforce or a domain uses it.
    """
    get_pool(connection, pool_id)
    for name, config in connection.execute(
        sa.select(workforces.c.name, workforces.c.config).where(workforces.c.kind == "Cognito")
    ):
        if json.loads(config).get("UserPool") == pool_id:
            raise Conflict(
                f"User pool {pool_id} is used by workforce {name}; delete its work teams and the workforce "
                "first."
            )
    domain = pool_domain(connection, pool_id)
    if domain is not None:
        raise Conflict(
            f"User pool cannot be deleted. It has a domain configured ({domain}); delete that first."
        )
    connection.execute(user_pools.delete().where(user_pools.c.id == pool_id))


def create_client(
    connection: Connection,
    *,
    pool_id: str,
    name: str,
    with_secret: bool,
    settings: Mapping[str, Any],
    now: float,
) -> ClientRow:
    """A new app client of a pool."""
    get_pool(connection, pool_id)
    client_id = "".join(secrets.choice(_LOWER_ALPHANUMERIC) for _ in range(26))
    secret = "".join(secrets.choice(_LOWER_ALPHANUMERIC) for _ in range(51)) if with_secret else None
    connection.execute(
        user_pool_clients.insert().values(
            id=client_id,
            pool_id=pool_id,
            name=name,
            secret=secret,
            settings=_dump(settings),
            created_at=now,
            modified_at=now,
        )
    )
    return ClientRow(client_id, pool_id, name, secret, dict(settings), now, now)


def get_client(connection: Connection, pool_id: str, client_id: str) -> ClientRow:
    """The app client of this id in this pool.

    Raises
    ------
    NotFound
    """
    get_pool(connection, pool_id)
    row = connection.execute(
        sa.select(user_pool_clients).where(
            user_pool_clients.c.id == client_id, user_pool_clients.c.pool_id == pool_id
        )
    ).first()
    if row is None:
        raise NotFound(
            f"User pool client {client_id} does not exist.", kind="user pool client", name=client_id
        )
    return _client(row)


def list_clients(connection: Connection, pool_id: str) -> list[ClientRow]:
    """The app clients of a pool, oldest first."""
    get_pool(connection, pool_id)
    query = sa.select(user_pool_clients).where(user_pool_clients.c.pool_id == pool_id)
    rows = connection.execute(query.order_by(user_pool_clients.c.created_at, user_pool_clients.c.id))
    return [_client(row) for row in rows]


def update_client(
    connection: Connection,
    pool_id: str,
    client_id: str,
    *,
    settings: Mapping[str, Any],
    name: str | None = None,
    now: float,
) -> ClientRow:
    """Replace the settings of an app client."""
    client = get_client(connection, pool_id, client_id)
    connection.execute(
        user_pool_clients.update()
        .where(user_pool_clients.c.id == client_id)
        .values(settings=_dump(settings), name=name or client.name, modified_at=now)
    )
    return get_client(connection, pool_id, client_id)


def delete_client(connection: Connection, pool_id: str, client_id: str) -> None:
    """Delete an app client.

    Raises
    ------
    NotFound
    """
    get_client(connection, pool_id, client_id)
    connection.execute(user_pool_clients.delete().where(user_pool_clients.c.id == client_id))


def create_domain(connection: Connection, *, pool_id: str, domain: str) -> None:
    """Give a pool its domain; a domain belongs to one pool, a pool has at most one.

    Raises
    ------
    NotFound, NameInUse
    """
    get_pool(connection, pool_id)
    if get_domain(connection, domain) is not None:
        raise NameInUse(f"Domain {domain} is already associated with a user pool; choose another one.")
    own = pool_domain(connection, pool_id)
    if own is not None:
        raise NameInUse(f"User pool {pool_id} already has the domain {own}; delete that one first.")
    connection.execute(user_pool_domains.insert().values(domain=domain, pool_id=pool_id))


def get_domain(connection: Connection, domain: str) -> str | None:
    """Id of the pool that has this domain, or None."""
    pool_id: str | None = connection.scalar(
        sa.select(user_pool_domains.c.pool_id).where(user_pool_domains.c.domain == domain)
    )
    return pool_id


def pool_domain(connection: Connection, pool_id: str) -> str | None:
    """The domain of a pool, or None."""
    domain: str | None = connection.scalar(
        sa.select(user_pool_domains.c.domain).where(user_pool_domains.c.pool_id == pool_id)
    )
    return domain


def delete_domain(connection: Connection, *, pool_id: str, domain: str) -> None:
    """Take the domain away from a pool.

    Raises
    ------
    NotFound
    """
    if get_domain(connection, domain) != pool_id:
        raise NotFound(f"User pool {pool_id} has no domain {domain}.", kind="domain", name=domain)
    connection.execute(user_pool_domains.delete().where(user_pool_domains.c.domain == domain))


def _pool(row: Row[Any]) -> PoolRow:
    return PoolRow(row.id, row.region, row.name, json.loads(row.settings), row.created_at, row.modified_at)


def _client(row: Row[Any]) -> ClientRow:
    settings = json.loads(row.settings)
    return ClientRow(row.id, row.pool_id, row.name, row.secret, settings, row.created_at, row.modified_at)


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
