"""Functions: create, change, show, list, delete.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html and its neighbours. Differences: only
zips with Python code are taken, and they run on the server's own interpreter whatever ``Runtime`` says;
layers and images are refused, networks and roles have no meaning; a function is active at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads, writes
from labelwright.api.lambda_shapes import configuration, named, qualified
from labelwright.api.paging import page_of
from labelwright.errors import InvalidRequest
from labelwright.store import functions as store
from labelwright.store.functions import LATEST, FunctionRow
from labelwright.store.tags import add_tags, list_tags

__all__: list[str] = []

_UPLOAD_BYTES_MAX = 70_167_211  # a zip of 50 MB in base64, as AWS has it
_LINK_S = 600
_TIMEOUT_S_MAX = 900
_MEMORY_MB_MAX = 10_240
_VARIABLES_BYTES_MAX = 4096
_RESERVED = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
    }
)  # fmt: skip


@operation("lambda", "CreateFunction", body_bytes_max=_UPLOAD_BYTES_MAX)
def create_function(
    context: RequestContext,
    *,
    function_name: str,
    role: str,
    code: Mapping[str, Any],
    runtime: str | None = None,
    handler: str | None = None,
    publish: bool = False,
    tags: Mapping[str, str] | None = None,
    package_type: str = "Zip",
    layers: list[str] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Keep a zip and the settings of a function; the zip is checked and unpacked before it is accepted."""
    name = named(context, function_name).name
    if package_type != "Zip" or code.get("ImageUri"):
        raise InvalidRequest(
            "Functions from container images are not run here; send a zip with Python code.",
            field="PackageType",
            value=package_type,
        )
    if runtime is None or handler is None:
        raise InvalidRequest(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            field="Runtime" if runtime is None else "Handler",
        )
    kept = {
        "Runtime": _runtime(runtime),
        "Role": role,
        "Handler": handler,
        **_settings(layers=layers, **settings),
    }
    source = _source(code)

    def write(connection: Connection, sha256: str, n_bytes: int) -> FunctionRow:
        row = FunctionRow(
            region=context.region,
            name=name,
            version=LATEST,
            code_sha256=sha256,
            code_bytes=n_bytes,
            revision_id=str(uuid.uuid4()),
            settings=kept,
            modified_at=context.now,
        )
        store.create(connection, row)
        if tags:
            add_tags(connection, row.arn, [{"Key": k, "Value": v} for k, v in tags.items()])
        if publish:
            return store.publish(connection, context.region, name, now=context.now)
        return row

    return configuration(context.app.functions.with_code(source, write))


@operation("lambda", "UpdateFunctionCode", body_bytes_max=_UPLOAD_BYTES_MAX)
def update_function_code(
    context: RequestContext,
    *,
    function_name: str,
    publish: bool = False,
    dry_run: bool = False,
    revision_id: str | None = None,
    **code: Any,
) -> dict[str, Any]:
    """Replace the code; the next invocation runs the new one."""
    name = named(context, function_name).name
    row = context.app.database.read(lambda connection: store.resolve(connection, context.region, name))
    store.check_revision(revision_id, row.revision_id)
    wire = {"zip_file": "ZipFile", "s3_bucket": "S3Bucket", "s3_key": "S3Key", "image_uri": "ImageUri"}
    source = _source({wire[key]: value for key, value in code.items() if key in wire})
    if dry_run:
        return configuration(row)

    def write(connection: Connection, sha256: str, n_bytes: int) -> FunctionRow:
        new = store.update(
            connection, context.region, name, now=context.now, code=(sha256, n_bytes), revision_id=revision_id
        )
        return store.publish(connection, context.region, name, now=context.now) if publish else new

    new = context.app.functions.with_code(source, write)
    context.app.functions.forget_code(row.code_sha256)
    return configuration(new)


@writes("lambda", "UpdateFunctionConfiguration")
def update_function_configuration(
    context: RequestContext,
    connection: Connection,
    *,
    function_name: str,
    revision_id: str | None = None,
    runtime: str | None = None,
    handler: str | None = None,
    role: str | None = None,
    layers: list[str] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Change the members that are given; running invocations end with the old ones."""
    given = {
        "Runtime": None if runtime is None else _runtime(runtime),
        "Role": role,
        "Handler": handler,
        **_settings(layers=layers, **settings),
    }
    row = store.update(
        connection,
        context.region,
        named(context, function_name).name,
        now=context.now,
        settings={key: value for key, value in given.items() if value is not None},
        revision_id=revision_id,
    )
    return configuration(row)


@operation("lambda", "GetFunction")
def get_function(
    context: RequestContext, *, function_name: str, qualifier: str | None = None
) -> dict[str, Any]:
    """Settings, tags, and a link (ten minutes) from which the zip can be got."""
    name, which = qualified(context, function_name, qualifier)

    def read(connection: Connection) -> tuple[FunctionRow, list[dict[str, str]]]:
        row = store.resolve(connection, context.region, name, which)
        return row, list_tags(connection, row.arn)

    row, tags = context.app.database.read(read)
    location = context.app.functions.code.location(
        row.code_sha256, base_url=context.base_url, expires_s=_LINK_S, now=context.now
    )
    return {
        "Configuration": configuration(row, which),
        "Code": {"RepositoryType": "S3", "Location": location},
        "Tags": {tag["Key"]: tag["Value"] for tag in tags} or None,
    }


@reads("lambda", "GetFunctionConfiguration")
def get_function_configuration(
    context: RequestContext, connection: Connection, *, function_name: str, qualifier: str | None = None
) -> dict[str, Any]:
    """The settings of a version."""
    name, which = qualified(context, function_name, qualifier)
    return configuration(store.resolve(connection, context.region, name, which), which)


@reads("lambda", "ListFunctions")
def list_functions(
    context: RequestContext,
    connection: Connection,
    *,
    function_version: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
    master_region: str | None = None,
) -> dict[str, Any]:
    """The functions of the region by name, at most 50 a page."""
    rows = store.list_functions(connection, context.region, has_versions=function_version == "ALL")
    page = page_of(
        context,
        list(enumerate(rows)),
        key=lambda pair: (pair[1].name, pair[1].version),
        next_token=marker,
        max_results=min(max_items or 50, 50),
    )
    return {"Functions": [configuration(row) for _, row in page.items], "NextMarker": page.next_token}


@operation("lambda", "DeleteFunction")
def delete_function(
    context: RequestContext, *, function_name: str, qualifier: str | None = None
) -> dict[str, Any]:
    """Delete a version, or the function with its versions and aliases; what is running ends as it is."""
    name, which = qualified(context, function_name, qualifier)
    context.app.functions.delete(context.region, name, which)
    return {"StatusCode": 204}


def _source(code: Mapping[str, Any]) -> bytes | str:
    data, bucket, key = code.get("ZipFile"), code.get("S3Bucket"), code.get("S3Key")
    if data is not None and not bucket and not key:
        return bytes(data)
    if data is None and bucket and key:
        return f"s3://{bucket}/{key}"
    raise InvalidRequest(
        "Please provide a source for function code: ZipFile, or S3Bucket together with S3Key, and not both.",
        field="Code",
    )


def _runtime(text: str) -> str:
    if not text.startswith("python3."):
        raise InvalidRequest(
            f"The runtime parameter of {text} is not supported here; functions run on Python: use python3.11 "
            "or another python3 runtime.",
            field="Runtime",
            value=text,
        )
    return text


def _settings(
    *,
    description: str | None = None,
    timeout: int | None = None,
    memory_size: int | None = None,
    environment: Mapping[str, Any] | None = None,
    architectures: list[str] | None = None,
    ephemeral_storage: Mapping[str, Any] | None = None,
    layers: list[str] | None = None,
    **ignored: Any,
) -> dict[str, Any]:
    """What is kept of the other members."""
    if layers:
        raise InvalidRequest(
            "Layers are not supported here; put what the function imports into its zip.",
            field="Layers",
            value=layers,
        )
    for field, value, most in (
        ("Timeout", timeout, _TIMEOUT_S_MAX),
        ("MemorySize", memory_size, _MEMORY_MB_MAX),
    ):
        if value is not None and value > most:
            raise InvalidRequest(f"{field} {value} must be at most {most}.", field=field, value=value)
    found = {
        "Description": description,
        "Timeout": timeout,
        "MemorySize": memory_size,
        "Environment": None if environment is None else _variables(environment.get("Variables") or {}),
        "Architectures": architectures,
        "EphemeralStorage": ephemeral_storage,
    }
    return {key: value for key, value in found.items() if value is not None}


def _variables(variables: Mapping[str, str]) -> dict[str, str]:
    reserved = sorted(_RESERVED & set(variables))
    if reserved:
        raise InvalidRequest(
            "Lambda was unable to configure your environment variables because the environment variables you "
            "have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}",
            field="Environment",
            value=reserved,
        )
    n_bytes = sum(len(key.encode()) + len(value.encode()) for key, value in variables.items())
    if n_bytes > _VARIABLES_BYTES_MAX:
        raise InvalidRequest(
            "Lambda was unable to configure your environment variables because the environment variables you "
            f"have provided exceeded the {_VARIABLES_BYTES_MAX // 1024}KB limit: {n_bytes} bytes.",
            field="Environment",
            value=n_bytes,
        )
    if any("\0" in value for value in variables.values()):
        raise InvalidRequest("Environment variables must not hold the character NUL.", field="Environment")
    return dict(variables)
