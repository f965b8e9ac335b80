"""IAM: roles, as far as clients look at them before they name one.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html and its neighbours.
Differences: there are no policies to weigh. Every role of the account exists, is trusted by SageMaker and may
do everything; what a request names as its role is kept and shown, and has no effect. Scripts that make a role
for their functions are answered as if there had been something to do; nothing is kept of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import orjson

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation
from labelwright.errors import NotFound

__all__ = ["DEFAULT_ROLE"]

DEFAULT_ROLE = "LabelwrightRole"
"""The role of whoever holds the root credentials."""

_CREATED_AT = 1_704_067_200.0  # 2024-01-01: roles were always there
_TRUSTED = (
    "sagemaker.amazonaws.com",
    "lambda.amazonaws.com",
    "scheduler.amazonaws.com",
    "bedrock.amazonaws.com",
)
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(?:role|user)/[\w+=,.@/-]{1,512}|arn:.*:root", re.ASCII)


@operation("iam", "GetRole")
async def get_role(context: RequestContext, *, role_name: str) -> dict[str, Any]:
    """A role: every name is one."""
    return {"Role": _role(context, role_name)}


@operation("iam", "CreateRole")
async def create_role(
    context: RequestContext, *, role_name: str, path: str = "/", **_: Any
) -> dict[str, Any]:
    """A role, which was there already."""
    return {"Role": _role(context, role_name, path)}


@operation("iam", "DeleteRole")
async def delete_role(context: RequestContext, *, role_name: str) -> None:
    """Nothing: there is nothing of a role to delete."""


@operation("iam", "AttachRolePolicy")
async def attach_role_policy(context: RequestContext, *, role_name: str, policy_arn: str) -> None:
    """Nothing: every role may do everything."""


@operation("iam", "DetachRolePolicy")
async def detach_role_policy(context: RequestContext, *, role_name: str, policy_arn: str) -> None:
    """Nothing: every role may do everything."""


@operation("iam", "PutRolePolicy")
async def put_role_policy(context: RequestContext, *, role_name: str, **_: Any) -> None:
    """Nothing: every role may do everything."""


@operation("iam", "DeleteRolePolicy")
async def delete_role_policy(context: RequestContext, *, role_name: str, **_: Any) -> None:
    """Nothing: every role may do everything."""


@operation("iam", "ListRoles")
async def list_roles(context: RequestContext, *, path_prefix: str = "/", **_: Any) -> dict[str, Any]:
    """The one role that clients get when they ask who they are."""
    roles = [_role(context, DEFAULT_ROLE)] if path_prefix == "/" else []
    return {"Roles": roles, "IsTruncated": False}


@operation("iam", "SimulatePrincipalPolicy")
async def simulate_principal_policy(
    context: RequestContext,
    *,
    policy_source_arn: str,
    action_names: Sequence[str],
    resource_arns: Sequence[str] = ("*",),
    **_: Any,
) -> dict[str, Any]:
    """Whether a role may do something: it may."""
    if not _ROLE_ARN.fullmatch(policy_source_arn):
        raise NotFound(
            f"The policy source {policy_source_arn} is not the ARN of a role or user.",
            kind="role",
            name=policy_source_arn,
        )
    results = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed"}
        for action in action_names
        for resource in resource_arns or ("*",)
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _role(context: RequestContext, name: str, path: str = "/") -> dict[str, Any]:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": list(_TRUSTED)}, "Action": "sts:AssumeRole"}
        ],
    }
    return {
        "Path": path,
        "RoleName": name,
        "RoleId": "AROA" + hashlib.sha256(name.encode()).hexdigest()[:16].upper(),
        "Arn": f"arn:aws:iam::{context.account_id}:role{path}{name}",
        "CreateDate": _CREATED_AT,
        # URL-encoded in the answer, as RFC 3986 has it; clients decode it.
        "AssumeRolePolicyDocument": quote(orjson.dumps(trust), safe=""),
        "MaxSessionDuration": 43_200,
    }
