"""File mode and FastFile: the objects of a channel as a folder of files.

**File** copies everything before the training begins. **FastFile** promises files whose contents are fetched
when they are read. Without a file system of our own that is possible only where the objects are files
already: there FastFile is a folder of symbolic links, which is ready at once and takes no space. What lies
behind an endpoint is copied, as in File mode. Links must be read only; they lead to the originals.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from labelwright.errors import LabelwrightError
from labelwright.streaming.channel import Channel
from labelwright.streaming.objects import PIECE_BYTES, Objects
from labelwright.streaming.order import epoch_order, places_of_rank
from labelwright.streaming.prefetch import OrderedPrefetch
from labelwright.streaming.problems import ChannelError
from labelwright.streaming.reader import n_threads_for
from labelwright.streaming.sources import ObjectSource, open_source

__all__ = ["Materialised", "local_name", "materialise", "relative_key"]


@dataclasses.dataclass(frozen=True, slots=True)
class Materialised:
    """What was put into a channel's folder.

    Attributes
    ----------
    folder : Path
    n_files : int
    n_bytes : int
        Copied or shared; links count nothing.
    n_links : int
    """

    folder: Path
    n_files: int
    n_bytes: int
    n_links: int


def local_name(uri: str, prefix: str, *, is_manifest: bool = False) -> str:
    """Path of an object's copy below the channel's folder.

    Parameters
    ----------
    uri : str
        Begins with ``prefix``.
    prefix : str
        S3Uri of an S3Prefix channel, or the common prefix of a manifest.
    is_manifest : bool
        For a manifest the name is all that follows the prefix.

    Raises
    ------
    ChannelError
        The name would lead out of the folder, or is no file name.

    Examples
    --------
    >>> local_name("s3://b/a/train/x/1.jpg", "s3://b/a/train")
    'x/1.jpg'
    >>> local_name("s3://b/a/train2/f", "s3://b/a/train"), local_name("s3://b/a/train.rec", "s3://b/a/train.rec")
    ('train2/f', 'train.rec')
    """
    name = relative_key(uri, prefix, is_manifest=is_manifest)
    if not name or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise ChannelError(
            f"The object {uri[:200]} cannot be a file below the channel's folder: {name[:200]!r} is no plain "
            "path. Rename it, or use Pipe mode.",
            field="S3Uri",
            value=uri,
        )
    return name


def relative_key(uri: str, prefix: str, *, is_manifest: bool = False) -> str:
    """What names an object below its prefix: all after the prefix's last folder, as `local_name` has it.

    Parameters
    ----------
    uri, prefix, is_manifest
        See `local_name`; the answer need not be a path, and may be empty.
    """
    if is_manifest:
        return uri.removeprefix(prefix).lstrip("/")
    folder, last = _cut(prefix)
    name = uri[len(folder) :]
    return name[len(last) + 1 :] if last and name.startswith(f"{last}/") else name


def materialise(
    channel: Channel,
    folder: str | os.PathLike[str],
    objects: Objects,
    *,
    host: int = 0,
    n_hosts: int = 1,
    may_share: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Materialised:
    """Fill ``folder/<channel>`` for File or FastFile mode.

    Parameters
    ----------
    channel : Channel
        ``shuffle_seed``, ``wrapper`` and ``compression`` have no meaning here.
    folder : path
        Such as ``/opt/ml/input/data``.
    objects : Objects
    host, n_hosts : int
        Which part of a ``ShardedByS3Key`` channel.
    may_share : bool
        Whether a copy may be a second name of the original file, which takes no time and no space. Only for
        readers that never write to it, and stores that never change a file: what is replaced or deleted
        later stays as it was under the second name.
    on_progress : callable, optional
        ``on_progress(n_files, n_files_total)`` after each file.

    Returns
    -------
    Materialised

    Raises
    ------
    ChannelError
        Mode Pipe; nothing to copy; two objects that cannot be files side by side.
    labelwright.errors.BlobNotFound
        An object named by a manifest is missing.
    """
    if channel.mode == "Pipe":
        raise ChannelError(
            f"Channel {channel.name!r} is a Pipe channel and has no folder.", field="InputMode", value="Pipe"
        )
    source = open_source(channel, objects)
    if not isinstance(source, ObjectSource):
        raise ChannelError("An augmented manifest has no files to copy.", field="S3DataType")
    target = Path(folder) / channel.name
    target.mkdir(parents=True, exist_ok=True)
    n_hosts_apart = n_hosts if channel.distribution == "ShardedByS3Key" else 1
    places = places_of_rank(len(source), host if n_hosts_apart > 1 else 0, n_hosts_apart)
    order = epoch_order(len(source), None, 0)
    is_manifest = channel.data_type == "ManifestFile"

    def bring(place: int) -> int:
        """Bytes copied, -1 for a link."""
        uri = source.uri(int(order[place]))
        path = target / local_name(uri, source.prefix, is_manifest=is_manifest)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if channel.mode == "FastFile" and (original := objects.local_path(uri)) is not None:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                path.symlink_to(Path(original).absolute())
                return -1
            return _copy(objects, uri, path, may_share=may_share)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise ChannelError(
                f"{uri[:200]} cannot be a file: another object has the name of its folder, or it is one. "
                "Rename one of them, or use Pipe mode.",
                field="S3Uri",
                value=uri,
            ) from error

    n_bytes = n_links = n_files = 0
    done = OrderedPrefetch(
        bring, lambda size: 1, places, n_threads=n_threads_for(objects, source.prefix), budget_bytes=1 << 20
    )
    for size in done:
        n_files += 1
        n_links += size < 0
        n_bytes += max(0, size)
        if on_progress is not None:
            on_progress(n_files, len(places))
    return Materialised(target, n_files, n_bytes, n_links)


def _copy(objects: Objects, uri: str, path: Path, *, may_share: bool) -> int:
    original = objects.local_path(uri)
    if original is not None and may_share:
        with contextlib.suppress(OSError):  # another disk: it is copied
            path.hardlink_to(original)
            return path.stat().st_size
    partial = path.with_name(f".{path.name[:200]}.partial")
    try:
        if original is not None:
            shutil.copyfile(original, partial)  # inside the kernel, shared blocks where the disk can
        else:
            with partial.open("wb") as file:
                for piece in _pieces(objects, uri):
                    file.write(piece)
        size = partial.stat().st_size
        partial.replace(path)
        return size
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            raise
        raise LabelwrightError(f"{uri[:200]} could not be copied to {path}: {error}") from error


def _pieces(objects: Objects, uri: str) -> Iterator[bytes]:
    head, rest = objects.open(uri, PIECE_BYTES)
    yield head
    if rest is not None:
        yield from rest


def _cut(prefix: str) -> tuple[str, str]:
    """Everything up to the last slash of the key, and what follows."""
    folder, slash, last = prefix.rpartition("/")
    if prefix.startswith("s3://") and prefix.count("/") == 2:  # a bucket alone
        return f"{prefix}/", ""
    return folder + slash, last
