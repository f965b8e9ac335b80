"""Names of groups and streams, and the folders and files they stand for.

``/aws/sagemaker/TrainingJobs`` is the folder ``aws/sagemaker/TrainingJobs`` under the root of all logs, the
stream ``cats/algo-1-1700`` in it the file ``cats/algo-1-1700.log``. The suffix lets a stream be called like
the beginning of another one (``variant/instance`` and ``variant/instance/data-log``).
"""

from __future__ import annotations

import re
from pathlib import Path

from labelwright.errors import InvalidRequest

__all__ = [
    "GROUP_PATTERNS",
    "STANDING_GROUPS",
    "SUFFIX",
    "file_of",
    "group_folder",
    "is_group",
    "stream_path",
]

SUFFIX = ".log"
"""Of the file of a stream."""

STANDING_GROUPS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs")
"""Groups that exist before anything has been written to them."""

GROUP_PATTERNS = (
    *STANDING_GROUPS,
    "/aws/sagemaker/LabelingJobs",
    "/aws/sagemaker/groundtruth/WorkerActivity",
    "/aws/sagemaker/Endpoints/*",
    "/aws/lambda/*",
)
"""Every group that the server writes; ``*`` stands for one part of the name."""

_GROUP_NAME = re.compile(r"[./_#A-Za-z0-9-]{1,512}")
_STREAM_NAME = re.compile(r"[^:*\x00]{1,512}")
_MAX_PART_BYTES = 255 - len(SUFFIX)  # what file systems take


def is_group(name: str) -> bool:
    """Whether groups of this name exist at all: one of ours, whatever has been written to it."""
    parts = name.split("/")
    return any(
        len(parts) == len(pattern.split("/"))
        and all(want in ("*", part) for want, part in zip(pattern.split("/"), parts, strict=True))
        and parts[-1] != ""
        for pattern in GROUP_PATTERNS
    )


def group_folder(root: Path, group: str) -> Path:
    """The folder of a group.

    Parameters
    ----------
    root : Path
        Folder of all logs: ``logs`` in the data directory.
    group : str
        ``/aws/sagemaker/TrainingJobs``

    Raises
    ------
    InvalidRequest
        The name holds other characters than groups may, or would lead out of the folder.
    """
    if not _GROUP_NAME.fullmatch(group):
        raise InvalidRequest(
            f"The log group name {group[:80]!r} must be 1 to 512 letters, digits and . - _ / #.",
            field="logGroupName",
            value=group,
        )
    return root.joinpath(*_parts(group.removeprefix("/"), "logGroupName"))


def stream_path(root: Path, group: str, stream: str) -> Path:
    """The place of a stream, as `StreamWriter` takes it; its file has the suffix ``.log``.

    Parameters
    ----------
    root : Path
        Folder of all logs: ``logs`` in the data directory.
    group, stream : str
        ``/aws/sagemaker/TrainingJobs`` and ``cats/algo-1-1700``.

    Raises
    ------
    InvalidRequest
        A name holds characters that it may not, or would lead out of the folder.
    """
    if not _STREAM_NAME.fullmatch(stream):
        raise InvalidRequest(
            f"The log stream name {stream[:80]!r} must be 1 to 512 characters without : and *.",
            field="logStreamName",
            value=stream,
        )
    return group_folder(root, group).joinpath(*_parts(stream, "logStreamName"))


def file_of(path: Path) -> Path:
    """The file of the stream at this place."""
    return path.with_name(path.name + SUFFIX)


def _parts(name: str, field: str) -> list[str]:
    parts = name.split("/")
    for part in parts:
        if part in ("", ".", "..") or len(part.encode("utf-8", "surrogatepass")) > _MAX_PART_BYTES:
            raise InvalidRequest(
                f"The name {name[:80]!r} cannot be used: what stands between its slashes must be 1 to "
                f"{_MAX_PART_BYTES} bytes, and neither . nor ..",
                field=field,
                value=name,
            )
    return parts
