"""STS: who am I, and temporary credentials.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

from typing import Any

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation

__all__: list[str] = []


@operation("sts", "GetCallerIdentity")
async def get_caller_identity(context: RequestContext) -> dict[str, Any]:
    """The account's root: there is one pair of keys."""
    return {
        "UserId": context.account_id,
        "Account": context.account_id,
        "Arn": f"arn:aws:iam::{context.account_id}:root",
    }
