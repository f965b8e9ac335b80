"""Functions: permissions and tags.

https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html and its neighbours. Differences: policies
are kept and shown, and decide nothing: whoever has keys of this server may invoke.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.lambda_shapes import named, qualified
from labelwright.errors import NotFound
from labelwright.store import functions as store
from labelwright.store import tags as tag_store

__all__: list[str] = []


@writes("lambda", "AddPermission")
def add_permission(
    context: RequestContext,
    connection: Connection,
    *,
    function_name: str,
    statement_id: str,
    action: str,
    principal: str,
    source_arn: str | None = None,
    source_account: str | None = None,
    qualifier: str | None = None,
    **ignored: Any,
) -> dict[str, Any]:
    """Keep a statement of the function's policy."""
    name, which = qualified(context, function_name, qualifier)
    arn = store.function_arn(context.region, name)
    conditions: dict[str, Any] = {}
    if source_arn:
        conditions["ArnLike"] = {"AWS:SourceArn": source_arn}
    if source_account:
        conditions["StringEquals"] = {"AWS:SourceAccount": source_account}
    is_service = principal.endswith(".amazonaws.com")
    statement: dict[str, Any] = {
        "Sid": statement_id,
        "Effect": "Allow",
        "Principal": {"Service": principal} if is_service else {"AWS": principal},
        "Action": action,
        "Resource": arn + (f":{which}" if which else ""),
    }
    if conditions:
        statement["Condition"] = conditions
    store.add_statement(connection, context.region, name, which or "", statement)
    return {"Statement": orjson.dumps(statement).decode()}


@writes("lambda", "RemovePermission")
def remove_permission(
    context: RequestContext,
    connection: Connection,
    *,
    function_name: str,
    statement_id: str,
    qualifier: str | None = None,
    **ignored: Any,
) -> None:
    """Forget a statement."""
    name, which = qualified(context, function_name, qualifier)
    store.remove_statement(connection, context.region, name, which or "", statement_id)


@reads("lambda", "GetPolicy")
def get_policy(
    context: RequestContext, connection: Connection, *, function_name: str, qualifier: str | None = None
) -> dict[str, Any]:
    """The policy made of the statements that were added."""
    name, which = qualified(context, function_name, qualifier)
    found = store.statements(connection, context.region, name, which or "")
    if not found:
        raise NotFound("The resource you requested does not exist.", kind="policy", name=name)
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": found}
    revision = store.resolve(connection, context.region, name, which).revision_id
    return {"Policy": orjson.dumps(policy).decode(), "RevisionId": revision}


def _resource(context: RequestContext, connection: Connection, arn: str) -> str:
    row = store.resolve(connection, context.region, named(context, arn).name)
    return row.arn


@reads("lambda", "ListTags")
def list_tags(context: RequestContext, connection: Connection, *, resource: str) -> dict[str, Any]:
    """The tags of a function."""
    arn = _resource(context, connection, resource)
    return {"Tags": {tag["Key"]: tag["Value"] for tag in tag_store.list_tags(connection, arn)}}


@writes("lambda", "TagResource")
def tag_resource(
    context: RequestContext, connection: Connection, *, resource: str, tags: Mapping[str, str]
) -> None:
    """Set tags of a function."""
    arn = _resource(context, connection, resource)
    tag_store.add_tags(connection, arn, [{"Key": key, "Value": value} for key, value in tags.items()])


@writes("lambda", "UntagResource")
def untag_resource(
    context: RequestContext, connection: Connection, *, resource: str, tag_keys: list[str]
) -> None:
    """Remove tags of a function by key."""
    tag_store.delete_tags(connection, _resource(context, connection, resource), tag_keys)
