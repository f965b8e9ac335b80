"""Models: those that labeling jobs trained, and those that somebody registers.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html and its neighbours.
Differences: nothing is hosted yet, so a model that somebody registers is kept and shown only, and no labeling
job can start from it. A taken name and a model that does not exist are ValidationExceptions, as there.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.paging import page_of
from labelwright.errors import InvalidRequest
from labelwright.store import models as store
from labelwright.store.models import ModelRow
from labelwright.store.tags import add_tags, delete_all_tags

__all__: list[str] = []

_SHOWN = (
    "PrimaryContainer",
    "Containers",
    "InferenceExecutionConfig",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
)


@writes("sagemaker", "CreateModel")
def create_model(
    context: RequestContext,
    connection: Connection,
    *,
    model_name: str,
    tags: list[dict[str, str]] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Register a model."""
    request = {key: value for key, value in context.parameters.items() if key != "Tags"}
    if bool(request.get("PrimaryContainer")) == bool(request.get("Containers")):
        raise InvalidRequest(
            "Exactly one of PrimaryContainer and Containers must be given.", field="PrimaryContainer"
        )
    arn = f"arn:aws:sagemaker:{context.region}:{context.account_id}:model/{model_name.lower()}"
    store.add(connection, region=context.region, name=model_name, arn=arn, request=request, now=context.now)
    if tags:
        add_tags(connection, arn, tags)
    return {"ModelArn": arn}


@reads("sagemaker", "DescribeModel")
def describe_model(context: RequestContext, connection: Connection, *, model_name: str) -> dict[str, Any]:
    """One model."""
    row = _named(context, connection, model_name)
    request = orjson.loads(row.request)
    shown = {key: request[key] for key in _SHOWN if key in request}
    return {
        "ModelName": row.name,
        "ModelArn": row.arn,
        "CreationTime": row.created_at,
        "EnableNetworkIsolation": False,
        **shown,
    }


@reads("sagemaker", "ListModels")
def list_models(
    context: RequestContext,
    connection: Connection,
    *,
    creation_time_after: float | None = None,
    creation_time_before: float | None = None,
    max_results: int | None = None,
    name_contains: str = "",
    next_token: str | None = None,
    sort_by: str = "CreationTime",
    sort_order: str = "Descending",
) -> dict[str, Any]:
    """The models of the region."""
    found = [
        row
        for row in store.all_of_region(connection, context.region)
        if name_contains.lower() in row.name.lower()
        and (creation_time_after is None or row.created_at > creation_time_after)
        and (creation_time_before is None or row.created_at < creation_time_before)
    ]

    def key(row: ModelRow) -> tuple[Any, ...]:
        return (row.name.lower() if sort_by == "Name" else row.created_at, row.id)

    page = page_of(
        context,
        found,
        key=key,
        max_results=max_results,
        next_token=next_token,
        descending=sort_order == "Descending",
    )
    return {
        "Models": [
            {"ModelName": row.name, "ModelArn": row.arn, "CreationTime": row.created_at} for row in page.items
        ],
        "NextToken": page.next_token,
    }


@writes("sagemaker", "DeleteModel")
def delete_model(context: RequestContext, connection: Connection, *, model_name: str) -> None:
    """Forget a model; its artifact stays where it is."""
    row = _named(context, connection, model_name)
    delete_all_tags(connection, row.arn)
    store.delete(connection, row.id)


def _named(context: RequestContext, connection: Connection, name: str) -> ModelRow:
    row = store.named(connection, context.region, name)
    if row is None:
        raise InvalidRequest(
            f"Could not find model {name!r} in {context.region}; see ListModels.",
            field="ModelName",
            value=name,
        )
    return row
