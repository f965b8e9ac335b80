"""Objects by URI for programs beside the server: files, the embedded store's files, any S3 endpoint.

Reading only, from many threads. Values can be pickled, so that workers of a loader get one of their own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from labelwright.errors import BlobNotFound, InvalidRequest
from labelwright.streaming.problems import ChannelError
from labelwright.streaming.s3_objects import S3Objects
from labelwright.streaming.uris import is_plain_key, local_path_of, missing, parse_s3_uri

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

    def reads_together(self, uri: str) -> bool:
        """Whether `read_many` costs less than reading one object after the other."""

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""

    def read_many(self, uris: Sequence[str]) -> list[bytes]:
        """All bytes of several objects, in order."""

    def open(self, uri: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
        """The beginning of an object, and the pieces of the rest; None when there is no rest."""

    def list(self, prefix: str) -> Iterator[str]:
        """URIs that begin with this one, in the order of their UTF-8 bytes."""

    def local_path(self, uri: str) -> str | None:
        """The file that holds the object, None where no file of this machine does."""


class _OneByOne:
    """Reading several objects where a call for each costs nothing."""

    def is_remote(self, uri: str) -> bool:
        """No."""
        return False

    def reads_together(self, uri: str) -> bool:
        """No."""
        return False

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""
        raise NotImplementedError

    def read_many(self, uris: Sequence[str]) -> list[bytes]:
        """All bytes of several objects, in order."""
        return [self.read(uri) for uri in uris]


class LocalObjects(_OneByOne):
    """Local files, by absolute or relative path or ``file://`` URI."""

    def read(self, uri: str) -> bytes:
        """All bytes of a file."""
        try:
            return _read_file(uri if uri[:1] == "/" else local_path_of(uri))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise missing(uri) from error

    def open(self, uri: str, head_bytes: int) -> tuple[bytes, Iterator[bytes] | None]:
        """The beginning of a file, and the rest."""
        return _found(uri, [local_path_of(uri)], lambda path: _open_file(path, head_bytes))

    def list(self, prefix: str) -> Iterator[str]:
        """Files whose path begins with the prefix; symbolic links to folders are not followed."""
        prefix = local_path_of(prefix)
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
        path = local_path_of(uri)
        return path if Path(path).is_file() else None


class EmbeddedObjects(_OneByOne):
    """The embedded store of a server's data directory, read without the server, also beside a running one.

    Parameters
    ----------
    data_dir : Path

    Notes
    -----
    An object lies at ``objects/<bucket>/<key>`` unless its key cannot be a path or it was put this moment;
    so the file is tried first and the index asked only when there is none.
    """

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
        bucket, key_prefix = parse_s3_uri(prefix)
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
        bucket, key = parse_s3_uri(uri)
        path = f"{self._root}/{bucket}/{key}"
        return path if is_plain_key(key) and Path(path).is_file() else None

    def _with_file(self, uri: str, use: Callable[[str], T]) -> T:
        bucket, key = parse_s3_uri(uri)
        path = f"{self._root}/{bucket}/{key}"
        if is_plain_key(key):
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
            if is_plain_key(key):
                places.append(path)
            try:
                return _found(uri, places, use)
            except BlobNotFound:
                continue
        raise missing(uri)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            path = self._data_dir / "objects.sqlite"
            connection = sqlite3.connect(path, timeout=30.0, isolation_level=None)
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
        return connection


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

    def reads_together(self, uri: str) -> bool:
        """Whether reading several objects at a time costs less."""
        return uri.startswith("s3://") and self._s3.reads_together(uri)

    def read(self, uri: str) -> bytes:
        """All bytes of an object."""
        if uri[:5] == "s3://":
            return self._s3.read(uri)
        return (self._local or self._files(uri)).read(uri)

    def read_many(self, uris: Sequence[str]) -> list[bytes]:
        """All bytes of several objects, in order."""
        if uris and all(uri.startswith("s3://") for uri in uris):
            return self._s3.read_many(uris)
        return [self.read(uri) for uri in uris]

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
    from labelwright.s3.upstream import Upstream  # late: a reader of files needs none of it

    variables = dict(os.environ if environ is None else environ)
    if endpoint is not None:
        variables["AWS_ENDPOINT_URL_S3"] = endpoint
    return RoutedObjects(S3Objects(Upstream.from_environment("s3://", variables)), local)


def _may_match(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _found(uri: str, places: Iterable[str], use: Callable[[str], T]) -> T:
    for place in places:
        try:
            return use(place)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
    raise missing(uri)


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
