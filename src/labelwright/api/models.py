"""Models: those that jobs trained, and those that somebody registers.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html and its neighbours.
Differences: networks and network isolation are kept and shown, and change nothing. An artifact must be there
when the model is registered, as AWS has it. Endpoints and transform jobs keep a copy of what they use, so a
model may be deleted under them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Unpack

import orjson
from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads, writes
from labelwright.api.paging import NamedFilters, page_of_named
from labelwright.core.training_rules import check_texts
from labelwright.errors import AccessRefused, BlobNotFound, InvalidRequest
from labelwright.store import models as store
from labelwright.store.models import ModelRow
from labelwright.store.tags import add_tags, delete_all_tags

__all__ = ["model_arn"]

_SHOWN = (
    "PrimaryContainer",
    "Containers",
    "InferenceExecutionConfig",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
)
_ENVIRONMENT_BYTES_MAX = 32 << 10


@operation("sagemaker", "CreateModel")
def create_model(
    context: RequestContext,
    *,
    model_name: str,
    tags: list[dict[str, str]] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Register a model."""
    request = {key: value for key, value in context.parameters.items() if key != "Tags"}
    for path, definition in _definitions(request):
        _check(context, path, definition)
    arn = model_arn(context, model_name)

    def write(connection: Connection) -> None:
        store.add(
            connection, region=context.region, name=model_name, arn=arn, request=request, now=context.now
        )
        if tags:
            add_tags(connection, arn, tags)

    context.app.database.write(write)
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
    context: RequestContext, connection: Connection, **asked: Unpack[NamedFilters]
) -> dict[str, Any]:
    """The models of the region."""
    page = page_of_named(context, store.all_of_region(connection, context.region), asked)
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


def model_arn(context: RequestContext, name: str) -> str:
    """The ARN of a model of this name."""
    return f"arn:aws:sagemaker:{context.region}:{context.account_id}:model/{name.lower()}"


def _named(context: RequestContext, connection: Connection, name: str) -> ModelRow:
    row = store.named(connection, context.region, name)
    if row is None:
        raise InvalidRequest(
            f'Could not find model "{model_arn(context, name)}".', field="ModelName", value=name
        )
    return row


def _definitions(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The containers of a model, with the paths of their members."""
    primary, several = request.get("PrimaryContainer"), request.get("Containers")
    if bool(primary) == bool(several):
        raise InvalidRequest(
            "Exactly one of PrimaryContainer and Containers must be given.", field="PrimaryContainer"
        )
    if primary:
        yield "PrimaryContainer", primary
        return
    names = [
        container["ContainerHostname"] for container in several or () if "ContainerHostname" in container
    ]
    if len(set(names)) < len(names):
        raise InvalidRequest("Each ContainerHostname must be unique in a model.", field="Containers")
    is_direct = (request.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"
    if is_direct and len(names) < len(several or ()):
        raise InvalidRequest(
            "With InferenceExecutionConfig.Mode Direct every container needs a ContainerHostname.",
            field="Containers",
        )
    for i, container in enumerate(several or ()):
        yield f"Containers[{i}]", container


def _check(context: RequestContext, path: str, definition: Mapping[str, Any]) -> None:
    if not definition.get("Image"):
        raise InvalidRequest(
            f"{path}.Image is missing; this server has no model packages, so name an image.",
            field=f"{path}.Image",
        )
    environment = definition.get("Environment") or {}
    check_texts(f"{path}.Environment", environment)
    n_bytes = sum(len(key.encode()) + len(value.encode()) for key, value in environment.items())
    if n_bytes > _ENVIRONMENT_BYTES_MAX:
        raise InvalidRequest(
            f"{path}.Environment has {n_bytes} bytes; at most {_ENVIRONMENT_BYTES_MAX} are allowed.",
            field=f"{path}.Environment",
        )
    if definition.get("ModelDataUrl") and definition.get("ModelDataSource"):
        raise InvalidRequest(
            f"{path} has both ModelDataUrl and ModelDataSource; give one of them.",
            field=f"{path}.ModelDataUrl",
        )
    if definition.get("Mode") == "MultiModel":
        if not str(definition.get("ModelDataUrl", "")).startswith("s3://"):
            raise InvalidRequest(
                f"{path}.ModelDataUrl must be the s3:// prefix of the archives of a MultiModel container.",
                field=f"{path}.ModelDataUrl",
            )
        return  # what is below the prefix may come and go
    _check_artifact(context, path, definition)


def _check_artifact(context: RequestContext, path: str, definition: Mapping[str, Any]) -> None:
    source = (definition.get("ModelDataSource") or {}).get("S3DataSource")
    uri = definition.get("ModelDataUrl") or (source or {}).get("S3Uri")
    if not uri:
        return
    if not uri.startswith("s3://"):
        raise InvalidRequest(
            f"The model data of {path} is at {uri!r}; it must be an s3:// URI.",
            field=f"{path}.ModelDataUrl",
            value=uri,
        )
    is_prefix = source is not None and source["S3DataType"] == "S3Prefix"
    blobs = context.app.blobs
    try:
        if is_prefix:
            is_there = next(iter(blobs.list(uri)), None) is not None
        else:
            blobs.head(uri)
            is_there = True
    except (BlobNotFound, AccessRefused):
        is_there = False
    if not is_there:
        raise InvalidRequest(f"Could not find model data at {uri}.", field=f"{path}.ModelDataUrl", value=uri)
