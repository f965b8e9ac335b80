"""Endpoints: models that answer requests.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html and its neighbours.
Differences: deployment policies (canary, linear, rolling, alarms) are kept and shown, and every update is all
at once, after the new processes answer; an endpoint may be deleted in every state; an update to the
configuration that is in use already is allowed, and starts its processes anew. What serves is a copy of
configuration and models as they were when it was asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any, Unpack

import orjson
from sqlalchemy.engine import Connection

from labelwright.api import endpoint_configs
from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads
from labelwright.api.models import model_arn
from labelwright.api.paging import JobFilters, page_of_named
from labelwright.core.endpoint import (
    DeleteRequested,
    Deployment,
    EndpointState,
    Status,
    UpdateRequested,
    Variant,
    retained,
    shares,
    with_desired,
)
from labelwright.engine.hosting.telling import announce, change, described
from labelwright.errors import IllegalTransition, InvalidRequest
from labelwright.store import endpoints as store
from labelwright.store import models
from labelwright.store.endpoints import EndpointRow
from labelwright.store.tags import add_tags

__all__ = ["arn_of"]

_KIND = "endpoint"


@operation("sagemaker", "CreateEndpoint")
async def create_endpoint(
    context: RequestContext,
    *,
    endpoint_name: str,
    endpoint_config_name: str,
    deployment_config: dict[str, Any] | None = None,
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Begin to serve a configuration."""
    arn = arn_of(context, endpoint_name)

    def write(connection: Connection) -> int:
        if store.named(connection, context.region, endpoint_name) is not None:
            raise InvalidRequest(f'Cannot create already existing endpoint "{arn}".', field="EndpointName")
        pending = _deployment(context, connection, endpoint_config_name, number=1)
        key = store.add(
            connection,
            region=context.region,
            name=endpoint_name,
            arn=arn,
            pending=pending,
            deployment_config=deployment_config,
            now=context.now,
        )
        if tags:
            add_tags(connection, arn, tags)
        announce(connection, key, at=context.now)
        return key

    key = await context.app.database.awrite(write)
    context.app.supervisor.wake(_KIND, key)
    return {"EndpointArn": arn}


@operation("sagemaker", "UpdateEndpoint")
async def update_endpoint(
    context: RequestContext,
    *,
    endpoint_name: str,
    endpoint_config_name: str,
    retain_all_variant_properties: bool = False,
    exclude_retained_variant_properties: list[dict[str, str]] | None = None,
    deployment_config: dict[str, Any] | None = None,
    retain_deployment_config: bool = False,
) -> dict[str, Any]:
    """Serve another configuration; the old one answers until the new one does."""
    excluded = {item["VariantPropertyType"] for item in exclude_retained_variant_properties or ()}

    def wanted(connection: Connection, row: EndpointRow, state: EndpointState) -> Deployment:
        pending = _deployment(context, connection, endpoint_config_name, number=row.n_deployments + 1)
        if retain_all_variant_properties and state.deployment is not None:
            pending = _retaining(pending, state.deployment, excluded)
        return pending

    return await _update(context, endpoint_name, wanted, deployment_config)


@operation("sagemaker", "UpdateEndpointWeightsAndCapacities")
async def update_endpoint_weights_and_capacities(
    context: RequestContext,
    *,
    endpoint_name: str,
    desired_weights_and_capacities: list[dict[str, Any]],
) -> dict[str, Any]:
    """Change the shares of variants in the traffic, or how many instances they have."""

    def wanted(connection: Connection, row: EndpointRow, state: EndpointState) -> Deployment:
        if state.deployment is None:
            raise IllegalTransition("Nothing serves.")
        return with_desired(state.deployment, desired_weights_and_capacities)

    return await _update(context, endpoint_name, wanted, None)


@operation("sagemaker", "DeleteEndpoint")
async def delete_endpoint(context: RequestContext, *, endpoint_name: str) -> None:
    """End an endpoint's processes and forget it; its configuration and models stay."""

    def write(connection: Connection) -> int:
        row = _named(context, connection, endpoint_name)
        if row.status != Status.DELETING:
            change(connection, row, DeleteRequested(), now=context.now)
        return row.id

    key = await context.app.database.awrite(write)
    context.app.routes.remove(context.region, endpoint_name)
    context.app.supervisor.wake(_KIND, key)


@reads("sagemaker", "DescribeEndpoint")
def describe_endpoint(
    context: RequestContext, connection: Connection, *, endpoint_name: str
) -> dict[str, Any]:
    """One endpoint."""
    return described(_named(context, connection, endpoint_name))


@reads("sagemaker", "ListEndpoints")
def list_endpoints(
    context: RequestContext, connection: Connection, **asked: Unpack[JobFilters]
) -> dict[str, Any]:
    """The endpoints of the region."""
    page = page_of_named(context, store.all_of_region(connection, context.region), asked)
    return {
        "Endpoints": [
            {
                "EndpointName": row.name,
                "EndpointArn": row.arn,
                "CreationTime": row.created_at,
                "LastModifiedTime": row.modified_at,
                "EndpointStatus": row.status,
            }
            for row in page.items
        ],
        "NextToken": page.next_token,
    }


def arn_of(context: RequestContext, name: str) -> str:
    """The ARN of an endpoint of this name."""
    return f"arn:aws:sagemaker:{context.region}:{context.account_id}:endpoint/{name.lower()}"


_Wanted = Callable[[Connection, EndpointRow, EndpointState], Deployment]


async def _update(
    context: RequestContext, name: str, wanted: _Wanted, deployment_config: dict[str, Any] | None
) -> dict[str, Any]:
    def write(connection: Connection) -> EndpointRow:
        row = _named(context, connection, name)
        if row.status in (Status.CREATING, Status.UPDATING, Status.DELETING):
            raise InvalidRequest(f'Cannot update in-progress endpoint "{row.arn}".', field="EndpointName")
        state = store.state_of(row)
        if state.status is not Status.IN_SERVICE:
            raise InvalidRequest(
                f'Cannot update endpoint "{row.arn}", which is {row.status}; delete it and create another.',
                field="EndpointName",
            )
        event = UpdateRequested(wanted(connection, row, state))
        change(connection, row, event, now=context.now, deployment_config=deployment_config)
        return row

    row = await context.app.database.awrite(write)
    context.app.supervisor.wake(_KIND, row.id)
    return {"EndpointArn": row.arn}


def _named(context: RequestContext, connection: Connection, name: str) -> EndpointRow:
    row = store.named(connection, context.region, name)
    if row is None:
        raise InvalidRequest(
            f'Could not find endpoint "{arn_of(context, name)}".', field="EndpointName", value=name
        )
    return row


def _deployment(
    context: RequestContext, connection: Connection, config_name: str, *, number: int
) -> Deployment:
    """A configuration and its models as they are now."""
    config = endpoint_configs.named(context, connection, config_name)
    request = orjson.loads(config.request)
    variants = []
    for given in request["ProductionVariants"]:
        model = models.named(connection, context.region, given["ModelName"])
        if model is None:
            raise InvalidRequest(
                f'Could not find model "{model_arn(context, given["ModelName"])}".',
                field="EndpointConfigName",
                value=given["ModelName"],
            )
        variants.append(
            Variant(
                name=given["VariantName"],
                model_name=model.name,
                model=orjson.loads(model.request),
                count=given.get("InitialInstanceCount", 1),
                weight=given.get("InitialVariantWeight", 1.0),
                settings=given,
            )
        )
    return Deployment(number, config.name, request, context.now, tuple(variants))


def _retaining(pending: Deployment, current: Deployment, excluded: Collection[str]) -> Deployment:
    config = dict(pending.config)
    if "DataCaptureConfig" not in excluded:
        config.pop("DataCaptureConfig", None)
        if "DataCaptureConfig" in current.config:
            config["DataCaptureConfig"] = current.config["DataCaptureConfig"]
    variants = retained(pending.variants, current.variants, excluded)
    shares(variants)
    return dataclasses.replace(pending, config=config, variants=variants)
