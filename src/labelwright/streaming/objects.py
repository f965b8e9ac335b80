"""Objects by URI for programs beside the server: files, the embedded store's files, any S3 endpoint.

Reading only, from many threads. Values can be pickled, so that workers of a loader get one of their own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from labelwright.errors import AccessRefused, BlobNotFound, InvalidRequest, LabelwrightError
from labelwright.streaming.problems import ChannelError

if TYPE_CHECKING:
    from labelwright.blobs.external import ExternalBlobs
    from labelwright.s3.upstream import Upstream

__all__ = ["EmbeddedObjects", "LocalObjects", "Objects", "RoutedObjects", "S3Objects", "open_objects"]

T = TypeVar("T")

PIECE_BYTES: Final = 1 << 20
_GUESS_BYTES = 256 << 10
_ATTEMPTS = 5
_PAGE = 1000


class Objects(Protocol):
    """Where the bytes of a channel come from.

    Every method raises `labelwright.errors.BlobNotFound` when there is no such object, and
    `labelwright.errors.InvalidRequest` for a URI that cannot be.
    """

    def is_remote(self, uri: str) -> bool:
        """Whether reading it waits for a network, so that many reads at a time pay."""

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""

    def open(self, uri: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
        """The beginning of an object, and the pieces of the rest; None when there is no rest."""

    def list(self, prefix: str) -> Iterator[str]:
        """URIs that begin with this one, in the order of their UTF-8 bytes."""

    def local_path(self, uri: str) -> str | None:
        """The file that holds the object, None where no file of this machine does."""


class LocalObjects:
    """Local files, by absolute or relative path or ``file://`` URI."""

    def is_remote(self, uri: str) -> bool:
        """No."""
        return False

    def read(self, uri: str) -> bytes:
        """All bytes of a file."""
        try:
            return _read_file(uri if uri[:1] == "/" else _path_of(uri))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise _missing(uri) from error

    def open(self, uri: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
        """The beginning of a file, and the rest."""
        return _found(uri, [_path_of(uri)], lambda path: _open_file(path, head_bytes))

    def list(self, prefix: str) -> Iterator[str]:
        """Files whose path begins with the prefix; symbolic links to folders are not followed."""
        prefix = _path_of(prefix)
        folder = prefix.rpartition("/")[0] or "/" * prefix.startswith("/")
        found = []
        for place, folders, names in os.walk(folder or "."):
            lead = f"{place.rstrip('/')}/"
            lead = lead if folder else lead.removeprefix("./")
            folders[:] = [name for name in folders if _may_match(f"{lead}{name}/", prefix)]
            found += [path for name in names if (path := lead + name).startswith(prefix)]
        return iter(sorted(found, key=os.fsencode))

    def local_path(self, uri: str) -> str | None:
        """The path itself."""
        path = _path_of(uri)
        return path if Path(path).is_file() else None


class EmbeddedObjects:
    """The embedded store of a server's data directory, read without the server, also beside a running one.

    Parameters
    ----------
    data_dir : Path

    Notes
    -----
    An object lies at ``objects/<bucket>/<key>`` unless its key cannot be a path or it was put this moment;
    so the file is tried first and the index asked only when there is none.
    """

    def is_remote(self, uri: str) -> bool:
        """No."""
        return False

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = Path(data_dir)
        self._root = f"{data_dir}/objects"
        self._local = threading.local()
        if not (self._data_dir / "objects.sqlite").exists():
            raise InvalidRequest(
                f"{data_dir} holds no objects of a Labelwright server. Name its data directory.",
                field="data_dir",
                value=str(data_dir),
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return EmbeddedObjects, (self._data_dir,)

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""
        return self._with_file(uri, _read_file)

    def open(self, uri: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
        """The beginning of an object, and the rest."""
        return self._with_file(uri, lambda path: _open_file(path, head_bytes))

    def list(self, prefix: str) -> Iterator[str]:
        """Objects by prefix, in pages, from the store's index."""
        bucket, key_prefix = _parse(prefix)
        connection = self._connection()
        if connection.execute("SELECT 1 FROM buckets WHERE name = ?", (bucket,)).fetchone() is None:
            raise BlobNotFound(f"There is no bucket for {prefix}.", kind="bucket", name=prefix)
        after, compare = key_prefix, ">="
        while True:
            rows = connection.execute(
                f"SELECT key FROM objects WHERE bucket = ? AND key {compare} ? ORDER BY key LIMIT {_PAGE}",  # noqa: S608
                (bucket, after),
            ).fetchall()
            for (key,) in rows:
                if not key.startswith(key_prefix):
                    return
                yield f"s3://{bucket}/{key}"
            if len(rows) < _PAGE:
                return
            after, compare = rows[-1][0], ">"

    def local_path(self, uri: str) -> str | None:
        """The file of the object; None when it lies in no file of its own name."""
        bucket, key = _parse(uri)
        path = f"{self._root}/{bucket}/{key}"
        return path if _is_plain(key) and Path(path).is_file() else None

    def _with_file(self, uri: str, use: Callable[[str], T]) -> T:
        bucket, key = _parse(uri)
        path = f"{self._root}/{bucket}/{key}"
        if _is_plain(key):
            try:
                return use(path)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                pass
        for _ in range(_ATTEMPTS):  # the file may be renamed between the look and the open
            row = (
                self._connection()
                .execute("SELECT staged FROM objects WHERE bucket = ? AND key = ?", (bucket, key))
                .fetchone()
            )
            if row is None:
                break
            places = [f"{self._root}/.unplaced/{row[0]}"] if row[0] is not None else []
            if _is_plain(key):
                places.append(path)
            try:
                return _found(uri, places, use)
            except BlobNotFound:
                continue
        raise _missing(uri)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            path = self._data_dir / "objects.sqlite"
            connection = sqlite3.connect(path, timeout=30.0, isolation_level=None)
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
        return connection


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

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Objects, (self._upstream,)

    def is_remote(self, uri: str) -> bool:
        """Yes."""
        return True

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""
        return self._blobs().read(uri)

    def open(self, uri: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
        """The beginning of an object, and the rest, from one request."""
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

        bucket, key_prefix = _parse(prefix)
        upstream = self._upstream = self._upstream or _upstream_of_environment()
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

    def _blobs(self) -> ExternalBlobs:
        if self._opened is None:
            from labelwright.blobs.external import ExternalBlobs
            from labelwright.credentials import RootCredentials

            upstream = self._upstream = self._upstream or _upstream_of_environment()
            # Credentials are for signing links, which a reader does not do.
            self._opened = ExternalBlobs(upstream, RootCredentials("reader", "reader"))
        return self._opened


class RoutedObjects:
    """``s3://`` to one place, everything else to local files, if they are allowed.

    Parameters
    ----------
    s3 : Objects
    local : Objects, optional
        None refuses local paths: a manifest from elsewhere must not name files of this machine.
    """

    def __init__(self, s3: Objects, local: Objects | None) -> None:
        self._s3 = s3
        self._local = local

    def is_remote(self, uri: str) -> bool:
        """Whether reading it waits for a network."""
        return uri.startswith("s3://") and self._s3.is_remote(uri)

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""
        return self._of(uri).read(uri)

    def open(self, uri: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
        """The beginning of an object, and the rest."""
        return self._of(uri).open(uri, head_bytes)

    def list(self, prefix: str) -> Iterator[str]:
        """URIs that begin with the prefix."""
        return self._of(prefix).list(prefix)

    def local_path(self, uri: str) -> str | None:
        """The file that holds the object."""
        return self._of(uri).local_path(uri)

    def _of(self, uri: str) -> Objects:
        return self._s3 if uri.startswith("s3://") else self._files(uri)

    def _files(self, uri: str) -> Objects:
        if self._local is None:
            raise ChannelError(
                f"{uri[:200]!r} is not an S3 URI; write s3://bucket/key.", field="S3Uri", value=uri
            )
        return self._local


def open_objects(
    *,
    data_dir: str | os.PathLike[str] | None = None,
    endpoint: str | None = None,
    environ: Mapping[str, str] | None = None,
    local_files: bool = True,
) -> RoutedObjects:
    """The objects that a program on this machine reads.

    Parameters
    ----------
    data_dir : path, optional
        Read ``s3://`` from the files of this server's embedded store, without HTTP.
    endpoint : str, optional
        Read ``s3://`` there, with the credentials of the usual AWS variables. Without both, the endpoint is
        ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL`` or Amazon's.
    environ : mapping, optional
        In place of ``os.environ``.
    local_files : bool
        Whether paths and ``file://`` URIs are read.

    Raises
    ------
    InvalidRequest
        The data directory holds no store, or with ``endpoint`` or ``environ`` a variable is missing.
    """
    local = LocalObjects() if local_files else None
    if data_dir is not None:
        return RoutedObjects(EmbeddedObjects(Path(data_dir)), local)
    if endpoint is None and environ is None:
        return RoutedObjects(S3Objects(), local)
    from labelwright.s3.upstream import Upstream

    variables = dict(os.environ if environ is None else environ)
    if endpoint is not None:
        variables["AWS_ENDPOINT_URL_S3"] = endpoint
    return RoutedObjects(S3Objects(Upstream.from_environment("s3://", variables)), local)


def _upstream_of_environment() -> Upstream:
    from labelwright.s3.upstream import Upstream

    return Upstream.from_environment("s3://")


def _parse(uri: str) -> tuple[str, str]:
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or bucket[0] == "." or "\0" in bucket:
        raise ChannelError(
            f"{uri[:200]!r} is not an S3 URI; write s3://bucket/key.", field="S3Uri", value=uri
        )
    return bucket, key


def _is_plain(key: str) -> bool:
    """Whether the key is a path below its bucket; may say no for a few that are."""
    return not ("/." in key or "//" in key or key[:1] in ("", "/", ".") or key[-1] == "/" or "\0" in key)


def _path_of(uri: str) -> str:
    if "\0" in uri or (("://" in uri) and not uri.startswith("file://")):
        raise ChannelError(f"{uri[:200]!r} is neither a path nor a file:// or s3:// URI.", value=uri)
    return uri.removeprefix("file://")


def _may_match(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _missing(uri: str) -> BlobNotFound:
    return BlobNotFound(f"There is no object {uri}.", kind="object", name=uri)


def _found(uri: str, places: Iterable[str], use: Callable[[str], T]) -> T:
    for place in places:
        try:
            return use(place)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
    raise _missing(uri)


def _read_file(path: str) -> bytes:
    # One system call reads nearly every picture; asking for the size first would cost another.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, _GUESS_BYTES)
        if len(data) < _GUESS_BYTES:
            return data
        size = os.fstat(fd).st_size
        if size >= 2 * _GUESS_BYTES:  # again, into one piece: joining would hold it twice
            os.lseek(fd, 0, os.SEEK_SET)
            data = os.read(fd, size + 1)
        parts = [data]
        while piece := os.read(fd, _GUESS_BYTES):
            parts.append(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        os.close(fd)


def _open_file(path: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
    rest = _Rest(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    head = _read_up_to(rest.fd, head_bytes + 1)
    if len(head) <= head_bytes:
        rest.close()
        return head, None
    return head, rest


class _Rest(Iterator[bytes]):
    """Pieces of an open file, which is closed at its end, or when nobody wants the rest any more."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __next__(self) -> bytes:
        piece = os.read(self.fd, PIECE_BYTES) if self.fd >= 0 else b""
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """Close the file."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()


def _read_up_to(fd: int, n_bytes: int) -> bytes:
    parts = []
    while n_bytes > 0 and (piece := os.read(fd, min(n_bytes, _GUESS_BYTES))):
        parts.append(piece)
        n_bytes -= len(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)
