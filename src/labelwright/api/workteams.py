"""Work team operations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateWorkteam.html and its neighbours.
Differences: there are no vendors to subscribe to, so their lists are empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.paging import page_of
from labelwright.api.workforces import missing_is_invalid
from labelwright.errors import InvalidRequest
from labelwright.store import workteams as store
from labelwright.store.tags import add_tags
from labelwright.store.workteams import WorkteamRow

__all__ = ["workteam_view"]

_NO_CONSTRAINTS = {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}


@writes("sagemaker", "CreateWorkteam")
def create_workteam(
    context: RequestContext,
    connection: Connection,
    *,
    workteam_name: str,
    member_definitions: list[dict[str, Any]],
    description: str,
    workforce_name: str | None = None,
    notification_configuration: dict[str, Any] | None = None,
    worker_access_configuration: dict[str, Any] | None = None,
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """A team of user groups. The first team of a user pool brings a workforce named ``default`` with it."""
    with missing_is_invalid():
        team = store.create_workteam(
            connection,
            region=context.region,
            name=workteam_name,
            description=description,
            member_definitions=member_definitions,
            workforce_name=workforce_name,
            settings=_settings(notification_configuration, worker_access_configuration),
            portal_host=context.portal_host,
            now=context.now,
        )
    if tags:
        add_tags(connection, team.arn, tags)
    return {"WorkteamArn": team.arn}


@reads("sagemaker", "DescribeWorkteam")
def describe_workteam(
    context: RequestContext, connection: Connection, *, workteam_name: str
) -> dict[str, Any]:
    """One private team."""
    with missing_is_invalid():
        team = store.workteam_named(connection, context.region, workteam_name)
    return {"Workteam": workteam_view(context, team)}


@writes("sagemaker", "UpdateWorkteam")
def update_workteam(
    context: RequestContext,
    connection: Connection,
    *,
    workteam_name: str,
    member_definitions: list[dict[str, Any]] | None = None,
    description: str | None = None,
    notification_configuration: dict[str, Any] | None = None,
    worker_access_configuration: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Replace what is given; groups that ``MemberDefinitions`` does not name are dropped."""
    with missing_is_invalid():
        team = store.update_workteam(
            connection,
            context.region,
            workteam_name,
            description=description,
            member_definitions=member_definitions,
            settings=_settings(notification_configuration, worker_access_configuration),
            now=context.now,
        )
    return {"Workteam": workteam_view(context, team)}


@writes("sagemaker", "DeleteWorkteam")
def delete_workteam(context: RequestContext, connection: Connection, *, workteam_name: str) -> dict[str, Any]:
    """Delete a team for good. Jobs that it works on wait until they are stopped or expire."""
    with missing_is_invalid():
        store.delete_workteam(connection, context.region, workteam_name)
    return {"Success": True}


@reads("sagemaker", "ListWorkteams")
def list_workteams(
    context: RequestContext,
    connection: Connection,
    *,
    sort_by: str = "CreateDate",
    sort_order: str = "Ascending",
    name_contains: str = "",
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """The private teams of the region."""
    found = [t for t in store.list_workteams(connection, context.region) if name_contains in t.name]
    page = page_of(
        context,
        found,
        key=lambda t: (t.name,) if sort_by == "Name" else (t.created_at, t.name),
        descending=sort_order == "Descending",
        next_token=next_token,
        max_results=max_results,
    )
    return {"Workteams": [workteam_view(context, t) for t in page.items], "NextToken": page.next_token}


@reads("sagemaker", "ListSubscribedWorkteams")
def list_subscribed_workteams(
    context: RequestContext,
    connection: Connection,
    *,
    name_contains: str = "",
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """Teams of vendors: none."""
    nothing: list[dict[str, Any]] = []
    page = page_of(context, nothing, key=lambda _: (), next_token=next_token, max_results=max_results)
    return {"SubscribedWorkteams": page.items}


@reads("sagemaker", "DescribeSubscribedWorkteam")
def describe_subscribed_workteam(
    context: RequestContext, connection: Connection, *, workteam_arn: str
) -> dict[str, Any]:
    """A team of a vendor: there are none."""
    raise InvalidRequest(
        f"The work team {workteam_arn} does not exist among the subscribed teams; this server has no "
        "vendors.",
        field="WorkteamArn",
        value=workteam_arn,
    )


def workteam_view(context: RequestContext, team: WorkteamRow) -> dict[str, Any]:
    """A team as the API shows it."""
    constraints = team.settings.get("WorkerAccessConfiguration", {}).get("S3Presign", {})
    given = constraints.get("IamPolicyConstraints", {})
    return {
        "WorkteamName": team.name,
        "MemberDefinitions": team.member_definitions,
        "WorkteamArn": team.arn,
        "WorkforceArn": team.workforce_arn,
        "Description": team.description,
        "SubDomain": context.portal_host,
        "CreateDate": team.created_at,
        "LastUpdatedDate": team.modified_at,
        "NotificationConfiguration": team.settings.get("NotificationConfiguration", {}),
        "WorkerAccessConfiguration": {
            "S3Presign": {
                "IamPolicyConstraints": {"SourceIp": "Disabled", "VpcSourceIp": "Disabled", **given}
            }
        },
    }


def _settings(
    notification: Mapping[str, Any] | None, worker_access: Mapping[str, Any] | None
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if notification is not None:
        topic = notification.get("NotificationTopicArn")
        settings["NotificationConfiguration"] = {"NotificationTopicArn": topic} if topic else {}
    if worker_access is not None:
        settings["WorkerAccessConfiguration"] = dict(worker_access)
    return settings
