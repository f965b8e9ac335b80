"""Which door a request goes to. One port serves all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from labelwright.wire.sigv4 import scope_service

__all__ = ["Door", "door_of"]

Door = Literal["s3", "api", "portal", "console", "health", "metrics"]


def door_of(method: str, path: str, query: bytes, headers: Mapping[str, str]) -> Door:
    """The door for a request.

    Signed requests go by the service of their credential scope, whatever their path: a bucket may be called
    ``portal``. Unsigned ones go by their path; what is left over is S3's, whose anonymous requests look like
    anything.

    Parameters
    ----------
    method, path : str
        The path as decoded by the server.
    query : bytes
        Without the question mark.
    headers : mapping
        Lower-case names.
    """
    service = scope_service(headers, query)
    if service is not None:
        return "s3" if service == "s3" else "api"
    if path == "/":
        is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return "api" if method == "POST" and ("x-amz-target" in headers or is_form) else "s3"
    if path == "/health":
        return "health"
    if path == "/metrics":
        return "metrics"
    if path == "/portal" or path.startswith("/portal/"):
        return "portal"
    if path == "/console" or path.startswith("/console/"):
        return "console"
    return "s3"
