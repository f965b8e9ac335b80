"""Functions: versions and aliases.

https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html and its neighbours. Differences: an
alias stands for one version; routing configurations are refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.lambda_shapes import configuration, named
from labelwright.api.paging import page_of
from labelwright.errors import InvalidRequest
from labelwright.store import functions as store
from labelwright.store.functions import AliasRow

__all__: list[str] = []


@writes("lambda", "PublishVersion")
def publish_version(
    context: RequestContext,
    connection: Connection,
    *,
    function_name: str,
    description: str | None = None,
    revision_id: str | None = None,
    code_sha256: str | None = None,
    **ignored: Any,
) -> dict[str, Any]:
    """Keep what `$LATEST` is now under the next number; nothing new when it has not changed."""
    name = named(context, function_name).name
    latest = store.resolve(connection, context.region, name)
    store.check_revision(revision_id, latest.revision_id)
    digest = configuration(latest)["CodeSha256"]
    if code_sha256 not in (None, digest):
        raise InvalidRequest(
            f"CodeSHA256 ({code_sha256}) is different from current CodeSHA256 in $LATEST ({digest}). Please "
            "try again with the CodeSHA256 in $LATEST.",
            field="CodeSha256",
            value=code_sha256,
        )
    return configuration(
        store.publish(connection, context.region, name, now=context.now, description=description)
    )


@reads("lambda", "ListVersionsByFunction")
def list_versions_by_function(
    context: RequestContext,
    connection: Connection,
    *,
    function_name: str,
    marker: str | None = None,
    max_items: int | None = None,
) -> dict[str, Any]:
    """`$LATEST` and the versions of a function, oldest first, at most 50 a page."""
    rows = store.list_versions(connection, context.region, named(context, function_name).name)
    page = page_of(
        context,
        list(enumerate(rows)),
        key=lambda pair: (0 if pair[1].version == store.LATEST else int(pair[1].version),),
        next_token=marker,
        max_results=min(max_items or 50, 50),
    )
    versions = [configuration(row, row.version) for _, row in page.items]
    return {"Versions": versions, "NextMarker": page.next_token}


@writes("lambda", "CreateAlias")
def create_alias(
    context: RequestContext,
    connection: Connection,
    *,
    function_name: str,
    name: str,
    function_version: str,
    description: str = "",
    routing_config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Give a version a name; ARNs may end in it."""
    _refuse_routing(routing_config)
    row = AliasRow(
        context.region,
        named(context, function_name).name,
        name,
        function_version,
        description,
        str(uuid.uuid4()),
    )
    store.create_alias(connection, row)
    return _shown(row)


@writes("lambda", "UpdateAlias")
def update_alias(
    context: RequestContext,
    connection: Connection,
    *,
    function_name: str,
    name: str,
    function_version: str | None = None,
    description: str | None = None,
    routing_config: Mapping[str, Any] | None = None,
    revision_id: str | None = None,
) -> dict[str, Any]:
    """Let an alias stand for another version."""
    _refuse_routing(routing_config)
    return _shown(
        store.update_alias(
            connection,
            context.region,
            named(context, function_name).name,
            name,
            version=function_version,
            description=description,
            revision_id=revision_id,
        )
    )


@reads("lambda", "GetAlias")
def get_alias(
    context: RequestContext, connection: Connection, *, function_name: str, name: str
) -> dict[str, Any]:
    """One alias."""
    return _shown(store.get_alias(connection, context.region, named(context, function_name).name, name))


@reads("lambda", "ListAliases")
def list_aliases(
    context: RequestContext,
    connection: Connection,
    *,
    function_name: str,
    function_version: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> dict[str, Any]:
    """The aliases of a function by name, of one version or all."""
    rows = store.list_aliases(connection, context.region, named(context, function_name).name)
    if function_version is not None:
        rows = [row for row in rows if row.version == function_version]
    page = page_of(
        context,
        rows,
        key=lambda row: (row.alias,),
        next_token=marker,
        max_results=min(max_items or 50, 50),
    )
    return {"Aliases": [_shown(row) for row in page.items], "NextMarker": page.next_token}


@writes("lambda", "DeleteAlias")
def delete_alias(context: RequestContext, connection: Connection, *, function_name: str, name: str) -> None:
    """Delete an alias; nothing happens when there is none."""
    store.delete_alias(connection, context.region, named(context, function_name).name, name)


def _refuse_routing(routing: Mapping[str, Any] | None) -> None:
    if routing and routing.get("AdditionalVersionWeights"):
        raise InvalidRequest(
            "RoutingConfig is not supported here: an alias stands for one version.", field="RoutingConfig"
        )


def _shown(row: AliasRow) -> dict[str, Any]:
    return {
        "AliasArn": f"{store.function_arn(row.region, row.name)}:{row.alias}",
        "Name": row.alias,
        "FunctionVersion": row.version,
        "Description": row.description,
        "RevisionId": row.revision_id,
    }
