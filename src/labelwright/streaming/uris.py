"""URIs of objects, taken apart for readers."""

from __future__ import annotations

from labelwright.errors import BlobNotFound
from labelwright.streaming.problems import ChannelError

__all__ = ["is_plain_key", "local_path_of", "missing", "parse_s3_uri"]


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key, which may be empty.

    Raises
    ------
    ChannelError
        It is no ``s3://`` URI, or its bucket could lead elsewhere.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or bucket[0] == "." or "\0" in bucket:
        raise ChannelError(
            f"{uri[:200]!r} is not an S3 URI; write s3://bucket/key.", field="S3Uri", value=uri
        )
    return bucket, key


def is_plain_key(key: str) -> bool:
    """Whether the key is a path below its bucket; may say no for a few that are."""
    return not ("/." in key or "//" in key or key[:1] in ("", "/", ".") or key[-1] == "/" or "\0" in key)


def local_path_of(uri: str) -> str:
    """The path of a local file, given as one or as a ``file://`` URI.

    Raises
    ------
    ChannelError
        It is neither.
    """
    if "\0" in uri or (("://" in uri) and not uri.startswith("file://")):
        raise ChannelError(f"{uri[:200]!r} is neither a path nor a file:// or s3:// URI.", value=uri)
    return uri.removeprefix("file://")


def missing(uri: str) -> BlobNotFound:
    """What is raised when there is no such object."""
    return BlobNotFound(f"There is no object {uri}.", kind="object", name=uri)
