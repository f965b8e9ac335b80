"""Blobs in any S3-compatible store, through obstore; buckets by their names in the URIs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import obstore
from obstore import exceptions as obe
from obstore.store import S3Store

from labelwright.blobs.interface import BlobInfo, parse_uri
from labelwright.errors import AccessRefused, BlobNotFound, Conflict, InvalidRequest, LabelwrightError
from labelwright.s3.names import check_bucket_name, check_key, is_plain
from labelwright.s3.problems import S3Problem
from labelwright.wire.sigv4 import presign_get

if TYPE_CHECKING:
    from labelwright.credentials import RootCredentials
    from labelwright.s3.upstream import Upstream

__all__ = ["ExternalBlobs"]

_PART_BYTES = 8 << 20


class ExternalBlobs:
    """Blobs over an `Upstream`; see `labelwright.blobs.interface.Blobs` for the methods.

    Parameters
    ----------
    upstream : Upstream
        Its ``bucket``, when given, is looked up at once.
    credentials : RootCredentials
        Of this server; links are signed with them.

    Raises
    ------
    InvalidRequest
        When that bucket cannot be listed.
    """

    def __init__(self, upstream: Upstream, credentials: RootCredentials) -> None:
        self.upstream = upstream
        self._credentials = credentials
        self._stores: dict[str, S3Store] = {}
        self._lock = threading.Lock()
        if upstream.bucket:
            try:
                next(iter(self.list(f"s3://{upstream.bucket}/")), None)
            except LabelwrightError as error:
                raise InvalidRequest(
                    f"The bucket {upstream.bucket!r} at {upstream.endpoint} cannot be used: {error}",
                    field="object_store",
                    value=upstream.bucket,
                ) from error

    def head(self, uri: str) -> BlobInfo:
        """What is known about an object."""
        with _translated(uri):
            store, key = self._at(uri)
            result = obstore.get(store, key, options={"head": True})
            return _info(uri, result.meta, result.attributes.get("Content-Type", ""))

    def read(self, uri: str) -> bytes:
        """All bytes."""
        with _translated(uri):
            store, key = self._at(uri)
            return bytes(obstore.get(store, key).bytes())

    def read_range(self, uri: str, start: int, length: int) -> bytes:
        """Bytes from ``start``; fewer than ``length`` where the object ends."""
        size = self.head(uri).size_bytes
        length = min(length, size - start)
        if length <= 0 or start < 0:
            return b""
        with _translated(uri):
            store, key = self._at(uri)
            return bytes(obstore.get_range(store, key, start=start, length=length))

    def stream(self, uri: str, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """All bytes in pieces; the object is opened at once, not at the first piece."""
        with _translated(uri):
            store, key = self._at(uri)
            result = obstore.get(store, key)

        def pieces() -> Iterator[bytes]:
            with _translated(uri):
                if result.meta["size"] == 0:
                    return
                for piece in result.stream(min_chunk_size=chunk_bytes):
                    view = memoryview(piece)
                    for start in range(0, len(view), chunk_bytes):
                        yield bytes(view[start : start + chunk_bytes])

        return pieces()

    def put(
        self,
        uri: str,
        data: bytes | Iterable[bytes],
        *,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
    ) -> BlobInfo:
        """Write an object, in parts when it is large."""
        with _translated(uri):
            store, key = self._at(uri)
            attributes: Any = {"Content-Type": content_type}
            if isinstance(data, (bytes, bytearray, memoryview)):
                first, rest = bytes(data), None
            else:
                rest = iter(data)
                first = _take(rest, _PART_BYTES)
            if rest is None or len(first) < _PART_BYTES or if_absent:
                # Put-if-absent exists for single puts only; what uses it is small.
                whole = first if rest is None else first + b"".join(rest)
                mode: Any = "create" if if_absent else "overwrite"
                obstore.put(store, key, whole, attributes=attributes, mode=mode, use_multipart=False)
            else:
                self._put_parts(store, key, first, rest, attributes)
        return self.head(uri)

    def _put_parts(
        self, store: S3Store, key: str, first: bytes, rest: Iterator[bytes], attributes: Any
    ) -> None:
        def pieces() -> Iterator[bytes]:
            yield first
            while piece := _take(rest, _PART_BYTES):
                yield piece

        obstore.put(
            store,
            key,
            pieces(),
            attributes=attributes,
            chunk_size=_PART_BYTES,
            max_concurrency=2,
            use_multipart=True,
        )

    def copy(self, source_uri: str, target_uri: str) -> BlobInfo:
        """Copy an object with its content type."""
        source_bucket, source_key = parse_uri(source_uri)
        target_bucket, target_key = parse_uri(target_uri)
        if source_bucket == target_bucket:
            with _translated(source_uri):
                store, _ = self._at(source_uri)
                check_key(target_key)
                if source_key != target_key:
                    obstore.copy(store, source_key, target_key)
            return self.head(target_uri)
        info = self.head(source_uri)
        return self.put(target_uri, self.stream(source_uri), content_type=info.content_type)

    def delete(self, uri: str) -> None:
        """Delete an object; nothing happens when it is not there."""
        with contextlib.suppress(BlobNotFound), _translated(uri):
            store, key = self._at(uri)
            obstore.delete(store, key)

    def list(self, prefix_uri: str) -> Iterator[BlobInfo]:
        """Objects whose URI begins with this one, in key order."""
        bucket, prefix = parse_uri(prefix_uri)
        with _translated(prefix_uri):
            store = self._store(bucket)
            # obstore lists whole directories only; what the last one holds besides is left out below.
            directory = prefix.rpartition("/")[0]
            pages = iter(obstore.list(store, prefix=directory or None, chunk_size=1000))
            first = next(pages, [])

        def infos() -> Iterator[BlobInfo]:
            with _translated(prefix_uri):
                page: Any = first
                while page:
                    for meta in page:
                        if meta["path"].startswith(prefix):
                            yield _info(f"s3://{bucket}/{meta['path']}", meta, "")
                    page = next(pages, [])

        return infos()

    def presign_get(self, uri: str, *, base_url: str, expires_s: int, now: float) -> str:
        """A link to our own door, which fetches the object from the store behind it."""
        bucket, key = parse_uri(uri)
        return presign_get(
            base_url=base_url,
            bucket=bucket,
            key=key,
            access_key_id=self._credentials.access_key_id,
            secret=self._credentials.secret_access_key,
            region=self.upstream.region,
            expires_s=expires_s,
            now=now,
        )

    def _at(self, uri: str) -> tuple[S3Store, str]:
        bucket, key = parse_uri(uri)
        check_key(key)
        if not is_plain(key):  # obstore would refuse it, or worse, tidy it up
            raise InvalidRequest(
                f"The key {key[:200]!r} cannot be used in an external object store: it must have no "
                "empty, '.' or "
                "'..' segment.",
                field="uri",
                value=uri,
            )
        return self._store(bucket), key

    def _store(self, bucket: str) -> S3Store:
        store = self._stores.get(bucket)
        if store is None:
            check_bucket_name(bucket)
            upstream = self.upstream
            options: Any = {"allow_http": upstream.endpoint.startswith("http:")}
            token: dict[str, Any] = (
                {"session_token": upstream.session_token} if upstream.session_token else {}
            )
            store = S3Store(
                bucket,
                endpoint=upstream.endpoint,
                region=upstream.region,
                access_key_id=upstream.access_key_id,
                secret_access_key=upstream.secret_access_key,
                virtual_hosted_style_request=False,
                client_options=options,
                **token,
            )
            with self._lock:
                store = self._stores.setdefault(bucket, store)
        return store


def _take(pieces: Iterator[bytes], n_bytes: int) -> bytes:
    """At least ``n_bytes`` of an iterator, joined; fewer only at its end."""
    taken: list[bytes] = []
    n_taken = 0
    while n_taken < n_bytes:
        piece = next(pieces, None)
        if piece is None:
            break
        taken.append(piece)
        n_taken += len(piece)
    return b"".join(taken)


def _info(uri: str, meta: Any, content_type: str) -> BlobInfo:
    etag = (meta["e_tag"] or "").strip('"')
    return BlobInfo(uri, meta["size"], etag, meta["last_modified"].timestamp(), content_type)


@contextlib.contextmanager
def _translated(uri: str) -> Iterator[None]:
    """obstore's errors, and refusals of names, as ours."""
    try:
        yield
    except S3Problem as problem:
        raise InvalidRequest(problem.message, field="uri", value=uri) from problem
    except (obe.NotFoundError, FileNotFoundError) as error:
        raise BlobNotFound(f"There is no object {uri}.", kind="object", name=uri) from error
    except (obe.AlreadyExistsError, obe.PreconditionError) as error:
        raise Conflict(f"There is an object {uri} already.") from error
    except (obe.PermissionDeniedError, obe.UnauthenticatedError) as error:
        raise AccessRefused(f"The object store refuses access to {uri}.") from error
    except obe.BaseError as error:
        if "<Code>NoSuchBucket</Code>" in str(error):
            raise BlobNotFound(f"There is no bucket for {uri}.", kind="bucket", name=uri) from error
        # The library appends a dump of its own objects, of many lines.
        reason = str(error).partition("\n\nDebug source")[0]
        raise LabelwrightError(f"The object store failed for {uri}: {reason[:500]}") from error
