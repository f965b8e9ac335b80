"""The built-in user directory: groups and users of user pools.

It looks like Amazon Cognito from outside; here are only the rows and the rules that keep them sound. Every
function takes the connection first; those that change something belong into a write.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labelwright.errors import (
    Conflict,
    GroupExists,
    InvalidRequest,
    NotFound,
    UserExists,
    UserNotFound,
)
from labelwright.store import passwords
from labelwright.store.directory_tables import (
    group_members,
    user_groups,
    users,
    workteam_groups,
)
from labelwright.store.passwords import PreparedPassword, prepare
from labelwright.store.sessions import delete_of_user
from labelwright.store.user_pools import PoolRow, get_pool

__all__ = [
    "GroupRow",
    "PreparedPassword",
    "UserRow",
    "add_to_group",
    "count_users",
    "create_group",
    "create_user",
    "delete_group",
    "delete_user",
    "find_users",
    "get_group",
    "get_user",
    "groups_of_user",
    "is_temporary_password_over",
    "list_groups",
    "list_users",
    "prepare",
    "remove_from_group",
    "set_enabled",
    "set_password",
    "teams_of_user",
    "user_named",
    "usernames",
    "verify_password",
]

DAY_S = 86400.0


@dataclasses.dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of users of a pool."""

    pool_id: str
    name: str
    description: str
    precedence: int | None
    role_arn: str | None
    created_at: float
    modified_at: float


@dataclasses.dataclass(frozen=True, slots=True)
class UserRow:
    """A user of a pool.

    Attributes
    ----------
    id : str
        The ``sub``, a UUID; what tasks and sessions call the worker id.
    worker_code : str
        16 hex digits; outputs show ``private.<region>.<worker_code>``.
    status : str
        ``FORCE_CHANGE_PASSWORD`` until the temporary password is replaced, then ``CONFIRMED``.
    temporary_until : float or None
        End of the temporary password's validity, epoch seconds; None when the password is permanent.
    """

    id: str
    pool_id: str
    username: str
    worker_code: str
    email: str
    attributes: dict[str, str]
    password_hash: str | None = dataclasses.field(repr=False)
    status: str
    is_enabled: bool
    temporary_until: float | None
    created_at: float
    modified_at: float

    @property
    def region(self) -> str:
        """The region of the user's pool."""
        return self.pool_id.rpartition("_")[0]

    @property
    def is_password_temporary(self) -> bool:
        """Whether the next sign-in must set a new password."""
        return self.status == "FORCE_CHANGE_PASSWORD"


# ------------------------------------------------------------------------------------------------ groups


def create_group(
    connection: Connection,
    *,
    pool_id: str,
    name: str,
    description: str = "",
    precedence: int | None = None,
    role_arn: str | None = None,
    now: float,
) -> GroupRow:
    """A new group of a pool.

    Raises
    ------
    NotFound, GroupExists
    """
    get_pool(connection, pool_id)
    if _find_group(connection, pool_id, name) is not None:
        raise GroupExists(f"A group with the name {name} already exists in user pool {pool_id}.")
    row = GroupRow(pool_id, name, description, precedence, role_arn, now, now)
    connection.execute(user_groups.insert().values(dataclasses.asdict(row)))
    return row


def get_group(connection: Connection, pool_id: str, name: str) -> GroupRow:
    """The group of this name.

    Raises
    ------
    NotFound
    """
    get_pool(connection, pool_id)
    group = _find_group(connection, pool_id, name)
    if group is None:
        raise NotFound(f"Group {name} not found in user pool {pool_id}.", kind="group", name=name)
    return group


def list_groups(connection: Connection, pool_id: str) -> list[GroupRow]:
    """The groups of a pool by name."""
    get_pool(connection, pool_id)
    query = sa.select(user_groups).where(user_groups.c.pool_id == pool_id).order_by(user_groups.c.name)
    return [GroupRow(*row) for row in connection.execute(query)]


def delete_group(connection: Connection, pool_id: str, name: str) -> None:
    """Delete a group; its users stay.

    Raises
    ------
    NotFound
    Conflict
        While the group backs a work team.
    """
    get_group(connection, pool_id, name)
    arn = connection.scalar(
        sa.select(workteam_groups.c.workteam_arn).where(
            workteam_groups.c.pool_id == pool_id, workteam_groups.c.group_name == name
        )
    )
    if arn is not None:
        raise Conflict(f"Group {name} backs the work team {arn}; delete the work team first.")
    connection.execute(
        user_groups.delete().where(user_groups.c.pool_id == pool_id, user_groups.c.name == name)
    )


def add_to_group(connection: Connection, user: UserRow, group_name: str) -> None:
    """Make the user a member; doing so twice is fine.

    Raises
    ------
    NotFound
        No such group in the user's pool.
    """
    get_group(connection, user.pool_id, group_name)
    member = {"pool_id": user.pool_id, "group_name": group_name, "user_id": user.id}
    if connection.execute(sa.select(group_members).filter_by(**member)).first() is None:
        connection.execute(group_members.insert().values(member))


def remove_from_group(connection: Connection, user: UserRow, group_name: str) -> None:
    """End the membership; without one this does nothing.

    Raises
    ------
    NotFound
        No such group in the user's pool.
    """
    get_group(connection, user.pool_id, group_name)
    connection.execute(
        group_members.delete().where(
            group_members.c.pool_id == user.pool_id,
            group_members.c.group_name == group_name,
            group_members.c.user_id == user.id,
        )
    )


def groups_of_user(connection: Connection, user_id: str) -> list[GroupRow]:
    """The groups of a user by name."""
    query = (
        sa.select(user_groups)
        .join(
            group_members,
            sa.and_(
                group_members.c.pool_id == user_groups.c.pool_id,
                group_members.c.group_name == user_groups.c.name,
            ),
        )
        .where(group_members.c.user_id == user_id)
        .order_by(user_groups.c.name)
    )
    return [GroupRow(*row) for row in connection.execute(query)]


# ------------------------------------------------------------------------------------------------- users


def create_user(
    connection: Connection,
    *,
    pool_id: str,
    username: str,
    email: str = "",
    attributes: Mapping[str, str] | None = None,
    password: str | PreparedPassword | None = None,
    permanent: bool = False,
    now: float,
) -> UserRow:
    """A new user of a pool.

    Parameters
    ----------
    password : str or PreparedPassword, optional
        Checked against the pool's policy. Hand over a prepared one where time in the writer matters.
        Without one the user cannot sign in until `set_password`.
    permanent : bool
        False makes it a temporary one: valid for the pool's ``TemporaryPasswordValidityDays``, to be
        replaced at the first sign-in.

    Raises
    ------
    NotFound, UserExists, PasswordRefused
    """
    pool = get_pool(connection, pool_id)
    if not username or len(username) > 128 or any(c.isspace() for c in username):
        raise InvalidRequest(
            f"User name {username[:140]!r} is not usable; give 1 to 128 characters without blanks.",
            field="Username",
            value=username,
            rule="[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]{1,128}",
        )
    if _find_user(connection, pool_id, username) is not None:
        raise UserExists(f"User account {username} already exists in user pool {pool_id}.")
    prepared = _checked(pool, password) if password is not None else None
    row = UserRow(
        id=str(uuid.uuid4()),
        pool_id=pool_id,
        username=username,
        worker_code=secrets.token_hex(8),
        email=email,
        attributes=dict(attributes or {}),
        password_hash=prepared.hashed if prepared else None,
        status="CONFIRMED" if permanent else "FORCE_CHANGE_PASSWORD",
        is_enabled=True,
        temporary_until=None if permanent else now + _validity_s(pool),
        created_at=now,
        modified_at=now,
    )
    values = {**dataclasses.asdict(row), "attributes": _dump(row.attributes)}
    connection.execute(users.insert().values(values))
    return row


def find_users(connection: Connection, username: str) -> list[UserRow]:
    """The users of this name (compared with case) in all pools, oldest first."""
    query = sa.select(users).where(users.c.username == username).order_by(users.c.created_at, users.c.id)
    return [_user(row) for row in connection.execute(query)]


def get_user(connection: Connection, user_id: str) -> UserRow:
    """The user of this id (the ``sub``).

    Raises
    ------
    UserNotFound
    """
    row = connection.execute(sa.select(users).where(users.c.id == user_id)).first()
    if row is None:
        raise UserNotFound(f"User {user_id} does not exist.", kind="user", name=user_id)
    return _user(row)


def usernames(connection: Connection, user_ids: Sequence[str]) -> dict[str, str]:
    """User names by id, of the users that there are."""
    query = sa.select(users.c.id, users.c.username).where(users.c.id.in_(user_ids))
    return {row.id: row.username for row in connection.execute(query)}


def user_named(connection: Connection, pool_id: str, username: str) -> UserRow:
    """The user of this name, or of this ``sub``, in a pool.

    Raises
    ------
    NotFound, UserNotFound
    """
    get_pool(connection, pool_id)
    user = _find_user(connection, pool_id, username)
    if user is None:
        raise UserNotFound(
            f"User {username} does not exist in user pool {pool_id}.", kind="user", name=username
        )
    return user


def list_users(connection: Connection, pool_id: str, *, group_name: str | None = None) -> list[UserRow]:
    """The users of a pool, or of one of its groups, oldest first.

    Raises
    ------
    NotFound
    """
    get_pool(connection, pool_id)
    query = sa.select(users).where(users.c.pool_id == pool_id)
    if group_name is not None:
        get_group(connection, pool_id, group_name)
        query = query.join(group_members, group_members.c.user_id == users.c.id).where(
            group_members.c.group_name == group_name
        )
    return [_user(row) for row in connection.execute(query.order_by(users.c.created_at, users.c.id))]


def count_users(connection: Connection, pool_id: str) -> int:
    """How many users a pool has."""
    query = sa.select(sa.func.count()).select_from(users).where(users.c.pool_id == pool_id)
    return connection.scalar(query) or 0


def set_password(
    connection: Connection, user_id: str, password: str | PreparedPassword, permanent: bool, now: float
) -> UserRow:
    """Give the user a password; a temporary one must be replaced at the next sign-in.

    All sessions of the user end: whoever had the old password is out.

    Raises
    ------
    UserNotFound, PasswordRefused
    """
    user = get_user(connection, user_id)
    pool = get_pool(connection, user.pool_id)
    prepared = _checked(pool, password)
    connection.execute(
        users.update()
        .where(users.c.id == user_id)
        .values(
            password_hash=prepared.hashed,
            status="CONFIRMED" if permanent else "FORCE_CHANGE_PASSWORD",
            temporary_until=None if permanent else now + _validity_s(pool),
            modified_at=now,
        )
    )
    delete_of_user(connection, user_id)
    return get_user(connection, user_id)


def verify_password(user: UserRow | None, password: str) -> bool:
    """Whether this is the user's password; as slow for a user that does not exist. Call it in a thread."""
    return passwords.verify(user.password_hash if user is not None else None, password)


def is_temporary_password_over(user: UserRow, now: float) -> bool:
    """Whether the user still has a temporary password and its validity has ended."""
    return user.is_password_temporary and user.temporary_until is not None and now >= user.temporary_until


def set_enabled(connection: Connection, user_id: str, is_enabled: bool, now: float) -> UserRow:
    """Enable or disable a user; disabling ends all sessions.

    Raises
    ------
    UserNotFound
    """
    get_user(connection, user_id)
    connection.execute(
        users.update().where(users.c.id == user_id).values(is_enabled=is_enabled, modified_at=now)
    )
    if not is_enabled:
        delete_of_user(connection, user_id)
    return get_user(connection, user_id)


def delete_user(connection: Connection, user_id: str) -> None:
    """Delete a disabled user.

    Raises
    ------
    UserNotFound
    Conflict
        While the user is enabled.
    """
    user = get_user(connection, user_id)
    if user.is_enabled:
        raise Conflict(f"User {user.username} is enabled; disable the user first, then delete.")
    connection.execute(users.delete().where(users.c.id == user_id))


def teams_of_user(connection: Connection, user_id: str) -> list[str]:
    """ARNs of the work teams that the user belongs to through groups, sorted; none while disabled."""
    query = (
        sa.select(workteam_groups.c.workteam_arn)
        .distinct()
        .join(
            group_members,
            sa.and_(
                group_members.c.pool_id == workteam_groups.c.pool_id,
                group_members.c.group_name == workteam_groups.c.group_name,
            ),
        )
        .join(users, users.c.id == group_members.c.user_id)
        .where(group_members.c.user_id == user_id, users.c.is_enabled)
        .order_by(workteam_groups.c.workteam_arn)
    )
    return list(connection.scalars(query))


# ----------------------------------------------------------------------------------------------- helpers


def _checked(pool: PoolRow, password: str | PreparedPassword) -> PreparedPassword:
    plain = password.plain if isinstance(password, PreparedPassword) else password
    passwords.check_policy(plain, pool.password_policy)
    return prepare(password)


def _validity_s(pool: PoolRow) -> float:
    return float(pool.password_policy["TemporaryPasswordValidityDays"]) * DAY_S


def _find_group(connection: Connection, pool_id: str, name: str) -> GroupRow | None:
    row = connection.execute(
        sa.select(user_groups).where(user_groups.c.pool_id == pool_id, user_groups.c.name == name)
    ).first()
    return GroupRow(*row) if row is not None else None


def _find_user(connection: Connection, pool_id: str, username: str) -> UserRow | None:
    row = connection.execute(
        sa.select(users).where(
            users.c.pool_id == pool_id, sa.or_(users.c.username == username, users.c.id == username)
        )
    ).first()
    return _user(row) if row is not None else None


def _user(row: Row[Any]) -> UserRow:
    return UserRow(**{**row._mapping, "attributes": json.loads(row.attributes)})


def _dump(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
