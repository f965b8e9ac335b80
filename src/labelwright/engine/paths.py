"""Where a job's files are, and how times are written in their names and in them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

__all__ = [
    "consolidation_request_uri",
    "consolidation_response_uri",
    "creation_date",
    "file_stamp",
    "input_copy_uri",
    "intermediate_uri",
    "label_folder_uri",
    "large_answer_uri",
    "milliseconds",
    "output_manifest_uri",
    "response_stamp",
    "s3_uri",
    "worker_response_uri",
]

_PATH_STYLE = re.compile(r"https://s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?/([^/]+/.+)")
_HOST_STYLE = re.compile(r"https://([^/]+?)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?/(.+)")


def s3_uri(text: str) -> str:
    """The ``s3://`` form of an S3 URI; what is neither passes as it is.

    Examples
    --------
    >>> s3_uri("https://acme.s3.eu-west-1.amazonaws.com/in/a.manifest")
    's3://acme/in/a.manifest'
    """
    if match := _PATH_STYLE.fullmatch(text):
        return f"s3://{match.group(1)}"
    if match := _HOST_STYLE.fullmatch(text):
        return f"s3://{match.group(1)}/{match.group(2)}"
    return text


def output_manifest_uri(output_uri: str) -> str:
    """The augmented manifest."""
    return f"{output_uri}/manifests/output/output.manifest"


def input_copy_uri(output_uri: str) -> str:
    """Our copy of the input manifest: a later change of the original does not touch a running job."""
    return f"{output_uri}/temp/input.manifest"


def worker_response_uri(output_uri: str, iteration: int, object_no: int, stamp: str) -> str:
    """All answers to one object."""
    return f"{output_uri}/annotations/worker-response/iteration-{iteration}/{object_no}/{stamp}.json"


def consolidation_request_uri(output_uri: str, iteration: int, stamp: str) -> str:
    """What goes into a consolidation call."""
    return _consolidation(output_uri, "request", iteration, stamp)


def consolidation_response_uri(output_uri: str, iteration: int, stamp: str) -> str:
    """What came out of a consolidation call."""
    return _consolidation(output_uri, "response", iteration, stamp)


def _consolidation(output_uri: str, which: str, iteration: int, stamp: str) -> str:
    folder = f"annotations/consolidated-annotation/consolidation-{which}/iteration-{iteration}"
    return f"{output_uri}/{folder}/{stamp}.json"


def label_folder_uri(output_uri: str) -> str:
    """Where the files lie that labels refer to, such as masks."""
    return f"{output_uri}/annotations/consolidated-annotation/output"


def large_answer_uri(output_uri: str, iteration: int, object_no: int, position: int) -> str:
    """An answer too large to stand in the consolidation request."""
    return f"{output_uri}/temp/answers/iteration-{iteration}/{object_no}/{position}.json"


def intermediate_uri(output_uri: str, iteration: int, name: str) -> str:
    """The current batch's lines."""
    return f"{output_uri}/annotations/intermediate/{iteration}/{name}"


def response_stamp(frozen_at: float) -> str:
    """Stamp of worker-response files: the first full second after the last submission."""
    return file_stamp(math.ceil(frozen_at))


def file_stamp(second: int) -> str:
    """``YYYY-MM-DD_HH:MM:SS``, UTC.

    Examples
    --------
    >>> file_stamp(1714557600)
    '2024-05-01_10:00:00'
    """
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d_%H:%M:%S")


def creation_date(microseconds: int) -> str:
    """``YYYY-MM-DDTHH:MM:SS.ffffff``, UTC, from whole microseconds since the epoch.

    Examples
    --------
    >>> creation_date(1714557600_000123)
    '2024-05-01T10:00:00.000123'
    """
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}"


def milliseconds(at: float) -> str:
    """``YYYY-MM-DDTHH:MM:SS.mmmZ``, UTC.

    Examples
    --------
    >>> milliseconds(1733130847.402)
    '2024-12-02T09:14:07.402Z'
    """
    total = round(at * 1000)
    return f"{datetime.fromtimestamp(total // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{total % 1000:03d}Z"
