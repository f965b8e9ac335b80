"""Endpoint configurations: which models answer under an endpoint, with which shares and how many processes.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html and its neighbours.
Differences: instance types, accelerators, volumes, networks and encryption keys are kept and shown, and
change nothing; of the instances of a variant, as many processes run as the setting ``endpoint_processes``
allows; shadow variants are refused, because nothing would be sent to them. A configuration that an endpoint
uses may be deleted: the endpoint has its own copy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.models import model_arn
from labelwright.api.paging import NamedFilters, page_of_named
from labelwright.errors import InvalidRequest
from labelwright.store import endpoint_configs as store
from labelwright.store import models
from labelwright.store.endpoint_configs import EndpointConfigRow
from labelwright.store.tags import add_tags, delete_all_tags

__all__ = ["arn_of", "named"]

_SHOWN = (
    "ProductionVariants",
    "DataCaptureConfig",
    "KmsKeyId",
    "AsyncInferenceConfig",
    "ExplainerConfig",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
    "MetricsConfig",
)


@writes("sagemaker", "CreateEndpointConfig")
def create_endpoint_config(
    context: RequestContext,
    connection: Connection,
    *,
    endpoint_config_name: str,
    production_variants: list[dict[str, Any]],
    shadow_production_variants: list[dict[str, Any]] | None = None,
    tags: list[dict[str, str]] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Write a configuration down; nothing starts."""
    arn = arn_of(context, endpoint_config_name)
    if store.named(connection, context.region, endpoint_config_name) is not None:
        raise InvalidRequest(
            f'Cannot create already existing endpoint configuration "{arn}".', field="EndpointConfigName"
        )
    if shadow_production_variants:
        raise InvalidRequest(
            "ShadowProductionVariants are not supported by this server; leave them out.",
            field="ShadowProductionVariants",
        )
    for i, variant in enumerate(production_variants):
        _check_variant(context, connection, variant, f"ProductionVariants[{i}]")
    _check_together(production_variants)
    request = {key: value for key, value in context.parameters.items() if key != "Tags"}
    store.add(
        connection,
        region=context.region,
        name=endpoint_config_name,
        arn=arn,
        request=request,
        now=context.now,
    )
    if tags:
        add_tags(connection, arn, tags)
    return {"EndpointConfigArn": arn}


@reads("sagemaker", "DescribeEndpointConfig")
def describe_endpoint_config(
    context: RequestContext, connection: Connection, *, endpoint_config_name: str
) -> dict[str, Any]:
    """One configuration."""
    row = named(context, connection, endpoint_config_name)
    request = orjson.loads(row.request)
    shown = {key: request[key] for key in _SHOWN if key in request}
    # Weights that were not given are shown as what they are.
    shown["ProductionVariants"] = [
        {"InitialVariantWeight": 1.0, **variant} for variant in shown["ProductionVariants"]
    ]
    return {
        "EndpointConfigName": row.name,
        "EndpointConfigArn": row.arn,
        "CreationTime": row.created_at,
        **shown,
    }


@reads("sagemaker", "ListEndpointConfigs")
def list_endpoint_configs(
    context: RequestContext, connection: Connection, **asked: Unpack[NamedFilters]
) -> dict[str, Any]:
    """The configurations of the region."""
    page = page_of_named(context, store.all_of_region(connection, context.region), asked)
    return {
        "EndpointConfigs": [
            {
                "EndpointConfigName": row.name,
                "EndpointConfigArn": row.arn,
                "CreationTime": row.created_at,
            }
            for row in page.items
        ],
        "NextToken": page.next_token,
    }


@writes("sagemaker", "DeleteEndpointConfig")
def delete_endpoint_config(
    context: RequestContext, connection: Connection, *, endpoint_config_name: str
) -> None:
    """Forget a configuration; endpoints made from it go on."""
    row = named(context, connection, endpoint_config_name)
    delete_all_tags(connection, row.arn)
    store.delete(connection, row.id)


def arn_of(context: RequestContext, name: str) -> str:
    """The ARN of a configuration of this name."""
    return f"arn:aws:sagemaker:{context.region}:{context.account_id}:endpoint-config/{name.lower()}"


def named(context: RequestContext, connection: Connection, name: str) -> EndpointConfigRow:
    """A configuration by its name.

    Raises
    ------
    InvalidRequest
    """
    row = store.named(connection, context.region, name)
    if row is None:
        raise InvalidRequest(
            f'Could not find endpoint configuration "{arn_of(context, name)}".',
            field="EndpointConfigName",
            value=name,
        )
    return row


def _check_variant(
    context: RequestContext, connection: Connection, variant: Mapping[str, Any], path: str
) -> None:
    name = variant.get("ModelName")
    if not name:
        raise InvalidRequest(
            f"{path}.ModelName is missing; a variant without a model would hold inference components, which "
            "this server does not have. Name a model.",
            field=f"{path}.ModelName",
        )
    if models.named(connection, context.region, name) is None:
        raise InvalidRequest(
            f'Could not find model "{model_arn(context, name)}".', field=f"{path}.ModelName", value=name
        )
    is_serverless = "ServerlessConfig" in variant
    has_instances = "InstanceType" in variant or "InstancePools" in variant
    if is_serverless == (has_instances or "InitialInstanceCount" in variant):
        raise InvalidRequest(
            f"{path} must have either ServerlessConfig, or InstanceType and InitialInstanceCount.", field=path
        )
    memory = variant.get("ServerlessConfig", {}).get("MemorySizeInMB", 1024)
    if memory % 1024:
        raise InvalidRequest(
            f"{path}.ServerlessConfig.MemorySizeInMB is {memory}; it must be a multiple of 1024.",
            field=f"{path}.ServerlessConfig.MemorySizeInMB",
            value=memory,
        )


def _check_together(variants: Sequence[Mapping[str, Any]]) -> None:
    names = [variant["VariantName"] for variant in variants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest(
            f'The variant name "{twice}" is given twice; names must be unique in a configuration.',
            field="ProductionVariants",
            value=twice,
        )
    total = sum(variant.get("InitialVariantWeight", 1.0) for variant in variants)
    if not math.isfinite(total):
        raise InvalidRequest(
            f"The sum of InitialVariantWeight is {total:g}; it must be a number.",
            field="ProductionVariants",
            value=total,
        )
    if total <= 0:
        raise InvalidRequest(
            "All weights are 0, so no variant would get requests; give at least one InitialVariantWeight "
            "above 0.",
            field="ProductionVariants",
        )
