"""What every blob store can do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Protocol

from labelwright.errors import InvalidRequest

__all__ = ["BlobInfo", "Blobs", "parse_uri"]


@dataclasses.dataclass(frozen=True, slots=True)
class BlobInfo:
    """An object without its bytes.

    Attributes
    ----------
    uri : str
        ``s3://bucket/key``.
    size_bytes : int
    etag : str
        Without quotes.
    modified_at : float
        Epoch seconds.
    content_type : str
        Empty in listings of stores that do not say it there.
    """

    uri: str
    size_bytes: int
    etag: str
    modified_at: float
    content_type: str


class Blobs(Protocol):
    """Objects by URI. All methods may be called from any thread.

    Every method raises `labelwright.errors.InvalidRequest` for a URI or bucket name that cannot be,
    `labelwright.errors.BlobNotFound` when the object or its bucket does not exist, and
    `labelwright.errors.AccessRefused` when the store refuses the credentials.
    """

    def head(self, uri: str) -> BlobInfo:
        """What is known about an object."""

    def read(self, uri: str) -> bytes:
        """All bytes."""

    def read_range(self, uri: str, start: int, length: int) -> bytes:
        """Bytes from ``start``; fewer than ``length`` where the object ends, none behind its end."""

    def stream(self, uri: str, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """All bytes in pieces of at most ``chunk_bytes``, of one version of the object."""

    def put(
        self,
        uri: str,
        data: bytes | Iterable[bytes],
        *,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
    ) -> BlobInfo:
        """Write an object; whole and durable when it returns, not there at all when it raises.

        Raises
        ------
        labelwright.errors.Conflict
            With ``if_absent``, when there is one already.
        """

    def copy(self, source_uri: str, target_uri: str) -> BlobInfo:
        """Copy an object with its content type and metadata, inside the store."""

    def delete(self, uri: str) -> None:
        """Delete an object; nothing happens when it is not there."""

    def list(self, prefix_uri: str) -> Iterator[BlobInfo]:
        """Objects whose URI begins with this one, in key order."""

    def presign_get(self, uri: str, *, base_url: str, expires_s: int, now: float) -> str:
        """A link that lets whoever has it read the object, made offline. ``now`` is in epoch seconds."""


def parse_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI; the key may be empty.

    Raises
    ------
    InvalidRequest

    Examples
    --------
    >>> parse_uri("s3://bucket/some/key.jpg")
    ('bucket', 'some/key.jpg')
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise InvalidRequest(
            f"{uri[:200]!r} is not an S3 URI; write s3://bucket/key.",
            field="uri",
            value=uri,
            rule="s3://bucket/key",
        )
    return bucket, key
