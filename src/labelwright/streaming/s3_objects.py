"""Objects behind an S3 endpoint, for readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from labelwright.errors import AccessRefused, BlobNotFound, LabelwrightError
from labelwright.streaming.plain_http import PlainHttpReader
from labelwright.streaming.uris import parse_s3_uri

if TYPE_CHECKING:
    from labelwright.blobs.external import ExternalBlobs
    from labelwright.s3.upstream import Upstream

__all__ = ["S3Objects"]

PIECE_BYTES: Final = 1 << 20


class S3Objects:
    """Objects behind any S3-compatible endpoint, through obstore.

    Parameters
    ----------
    upstream : Upstream, optional
        Endpoint and credentials; by default those of the usual AWS variables, looked up at the first use.

    Notes
    -----
    The client runs threads of its own, which do not survive ``fork``: start workers with ``forkserver`` or
    ``spawn`` (`StreamLoader` does).
    """

    def __init__(self, upstream: Upstream | None = None) -> None:
        self._upstream = upstream
        self._opened: ExternalBlobs | None = None
        self._plain: PlainHttpReader | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Objects, (self._upstream,)

    def is_remote(self, uri: str) -> bool:
        """Yes."""
        return True

    def reads_together(self, uri: str) -> bool:
        """Yes, where the endpoint is one of plain HTTP, such as that of a server nearby."""
        return PlainHttpReader.fits(self._where())

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""
        return self._blobs().read(uri)

    def read_many(self, uris: Sequence[str]) -> list[bytes]:
        """All bytes of several objects, in order."""
        if not self.reads_together(""):
            return [self.read(uri) for uri in uris]
        bodies = self._plain_reader().read_many([parse_s3_uri(uri) for uri in uris])
        return [
            # Whatever was in the way, the general client tries again, or says what it is.
            self.read(uri) if body is None else body
            for uri, body in zip(uris, bodies, strict=True)
        ]

    def open(self, uri: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
        """The beginning of an object, and the rest, from one request."""
        if self.reads_together(uri):
            (body,) = self._plain_reader().read_many([parse_s3_uri(uri)], head_bytes)
            if body is not None:
                return body, None
        pieces = self._blobs().stream(uri, PIECE_BYTES)
        taken, n_bytes = [], 0
        for piece in pieces:
            taken.append(piece)
            n_bytes += len(piece)
            if n_bytes > head_bytes:
                return b"".join(taken), pieces
        return b"".join(taken), None

    def list(self, prefix: str) -> Iterator[str]:
        """Objects by prefix, in pages.

        By botocore: obstore lists whole folders only, and stops at keys that are no paths.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.session import Session

        bucket, key_prefix = parse_s3_uri(prefix)
        upstream = self._where()
        client = Session().create_client(
            "s3",
            endpoint_url=upstream.endpoint,
            region_name=upstream.region,
            aws_access_key_id=upstream.access_key_id,
            aws_secret_access_key=upstream.secret_access_key,
            aws_session_token=upstream.session_token or None,
        )
        try:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key_prefix)
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield f"s3://{bucket}/{entry['Key']}"
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "NoSuchBucket":
                raise BlobNotFound(f"There is no bucket for {prefix}.", kind="bucket", name=prefix) from error
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (401, 403):
                raise AccessRefused(f"The object store refuses access to {prefix}: {code}.") from error
            raise LabelwrightError(f"The object store failed for {prefix}: {error}") from error
        except BotoCoreError as error:
            raise LabelwrightError(f"The object store failed for {prefix}: {error}") from error
        finally:
            client.close()

    def local_path(self, uri: str) -> str | None:
        """None: nothing lies here."""
        return None

    def _plain_reader(self) -> PlainHttpReader:
        if self._plain is None:
            self._plain = PlainHttpReader(self._where())
        return self._plain

    def _where(self) -> Upstream:
        if self._upstream is None:
            self._upstream = _upstream_of_environment()
        return self._upstream

    def _blobs(self) -> ExternalBlobs:
        if self._opened is None:
            from labelwright.blobs.external import ExternalBlobs
            from labelwright.credentials import RootCredentials

            upstream = self._where()
            # Credentials are for signing links, which a reader does not do.
            self._opened = ExternalBlobs(upstream, RootCredentials("reader", "reader"))
        return self._opened


def _upstream_of_environment() -> Upstream:
    from labelwright.s3.upstream import Upstream

    return Upstream.from_environment("s3://")
