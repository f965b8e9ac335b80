"""Which door a request goes to."""

from __future__ import annotations

import pytest

from labelwright.wire.route import door_of


def signed(service: str) -> dict[str, str]:
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/{service}/aws4_request, "
        "SignedHeaders=host, Signature=00"
    }


PRESIGNED = b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "door"),
    [
        ("POST", "/", b"", signed("sagemaker"), "api"),
        ("POST", "/", b"", signed("sts"), "api"),
        ("POST", "/endpoints/e/invocations", b"", signed("sagemaker"), "api"),
        ("GET", "/portal/x", b"", signed("s3"), "s3"),
        ("GET", "/bucket/key", PRESIGNED, {}, "s3"),
        ("GET", "/health", b"", {}, "health"),
        ("GET", "/health/x", b"", {}, "s3"),
        ("GET", "/metrics", b"", {"authorization": "Bearer x"}, "metrics"),
        ("GET", "/metrics", b"", signed("s3"), "s3"),
        ("GET", "/metrics/x", b"", {}, "s3"),
        ("GET", "/portal", b"", {}, "portal"),
        ("POST", "/portal/api/session", b"", {}, "portal"),
        ("GET", "/portal-pictures/a.jpg", b"", {}, "s3"),
        ("GET", "/console/jobs", b"", {}, "console"),
        ("POST", "/", b"", {"x-amz-target": "SageMaker.ListWorkteams"}, "api"),
        ("POST", "/", b"", FORM, "api"),
        ("GET", "/", b"", {}, "s3"),
        ("OPTIONS", "/bucket/key", b"", {}, "s3"),
        ("GET", "/bucket/key", b"", {"authorization": "Bearer x"}, "s3"),
    ],
)
def test_doors(method: str, path: str, query: bytes, headers: dict[str, str], door: str) -> None:
    assert door_of(method, path, query, headers) == door
