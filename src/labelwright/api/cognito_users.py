"""Users of the built-in directory, in the words of Amazon Cognito. A user is a worker.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUser.html and its
neighbours. Differences: user names are compared with case, a user is deleted only after being disabled, and
invitations go out by e-mail only.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.api.cognito_pools import MAX_PAGE
from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads, writes
from labelwright.api.paging import page_of
from labelwright.errors import Conflict, IllegalTransition, InvalidRequest, NotFound
from labelwright.mail import invitation, send_invitation
from labelwright.store import directory, passwords, user_pools
from labelwright.store.directory import UserRow
from labelwright.store.labeling_tables import tasks
from labelwright.store.passwords import PreparedPassword
from labelwright.store.user_pools import PoolRow

__all__ = ["user_filter"]

_FILTER = re.compile(r'\s*"?([\w:]{1,64})"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')
_NAMES_OF_STATUS = {True: "Enabled", False: "Disabled"}
_SEARCHABLE = frozenset(
    {
        "username",
        "email",
        "phone_number",
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "cognito:user_status",
        "status",
        "sub",
    }
)


@operation("cognito-idp", "AdminCreateUser")
async def admin_create_user(
    context: RequestContext,
    *,
    user_pool_id: str,
    username: str,
    user_attributes: Sequence[dict[str, str]] = (),
    temporary_password: str | None = None,
    message_action: str | None = None,
    **ignored: Any,
) -> dict[str, Any]:
    """Invite a user: a temporary password, and a mail with it unless ``MessageAction`` is ``SUPPRESS``."""
    database = context.app.database
    pool = await database.aread(lambda c: user_pools.get_pool(c, user_pool_id))
    plain = temporary_password or passwords.temporary_password(pool.password_policy)
    prepared = await asyncio.to_thread(passwords.prepare, plain)
    if message_action == "RESEND":
        user = await database.awrite(lambda c: _renew(context, c, user_pool_id, username, prepared))
    else:
        attributes = {a["Name"]: a.get("Value", "") for a in user_attributes if a["Name"] != "sub"}
        email = attributes.pop("email", "") or _email_in_name(pool, username)
        if email and message_action != "SUPPRESS":
            # Refuse an address nobody can write to before the user exists, not after.
            sender = context.app.settings.mail_from
            invitation(sender=sender, username=username, email=email, temporary_password="", portal_url="")
        user = await database.awrite(
            lambda c: directory.create_user(
                c,
                pool_id=user_pool_id,
                username=username,
                email=email,
                attributes=attributes,
                password=prepared,
                now=context.now,
            )
        )
    if message_action != "SUPPRESS" and user.email:
        await asyncio.to_thread(_invite, context, pool, user, plain)
    return {"User": _user_view(user)}


@reads("cognito-idp", "AdminGetUser")
def admin_get_user(
    context: RequestContext, connection: Connection, *, user_pool_id: str, username: str
) -> dict[str, Any]:
    """One user."""
    view = _user_view(directory.user_named(connection, user_pool_id, username))
    return {"UserAttributes": view.pop("Attributes"), **view}


@operation("cognito-idp", "AdminSetUserPassword")
async def admin_set_user_password(
    context: RequestContext, *, user_pool_id: str, username: str, password: str, permanent: bool = False
) -> None:
    """Set a password: permanent, or to be replaced at the next sign-in."""
    prepared = await asyncio.to_thread(passwords.prepare, password)

    def write(connection: Connection) -> None:
        user = directory.user_named(connection, user_pool_id, username)
        directory.set_password(connection, user.id, prepared, permanent, context.now)

    await context.app.database.awrite(write)


@operation("cognito-idp", "AdminDisableUser")
async def admin_disable_user(context: RequestContext, *, user_pool_id: str, username: str) -> None:
    """No further work and no session; open tasks go back to the others. The user stays in the teams."""

    def write(connection: Connection) -> tuple[str, list[str]]:
        user = directory.user_named(connection, user_pool_id, username)
        directory.set_enabled(connection, user.id, False, context.now)
        in_hand = sa.select(tasks.c.id).where(tasks.c.worker_id == user.id, tasks.c.is_live)
        return user.id, list(connection.scalars(in_hand))

    user_id, task_ids = await context.app.database.awrite(write)
    for task_id in task_ids:
        with contextlib.suppress(Conflict, NotFound):  # ended by itself in the meantime
            await context.app.desk.release(user_id, task_id)


@writes("cognito-idp", "AdminEnableUser")
def admin_enable_user(
    context: RequestContext, connection: Connection, *, user_pool_id: str, username: str
) -> None:
    """Let a disabled user work again."""
    user = directory.user_named(connection, user_pool_id, username)
    directory.set_enabled(connection, user.id, True, context.now)


@writes("cognito-idp", "AdminDeleteUser")
def admin_delete_user(
    context: RequestContext, connection: Connection, *, user_pool_id: str, username: str
) -> None:
    """Delete a user who was disabled before."""
    user = directory.user_named(connection, user_pool_id, username)
    directory.delete_user(connection, user.id)


@reads("cognito-idp", "ListUsers")
def list_users(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    attributes_to_get: list[str] | None = None,
    limit: int | None = None,
    pagination_token: str | None = None,
    filter: str = "",
) -> dict[str, Any]:
    """The users of a pool, oldest first, that the filter lets through."""
    name, operator, value = user_filter(filter) if filter.strip() else ("username", "^=", "")
    found = [
        user
        for user in directory.list_users(connection, user_pool_id)
        if _matches(user, name, operator, value)
    ]
    page = page_of(context, found, key=_age, max_results=limit or MAX_PAGE, next_token=pagination_token)
    views = [_user_view(user) for user in page.items]
    if attributes_to_get is not None:
        for view in views:
            view["Attributes"] = [a for a in view["Attributes"] if a["Name"] in attributes_to_get]
    return {"Users": views, "PaginationToken": page.next_token}


@reads("cognito-idp", "ListUsersInGroup")
def list_users_in_group(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    group_name: str,
    limit: int | None = None,
    next_token: str | None = None,
) -> dict[str, Any]:
    """The members of a group, oldest user first."""
    members = directory.list_users(connection, user_pool_id, group_name=group_name)
    page = page_of(context, members, key=_age, max_results=limit or MAX_PAGE, next_token=next_token)
    return {"Users": [_user_view(user) for user in page.items], "NextToken": page.next_token}


def user_filter(text: str) -> tuple[str, str, str]:
    r"""Attribute, operator (``=`` or ``^=`` for "begins with") and value of a filter.

    >>> user_filter('email ^= "ana@"')
    ('email', '^=', 'ana@')

    Raises
    ------
    InvalidRequest
    """
    match = _FILTER.fullmatch(text)
    if match is None:
        raise InvalidRequest(
            f'Error while parsing filter: {text!r} is not of the form attribute = "value" or attribute ^= '
            '"value".',
            field="Filter",
            value=text,
        )
    name, operator, value = match.groups()
    if name not in _SEARCHABLE:
        raise InvalidRequest(
            f"Error while parsing filter: users cannot be searched by {name!r}; use one of "
            f"{', '.join(sorted(_SEARCHABLE))}.",
            field="Filter",
            value=text,
        )
    return name, operator, re.sub(r"\\(.)", r"\1", value)


def _matches(user: UserRow, name: str, operator: str, value: str) -> bool:
    match name:
        case "username":
            own = user.username
        case "email":
            own = user.email
        case "sub":
            own = user.id
        case "status":
            own = _NAMES_OF_STATUS[user.is_enabled]
        case "cognito:user_status":
            own = user.status
        case _:
            own = user.attributes.get(name, "")
    return own.startswith(value) if operator == "^=" else own == value


def _renew(
    context: RequestContext, connection: Connection, pool_id: str, username: str, password: PreparedPassword
) -> UserRow:
    user = directory.user_named(connection, pool_id, username)
    if not user.is_password_temporary:
        raise IllegalTransition(
            f"The invitation of {username} cannot be sent again: the user is in status {user.status}, it "
            "must be "
            "FORCE_CHANGE_PASSWORD. Set a password with AdminSetUserPassword."
        )
    return directory.set_password(connection, user.id, password, False, context.now)


def _invite(context: RequestContext, pool: PoolRow, user: UserRow, plain: str) -> None:
    template = pool.settings.get("AdminCreateUserConfig", {}).get("InviteMessageTemplate", {})
    send_invitation(
        context.app.settings,
        username=user.username,
        email=user.email,
        temporary_password=plain,
        portal_url=f"{context.base_url}/portal",
        valid_days=pool.password_policy["TemporaryPasswordValidityDays"],
        subject_template=template.get("EmailSubject", ""),
        body_template=template.get("EmailMessage", ""),
    )


def _email_in_name(pool: PoolRow, username: str) -> str:
    """The user name where the pool says that user names are e-mail addresses."""
    return username if "email" in pool.settings.get("UsernameAttributes", ()) and "@" in username else ""


def _age(user: UserRow) -> tuple[float, str]:
    return user.created_at, user.id


def _user_view(user: UserRow) -> dict[str, Any]:
    attributes = [{"Name": "sub", "Value": user.id}]
    attributes += [{"Name": name, "Value": value} for name, value in user.attributes.items()]
    if user.email:
        attributes.append({"Name": "email", "Value": user.email})
    return {
        "Username": user.username,
        "Attributes": attributes,
        "UserCreateDate": user.created_at,
        "UserLastModifiedDate": user.modified_at,
        "Enabled": user.is_enabled,
        "UserStatus": user.status,
    }
