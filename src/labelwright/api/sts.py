"""STS: who am I, and temporary credentials.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html and its neighbours.
Differences: there are no roles and no policies; temporary credentials may do what the root credentials may,
until they end. Trust policies, external ids and multi-factor codes are not looked at.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation
from labelwright.api.iam import DEFAULT_ROLE
from labelwright.errors import AccessRefused

__all__: list[str] = []

_SESSION = "labelwright"
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/([\w+=,.@/-]{1,512})", re.ASCII)


@operation("sts", "AssumeRole")
async def assume_role(
    context: RequestContext,
    *,
    role_arn: str,
    role_session_name: str,
    duration_seconds: int = 3600,
    **ignored: Any,
) -> dict[str, Any]:
    """Temporary credentials for any role of any account: there is nothing to check a role against.

    Labeling jobs keep the ``RoleArn`` that scripts have for AWS, and published functions assume it.
    """
    match = _ROLE.fullmatch(role_arn)
    if match is None:
        raise AccessRefused(
            f"RoleArn {role_arn} is not the ARN of a role; it looks like "
            f"arn:aws:iam::{context.account_id}:role/NAME."
        )
    session = f"{match.group(2).rpartition('/')[2]}/{role_session_name}"
    return {
        "Credentials": _credentials(context, duration_seconds),
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROALABELWRIGHT:{role_session_name}",
            "Arn": f"arn:aws:sts::{match.group(1)}:assumed-role/{session}",
        },
    }


@operation("sts", "GetSessionToken")
async def get_session_token(
    context: RequestContext, *, duration_seconds: int = 43200, **ignored: Any
) -> dict[str, Any]:
    """Temporary credentials that may do what the caller may."""
    return {"Credentials": _credentials(context, duration_seconds)}


def _credentials(context: RequestContext, duration_s: int) -> dict[str, Any]:
    made = context.app.credentials.temporary(now=context.now, duration_s=duration_s)
    return {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "SessionToken": secrets.token_urlsafe(48),  # what counts is in the key id; clients expect one
        "Expiration": made.expires_at,
    }


@operation("sts", "GetCallerIdentity")
async def get_caller_identity(context: RequestContext) -> dict[str, Any]:
    """The caller's role: one and the same for everybody who holds keys.

    Clients make the ARN of an execution role from it (``get_execution_role`` of the SageMaker SDK), so it is
    an assumed role and not the account's root.
    """
    return {
        "UserId": f"AROALABELWRIGHT:{_SESSION}",
        "Account": context.account_id,
        "Arn": f"arn:aws:sts::{context.account_id}:assumed-role/{DEFAULT_ROLE}/{_SESSION}",
    }
