"""Groups of the built-in directory, in the words of Amazon Cognito. A work team consists of groups.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html and its
neighbours. Difference: a group that backs a work team cannot be deleted.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from labelwright.api.cognito_pools import MAX_PAGE
from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.paging import page_of
from labelwright.store import directory
from labelwright.store.directory import GroupRow

__all__: list[str] = []


@writes("cognito-idp", "CreateGroup")
def create_group(
    context: RequestContext,
    connection: Connection,
    *,
    group_name: str,
    user_pool_id: str,
    description: str = "",
    role_arn: str | None = None,
    precedence: int | None = None,
) -> dict[str, Any]:
    """A new, empty group."""
    group = directory.create_group(
        connection,
        pool_id=user_pool_id,
        name=group_name,
        description=description,
        precedence=precedence,
        role_arn=role_arn,
        now=context.now,
    )
    return {"Group": _group_view(group)}


@reads("cognito-idp", "GetGroup")
def get_group(
    context: RequestContext, connection: Connection, *, group_name: str, user_pool_id: str
) -> dict[str, Any]:
    """One group."""
    return {"Group": _group_view(directory.get_group(connection, user_pool_id, group_name))}


@reads("cognito-idp", "ListGroups")
def list_groups(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    limit: int | None = None,
    next_token: str | None = None,
) -> dict[str, Any]:
    """The groups of a pool by name."""
    return _page(context, directory.list_groups(connection, user_pool_id), limit, next_token)


@writes("cognito-idp", "DeleteGroup")
def delete_group(
    context: RequestContext, connection: Connection, *, group_name: str, user_pool_id: str
) -> None:
    """Delete a group that backs no work team; its users stay."""
    directory.delete_group(connection, user_pool_id, group_name)


@writes("cognito-idp", "AdminAddUserToGroup")
def admin_add_user_to_group(
    context: RequestContext, connection: Connection, *, user_pool_id: str, username: str, group_name: str
) -> None:
    """Put a user into a group, and so into the teams made of it."""
    user = directory.user_named(connection, user_pool_id, username)
    directory.add_to_group(connection, user, group_name)


@writes("cognito-idp", "AdminRemoveUserFromGroup")
def admin_remove_user_from_group(
    context: RequestContext, connection: Connection, *, user_pool_id: str, username: str, group_name: str
) -> None:
    """Take a user out of a group, and so out of the teams made of it."""
    user = directory.user_named(connection, user_pool_id, username)
    directory.remove_from_group(connection, user, group_name)


@reads("cognito-idp", "AdminListGroupsForUser")
def admin_list_groups_for_user(
    context: RequestContext,
    connection: Connection,
    *,
    user_pool_id: str,
    username: str,
    limit: int | None = None,
    next_token: str | None = None,
) -> dict[str, Any]:
    """The groups of a user by name."""
    user = directory.user_named(connection, user_pool_id, username)
    return _page(context, directory.groups_of_user(connection, user.id), limit, next_token)


def _page(
    context: RequestContext, groups: list[GroupRow], limit: int | None, next_token: str | None
) -> dict[str, Any]:
    page = page_of(
        context, groups, key=lambda g: (g.name,), max_results=limit or MAX_PAGE, next_token=next_token
    )
    return {"Groups": [_group_view(group) for group in page.items], "NextToken": page.next_token}


def _group_view(group: GroupRow) -> dict[str, Any]:
    return {
        "GroupName": group.name,
        "UserPoolId": group.pool_id,
        "Description": group.description or None,
        "RoleArn": group.role_arn,
        "Precedence": group.precedence,
        "LastModifiedDate": group.modified_at,
        "CreationDate": group.created_at,
    }
