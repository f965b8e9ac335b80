"""Deployment packages by the digest of their zip: kept in the object store, unpacked on the local disk.

The object store is the truth; what is unpacked can be made again from it at any time, by any server that
shares the store.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from labelwright.blobs.embedded import EmbeddedBlobs
from labelwright.errors import BlobNotFound, InvalidRequest, NotFound
from labelwright.functions.package import UNPACKED_BYTES_MAX, ZIP_BYTES_MAX, remove, unpack

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = ["BUCKET", "CodeStore"]

BUCKET = "labelwright-functions"
"""Where the embedded object store keeps packages; an external one that names a bucket keeps them there."""

_PIECE = 1 << 20


class CodeStore:
    """Packages of functions.

    Parameters
    ----------
    blobs : Blobs
    work_dir : Path
        Unpacked packages go under it.
    """

    def __init__(self, blobs: Blobs, work_dir: Path) -> None:
        self._blobs = blobs
        self._unpacked = work_dir / "code"

    def keep(self, source: bytes | str) -> tuple[str, int]:
        """Check a package, unpack it and put it into the object store.

        Parameters
        ----------
        source : bytes or str
            The zip, or its S3 URI.

        Returns
        -------
        (str, int)
            Hex SHA-256 and size in bytes.

        Raises
        ------
        InvalidRequest
            When it is no package that can be run, or cannot be read.
        """
        with self._local(source) as (file, sha256, n_bytes):
            self._unpack(file, sha256)
            file.seek(0)
            uri = self._uri(sha256)
            try:
                self._blobs.head(uri)
            except NotFound:
                self._put(uri, file)
        return sha256, n_bytes

    def _put(self, uri: str, file: IO[bytes]) -> None:
        self._make_bucket()
        try:
            self._blobs.put(uri, iter(lambda: file.read(_PIECE), b""), content_type="application/zip")
        except NotFound as error:
            raise InvalidRequest(
                f"The object store has no bucket {self._bucket()!r} for the code of functions; create it "
                "there, or start the server with --object-store s3://<a bucket that exists>.",
                field="Code",
            ) from error

    @contextlib.contextmanager
    def _local(self, source: bytes | str) -> Iterator[tuple[IO[bytes], str, int]]:
        if isinstance(source, bytes) and len(source) > ZIP_BYTES_MAX:
            raise InvalidRequest(
                f"The deployment package has {len(source)} bytes; a zip of more than {ZIP_BYTES_MAX} must be "
                "put into S3 and given by S3Bucket and S3Key.",
                field="ZipFile",
            )
        self._unpacked.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest, n_bytes = hashlib.sha256(), 0
        with tempfile.TemporaryFile(dir=self._unpacked.parent) as file:
            for piece in self._pieces(source):
                n_bytes += len(piece)
                digest.update(piece)
                file.write(piece)
            file.seek(0)
            yield file, digest.hexdigest(), n_bytes

    def _pieces(self, source: bytes | str) -> Iterator[bytes]:
        if isinstance(source, bytes):
            yield source
            return
        try:
            n_bytes = self._blobs.head(source).size_bytes
            if n_bytes > UNPACKED_BYTES_MAX:
                raise InvalidRequest(
                    f"The deployment package {source} has {n_bytes} bytes; at most {UNPACKED_BYTES_MAX} are "
                    "taken.",
                    field="S3Key",
                    value=source,
                )
            yield from self._blobs.stream(source)
        except BlobNotFound as error:
            raise InvalidRequest(
                "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified "
                f"key does not exist: {source}",
                field="S3Key",
                value=source,
            ) from error

    def _unpack(self, file: IO[bytes], sha256: str) -> Path:
        target = self._unpacked / sha256
        if target.is_dir():
            return target
        made = self._unpacked / f"{sha256}.{uuid.uuid4().hex}"
        made.mkdir(parents=True, mode=0o700)
        try:
            unpack(file, made)
            os.rename(made, target)  # noqa: PTH104 - of a folder, which must not replace another
        except OSError:
            remove(made)
            if not target.is_dir():  # somebody else was quicker
                raise
        except BaseException:
            remove(made)
            raise
        return target

    def unpacked(self, sha256: str) -> Path:
        """The folder with the files of a package.

        Raises
        ------
        NotFound
            When the object store does not have it (any more).
        """
        target = self._unpacked / sha256
        if target.is_dir():
            return target
        with self._local(self._uri(sha256)) as (file, found, _):
            if found != sha256:
                raise NotFound(f"The package {self._uri(sha256)} was changed; update the function's code.")
            return self._unpack(file, sha256)

    def location(self, sha256: str, *, base_url: str, expires_s: int, now: float) -> str:
        """A link from which the zip can be got."""
        return self._blobs.presign_get(self._uri(sha256), base_url=base_url, expires_s=expires_s, now=now)

    def forget(self, sha256: str) -> None:
        """Remove a package that no function has any more."""
        with contextlib.suppress(NotFound):
            self._blobs.delete(self._uri(sha256))
        remove(self._unpacked / sha256)

    def _uri(self, sha256: str) -> str:
        return f"s3://{self._bucket()}/code/{sha256}.zip"

    def _bucket(self) -> str:
        if isinstance(self._blobs, EmbeddedBlobs):
            return BUCKET
        upstream = getattr(self._blobs, "upstream", None)
        return getattr(upstream, "bucket", "") or BUCKET

    def _make_bucket(self) -> None:
        if isinstance(self._blobs, EmbeddedBlobs):
            self._blobs.store.create_bucket(BUCKET, region="us-east-1")
