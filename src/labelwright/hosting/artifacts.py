"""Model artifacts: fetched, checked and unpacked once for all processes that serve them.

An archive comes from whoever may write to a bucket. Only plain files and folders below the target are made of
it: no links, no devices, no path that leads outside, no more bytes or members than allowed.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from labelwright.errors import AccessRefused, BlobNotFound, InvalidRequest
from labelwright.hosting.interface import HostingError

if TYPE_CHECKING:
    from labelwright.streaming.objects import Objects

__all__ = ["fetched_archive", "fetched_model"]

_GZIP = b"\x1f\x8b"
_HEAD_BYTES = 1 << 20
_BYTES_MAX = 64 << 30
_MEMBERS_MAX = 200_000


class _Refused(Exception):
    """An archive is not unpacked; the text says why."""


def fetched_model(definition: Mapping[str, Any], folder: Path, objects: Objects, *, name: str) -> Path:
    """The folder with a container's model, fetched unless it is there already.

    Parameters
    ----------
    definition : Mapping
        A ContainerDefinition: ``ModelDataUrl`` or ``ModelDataSource`` say what belongs there; without both
        the folder is empty.
    folder : Path
        Where it is kept.
    objects : Objects
    name : str
        What the container is called in messages, ``container_1``.

    Raises
    ------
    HostingError
    """
    source = (definition.get("ModelDataSource") or {}).get("S3DataSource")
    if source is None and definition.get("ModelDataUrl"):
        source = {"S3Uri": definition["ModelDataUrl"], "S3DataType": "S3Object", "CompressionType": "Gzip"}
    target = folder / "model"
    with _made_once(target) as aside:
        if aside is None:
            return target
        if source is None:
            return target
        uri = source["S3Uri"]
        if source["CompressionType"] == "Gzip":
            _unpack(uri, aside, objects, name)
        else:
            _copy(uri, aside, objects, name, is_prefix=source["S3DataType"] == "S3Prefix")
    return target


def fetched_archive(uri: str, target: Path, objects: Objects, *, name: str) -> Path:
    """A folder made of a ``.tar.gz`` once, as for the code of a script.

    Raises
    ------
    HostingError
    """
    with _made_once(target) as aside:
        if aside is not None:
            _unpack(uri, aside, objects, name)
    return target


@contextlib.contextmanager
def _made_once(target: Path) -> Iterator[Path | None]:
    """A folder to fill, which becomes the target at the end; None when the target is there.

    Processes that want the same one wait for each other; one that dies half-way leaves nothing in the way.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(target.with_name(f"{target.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.is_dir():
            yield None
            return
        aside = target.with_name(f"{target.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        try:
            yield aside
            aside.replace(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        os.close(lock)


def _unpack(uri: str, folder: Path, objects: Objects, name: str) -> None:
    reader = _opened(uri, objects, name)
    try:
        if reader.head[:2] != _GZIP:
            raise _Refused("it is not compressed by gzip")
        with tarfile.open(fileobj=cast("io.BufferedReader", reader), mode="r|gz", bufsize=1 << 20) as archive:
            _extract(archive, folder)
    except (tarfile.TarError, EOFError, _Refused, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # a full disk, not a bad archive
            raise HostingError(
                f'Failed to store model data from URL "{uri}" for container "{name}": {error.strerror}.'
            ) from error
        raise HostingError(
            f'Failed to extract model data archive from URL "{uri}" for container "{name}": {error}. Please '
            "ensure that the object located at the URL is a valid tar.gz archive."
        ) from error


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    n_bytes = 0
    for n_members, member in enumerate(archive, 1):
        n_bytes += member.size
        if n_members > _MEMBERS_MAX or n_bytes > _BYTES_MAX:
            raise _Refused(
                f"it holds more than {_MEMBERS_MAX} members or {_BYTES_MAX >> 30} GiB, which is not unpacked"
            )
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\0" in member.name:
            raise _Refused(f"its member {member.name[:200]!r} would lie outside of the model's folder")
        target = folder / path
        if member.isdir():
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif member.isreg():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = archive.extractfile(member)
            assert content is not None  # noqa: S101 - it is a file
            with target.open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
            target.chmod(0o700 if member.mode & 0o100 else 0o600)
        else:
            raise _Refused(f"its member {member.name[:200]!r} is a link or a device, which is not unpacked")


def _copy(uri: str, folder: Path, objects: Objects, name: str, *, is_prefix: bool) -> None:
    """Plain objects: one, or all below a prefix with their folders."""
    if not is_prefix:
        _copy_object(uri, folder / uri.rpartition("/")[2], objects, name)
        return
    prefix = uri if uri.endswith("/") else f"{uri}/"
    try:
        found = [each for each in objects.list(prefix) if not each.endswith("/")]
    except BlobNotFound:
        found = []
    if not found:
        raise _missing(uri, name)
    for each in found:
        path = PurePosixPath(each.removeprefix(prefix))
        if path.is_absolute() or ".." in path.parts:
            raise HostingError(f'Failed to download model data for container "{name}": {each} is no path.')
        (folder / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy_object(each, folder / path, objects, name)


def _copy_object(uri: str, target: Path, objects: Objects, name: str) -> None:
    with target.open("wb") as file:
        shutil.copyfileobj(_opened(uri, objects, name), file, 1 << 20)


def _opened(uri: str, objects: Objects, name: str) -> _Pieces:
    try:
        head, rest = objects.open(uri, _HEAD_BYTES)
    except (BlobNotFound, AccessRefused, InvalidRequest) as error:
        raise _missing(uri, name) from error
    return _Pieces(head, rest)


def _missing(uri: str, name: str) -> HostingError:
    return HostingError(
        f'Failed to download model data for container "{name}" from URL: "{uri}". Please ensure that there '
        "is an object located at the URL and that the role passed to CreateModel has permissions to download "
        "the object."
    )


class _Pieces:
    """Pieces of an object as a file that is read once from its beginning."""

    def __init__(self, head: bytes, rest: Iterator[bytes] | None) -> None:
        self.head = head
        self._piece = memoryview(head)
        self._rest = rest if rest is not None else iter(())

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; empty only at the end."""
        while not self._piece:
            piece = next(self._rest, None)
            if piece is None:
                return b""
            self._piece = memoryview(piece)
        if size < 0:
            raise io.UnsupportedOperation("The object is not read whole.")
        part, self._piece = self._piece[:size], self._piece[size:]
        return bytes(part)
