"""How an endpoint is called, as lines to copy."""

from __future__ import annotations

import shlex

from labelwright.console.wording import literal

__all__ = ["boto3_call", "cli_call"]

_PICTURE = ("image/jpeg", "picture.jpg")
_BODIES = {
    "object-detection": _PICTURE,
    "image-classification": _PICTURE,
    "semantic-segmentation": _PICTURE,
    "blazingtext": ("application/json", "texts.json"),
}
_OTHER = ("application/json", "body.json")


def boto3_call(endpoint: str, region: str, algorithm: str | None) -> str:
    """Python lines.

    Parameters
    ----------
    endpoint, region : str
    algorithm : str or None
        The built-in algorithm that answers, by which the body is chosen.
    """
    content_type, file = _BODIES.get(algorithm or "", _OTHER)
    body = f'open("{file}", "rb").read()'
    if algorithm == "blazingtext":
        body = """b'{"instances": ["a text"]}'"""
    return f"""import boto3

runtime = boto3.client("sagemaker-runtime", region_name={literal(region)})
answer = runtime.invoke_endpoint(
    EndpointName={literal(endpoint)},
    ContentType="{content_type}",
    Body={body},
)
print(answer["Body"].read())"""


def cli_call(endpoint: str, region: str, algorithm: str | None) -> str:
    """Lines for a shell; the parameters are those of `boto3_call`."""
    content_type, file = _BODIES.get(algorithm or "", _OTHER)
    return f"""aws sagemaker-runtime invoke-endpoint \\
    --region {shlex.quote(region)} --endpoint-name {shlex.quote(endpoint)} \\
    --content-type {content_type} --body fileb://{file} answer.out"""
