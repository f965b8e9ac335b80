"""What Lambda's handlers share: names, qualifiers, and the form in which functions are shown."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from labelwright.api.context import RequestContext
from labelwright.core.function_names import FunctionName, parse_function_name
from labelwright.errors import InvalidRequest, NotFound
from labelwright.store.functions import LATEST, FunctionRow, function_arn

__all__ = ["configuration", "named", "qualified"]


def named(context: RequestContext, text: str) -> FunctionName:
    """The function that a request names, in the request's region.

    Raises
    ------
    InvalidRequest
    NotFound
        When the name is of another account or region.
    """
    found = parse_function_name(text)
    if found.account not in (None, context.account_id):
        raise NotFound(
            f"Function not found: {text}. Functions of this server have the account {context.account_id}: "
            f"{function_arn(context.region, found.name)}",
            kind="function",
            name=text,
        )
    if found.region not in (None, context.region):
        raise NotFound(
            f"Functions from {found.region!r} are not reachable in this region ({context.region!r}).",
            kind="function",
            name=text,
        )
    return found


def qualified(context: RequestContext, text: str, qualifier: str | None) -> tuple[str, str | None]:
    """Name and qualifier of a request that may give the qualifier twice.

    Raises
    ------
    InvalidRequest, NotFound
    """
    found = named(context, text)
    if qualifier and found.qualifier and qualifier != found.qualifier:
        raise InvalidRequest(
            f"The derived qualifier from the function name {found.qualifier!r} does not match the specified "
            f"qualifier {qualifier!r}.",
            field="Qualifier",
            value=qualifier,
        )
    return found.name, qualifier or found.qualifier


def configuration(row: FunctionRow, qualifier: str | None = None) -> dict[str, Any]:
    """``FunctionConfiguration`` of a version.

    Parameters
    ----------
    qualifier : str, optional
        How it was asked for; it is shown in the ARN.
    """
    settings = dict(row.settings)
    variables = settings.pop("Environment", None)
    if row.version != LATEST and qualifier is None:
        qualifier = row.version
    at = datetime.fromtimestamp(row.modified_at, UTC)
    return {
        "FunctionName": row.name,
        "FunctionArn": row.arn + (f":{qualifier}" if qualifier else ""),
        "CodeSize": row.code_bytes,
        "CodeSha256": base64.b64encode(bytes.fromhex(row.code_sha256)).decode(),
        "LastModified": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000",
        "Version": row.version,
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": row.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{row.name}"},
        **settings,
        **({"Environment": {"Variables": variables}} if variables else {}),
    }
