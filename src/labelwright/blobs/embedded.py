"""Blobs in the embedded store: the same `ObjectStore` that the S3 door serves, without HTTP in between."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from labelwright.blobs.interface import BlobInfo, parse_uri
from labelwright.errors import AccessRefused, BlobNotFound, Conflict, InvalidRequest, LabelwrightError
from labelwright.s3.listing import list_page
from labelwright.s3.names import check_key
from labelwright.s3.objects import stage_copy
from labelwright.s3.problems import S3Problem
from labelwright.s3.store import NewObject, ObjectStore
from labelwright.wire.sigv4 import presign_get

if TYPE_CHECKING:
    from labelwright.credentials import RootCredentials
    from labelwright.s3.index import ObjectRow

__all__ = ["EmbeddedBlobs"]

_PIECE = 1 << 20


class EmbeddedBlobs:
    """Blobs over an `ObjectStore`; see `labelwright.blobs.interface.Blobs` for the methods.

    Parameters
    ----------
    store : ObjectStore
    credentials : RootCredentials
    region : str
        In the scope of the links we sign.
    """

    def __init__(self, store: ObjectStore, credentials: RootCredentials, *, region: str) -> None:
        self.store = store
        self._credentials = credentials
        self._region = region

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def head(self, uri: str) -> BlobInfo:
        """What is known about an object."""
        bucket, key = parse_uri(uri)
        row = self.store.index.object(bucket, key)
        if row is None:
            with _translated(uri):
                self.store.bucket(bucket)
            raise BlobNotFound(f"There is no object {uri}.", kind="object", name=uri)
        return _info(row)

    def read(self, uri: str) -> bytes:
        """All bytes."""
        with _translated(uri):
            entry = self.store.entry(*parse_uri(uri))
            return entry.file.read(0, entry.row.size) if entry.row.size else b""

    def read_range(self, uri: str, start: int, length: int) -> bytes:
        """Bytes from ``start``; fewer than ``length`` where the object ends."""
        with _translated(uri):
            entry = self.store.entry(*parse_uri(uri))
        length = min(length, entry.row.size - start)
        return entry.file.read(start, length) if length > 0 and start >= 0 else b""

    def stream(self, uri: str, chunk_bytes: int = _PIECE) -> Iterator[bytes]:
        """All bytes in pieces; the object is looked up at once, not at the first piece."""
        with _translated(uri):
            entry = self.store.entry(*parse_uri(uri))

        def pieces() -> Iterator[bytes]:
            start, size = 0, entry.row.size
            while start < size:
                piece = entry.file.read(start, min(chunk_bytes, size - start))
                start += len(piece)
                yield piece

        return pieces()

    def put(
        self,
        uri: str,
        data: bytes | Iterable[bytes],
        *,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
    ) -> BlobInfo:
        """Write an object; durable when it returns."""
        bucket, key = parse_uri(uri)
        with _translated(uri):
            check_key(key)
            self.store.bucket(bucket)
            staged = self.store.files.stage()
            md5 = hashlib.md5(usedforsecurity=False)
            try:
                for piece in (data,) if isinstance(data, (bytes, bytearray, memoryview)) else data:
                    md5.update(piece)
                    staged.write(piece)
                self.store.files.finish(staged)
            except BaseException:
                staged.discard()
                raise
            new = NewObject(bucket, key, md5.hexdigest(), content_type)
            return _info(self.store.commit(staged, new, condition=_absent if if_absent else None).result())

    def copy(self, source_uri: str, target_uri: str) -> BlobInfo:
        """Copy an object with its content type and metadata."""
        bucket, key = parse_uri(target_uri)
        with _translated(source_uri):
            source = self.store.entry(*parse_uri(source_uri))
        with _translated(target_uri):
            check_key(key)
            self.store.bucket(bucket)
            row = source.row
            staged, etag, _ = stage_copy(self.store.files, source, 0, row.size, "")
            new = NewObject(bucket, key, etag, row.content_type, row.details if etag == row.etag else None)
            return _info(self.store.commit(staged, new).result())

    def delete(self, uri: str) -> None:
        """Delete an object; nothing happens when it is not there."""
        bucket, key = parse_uri(uri)
        with _translated(uri):
            self.store.delete(bucket, [key]).result()

    def list(self, prefix_uri: str) -> Iterator[BlobInfo]:
        """Objects whose URI begins with this one, in key order."""
        bucket, prefix = parse_uri(prefix_uri)
        with _translated(prefix_uri):
            self.store.bucket(bucket)

        def pages() -> Iterator[BlobInfo]:
            after = ""
            while True:
                page = list_page(self.store.index, bucket, prefix=prefix, after=after)
                yield from map(_info, page.objects)
                if not page.is_truncated:
                    return
                after = page.last

        return pages()

    def presign_get(self, uri: str, *, base_url: str, expires_s: int, now: float) -> str:
        """A link that lets whoever has it read the object."""
        bucket, key = parse_uri(uri)
        return presign_get(
            base_url=base_url,
            bucket=bucket,
            key=key,
            access_key_id=self._credentials.access_key_id,
            secret=self._credentials.secret_access_key,
            region=self._region,
            expires_s=expires_s,
            now=now,
        )


def _absent(current: ObjectRow | None) -> None:
    if current is not None:
        raise S3Problem("PreconditionFailed", "There is an object already.")


def _info(row: ObjectRow) -> BlobInfo:
    return BlobInfo(f"s3://{row.bucket}/{row.key}", row.size, row.etag, row.modified_at, row.content_type)


@contextlib.contextmanager
def _translated(uri: str) -> Iterator[None]:
    """S3's refusals as ours."""
    try:
        yield
    except S3Problem as problem:
        raise translate(problem, uri) from problem


def translate(problem: S3Problem, uri: str) -> LabelwrightError:
    """One refusal as ours."""
    match problem.code:
        case "NoSuchKey":
            return BlobNotFound(f"There is no object {uri}.", kind="object", name=uri)
        case "NoSuchBucket":
            return BlobNotFound(f"There is no bucket for {uri}.", kind="bucket", name=uri)
        case "PreconditionFailed":
            return Conflict(f"There is an object {uri} already.")
        case "AccessDenied" | "SignatureDoesNotMatch" | "InvalidAccessKeyId":
            return AccessRefused(f"The object store refuses access to {uri}: {problem.message}")
        case "InvalidBucketName" | "InvalidURI" | "KeyTooLongError":
            return InvalidRequest(problem.message, field="uri", value=uri)
    return LabelwrightError(f"{uri}: {problem.message}")
