"""How an endpoint is described, and the event that tells of each change of its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from labelwright.core.endpoint import Deployment, EndpointState, Event, Variant
from labelwright.store import endpoints, resource_events
from labelwright.store.endpoints import EndpointRow

__all__ = ["announce", "change", "described"]


def change(
    connection: Connection,
    row: EndpointRow,
    event: Event,
    *,
    now: float,
    deployment_config: Mapping[str, Any] | None = None,
) -> EndpointState:
    """Apply an event to an endpoint that was read in this transaction, and tell when its status is another.

    Raises
    ------
    IllegalTransition
    """
    state = endpoints.change(connection, row, event, now=now, deployment_config=deployment_config)
    if state.status != row.status:
        announce(connection, row.id, at=now)
    return state


def announce(connection: Connection, key: int, *, at: float) -> None:
    """Tell how an endpoint is now, in the transaction that changed it."""
    row = endpoints.get(connection, key)
    if row is None:
        return
    resource_events.add(
        connection,
        kind="endpoint",
        region=row.region,
        name=row.name,
        arn=row.arn,
        at=at,
        detail=described(row),
    )


def described(row: EndpointRow) -> dict[str, Any]:
    """The answer of DescribeEndpoint."""
    state = endpoints.state_of(row)
    shown = state.deployment or state.pending
    answer: dict[str, Any] = {
        "EndpointName": row.name,
        "EndpointArn": row.arn,
        "EndpointStatus": row.status,
        "CreationTime": row.created_at,
        "LastModifiedTime": row.modified_at,
        "EndpointConfigName": shown.config_name if shown is not None else None,
        "FailureReason": row.failure_reason,
        "LastDeploymentConfig": orjson.loads(row.deployment_config) if row.deployment_config else None,
    }
    if state.deployment is not None:
        desired = {v.name: v for v in (state.pending or state.deployment).variants}
        answer["ProductionVariants"] = [
            _variant(variant, desired.get(variant.name, variant), state.deployment)
            for variant in state.deployment.variants
        ]
        for name in ("AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig"):
            answer[name] = state.deployment.config.get(name)
        capture = state.deployment.config.get("DataCaptureConfig")
        if capture is not None:
            answer["DataCaptureConfig"] = _capture(capture)
    if state.pending is not None:
        answer["PendingDeploymentSummary"] = {
            "EndpointConfigName": state.pending.config_name,
            "StartTime": state.pending.started_at,
            "ProductionVariants": [
                _pending_variant(variant, state.pending) for variant in state.pending.variants
            ],
        }
    return {key: value for key, value in answer.items() if value is not None}


def _images(variant: Variant, deployment: Deployment) -> list[dict[str, Any]]:
    definitions = variant.model.get("Containers") or [variant.model.get("PrimaryContainer", {})]
    return [
        {
            "SpecifiedImage": definition["Image"],
            "ResolvedImage": definition["Image"],
            "ResolutionTime": deployment.started_at,
        }
        for definition in definitions
        if definition.get("Image")
    ]


def _variant(variant: Variant, desired: Variant, deployment: Deployment) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "VariantName": variant.name,
        "DeployedImages": _images(variant, deployment),
        "CurrentWeight": variant.weight,
        "DesiredWeight": desired.weight,
    }
    if "ServerlessConfig" in variant.settings:
        summary["CurrentServerlessConfig"] = variant.settings["ServerlessConfig"]
    else:
        summary["CurrentInstanceCount"] = variant.count
        summary["DesiredInstanceCount"] = desired.count
    for name in ("ManagedInstanceScaling", "RoutingConfig"):
        if name in variant.settings:
            summary[name] = variant.settings[name]
    return summary


def _pending_variant(variant: Variant, deployment: Deployment) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "VariantName": variant.name,
        "DeployedImages": _images(variant, deployment),
        "DesiredWeight": variant.weight,
        "DesiredInstanceCount": variant.count,
        "VariantStatus": [{"Status": "Creating", "StartTime": deployment.started_at}],
    }
    if "InstanceType" in variant.settings:
        summary["InstanceType"] = variant.settings["InstanceType"]
    return summary


def _capture(config: dict[str, Any]) -> dict[str, Any]:
    is_enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": is_enabled,
        "CaptureStatus": "Started" if is_enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
