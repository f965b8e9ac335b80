"""Files: where bytes lie, how they get there, and how they are read without surprises.

Under ``objects/`` each bucket is a directory and each object a file at the path of its key. New bytes are
written to ``objects/.unplaced/`` first, under a made-up name, and flushed; then the index row is committed,
which makes them the object; then they are renamed into place. Whoever reads between the two finds them
under the made-up name, and after a crash the rename is done at the next start. A file is never changed once
it is written, so one that is open stays whole whatever happens to its key.
"""

# Paths are plain strings here, because opening a file is on the way of every download.
# ruff: noqa: PTH103, PTH104, PTH106, PTH108, PTH110, PTH113, PTH120, PTH208

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from labelwright.s3 import index
from labelwright.s3.index import ObjectRow
from labelwright.s3.names import is_plain

__all__ = ["CHUNK_BYTES", "Files", "OpenFile", "StagedFile"]

CHUNK_BYTES = 1 << 20
_UNPLACED = ".unplaced"
_NOWAIT = getattr(os, "RWF_NOWAIT", 0)


class OpenFile:
    """A file open for reading; closed when the last holder lets go of it."""

    __slots__ = ("fd", "size")

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self.fd).st_size

    def __del__(self) -> None:
        fd = getattr(self, "fd", -1)
        if fd >= 0:
            os.close(fd)

    def read_cached(self, start: int, length: int) -> bytes | None:
        """The bytes when they seem to be in memory already; None when reading them would wait for the disk.

        Only the last byte is asked for that way: files are read from end to end, so it stands for the rest,
        and reading all of them so would need a buffer that is cleared first.
        """
        if not _NOWAIT:
            return None
        try:
            if os.preadv(self.fd, [bytearray(1)], start + length - 1, _NOWAIT) != 1:
                return None
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:  # such as tmpfs, which is memory anyway
                return None
        return self.read(start, length)

    def read(self, start: int, length: int) -> bytes:
        """The bytes, waiting for the disk; all of them.

        Raises
        ------
        OSError
            When the file is shorter than the index says.
        """
        data = os.pread(self.fd, length, start)
        while len(data) < length:
            more = os.pread(self.fd, length - len(data), start + len(data))
            if not more:
                raise OSError(errno.EIO, "the file is shorter than the index says")
            data += more
        return data


class StagedFile:
    """A new file under ``.unplaced``, being written by one writer."""

    def __init__(self, directory: Path) -> None:
        self.name = secrets.token_hex(16)
        self._directory = directory
        self.path = str(directory / self.name)
        self.fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append."""
        view = memoryview(data)
        while view:
            n_written = os.write(self.fd, view)
            self.size += n_written
            view = view[n_written:]

    def append_from(self, source: OpenFile, start: int, length: int) -> None:
        """Append bytes of another file; the kernel copies (or shares) them where it can."""
        while length:
            try:
                n_copied = os.copy_file_range(source.fd, self.fd, min(length, 1 << 30), start)
            except (AttributeError, OSError):
                n_copied = 0
            if n_copied == 0:
                piece = source.read(start, min(length, CHUNK_BYTES))
                self.write(piece)
                n_copied = len(piece)
            else:
                self.size += n_copied
            start += n_copied
            length -= n_copied

    def finish(self, directory_fd: int) -> None:
        """Flush bytes and name to the disk and close."""
        os.fsync(self.fd)
        os.close(self.fd)
        self.fd = -1
        os.fsync(directory_fd)

    def discard(self) -> None:
        """Close and remove; safe to call twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


class Files:
    """The directory tree of an object store.

    Parameters
    ----------
    root : Path
        ``<data_dir>/objects``; made when absent.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._unplaced = root / _UNPLACED
        self._unplaced.mkdir(parents=True, exist_ok=True)
        self._root = str(root)
        self._unplaced_text = str(self._unplaced)
        self._unplaced_fd = os.open(self._unplaced, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._is_case_blind = self._probe_case()

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self._unplaced_fd)

    def stage(self) -> StagedFile:
        """A new file to write."""
        return StagedFile(self._unplaced)

    def finish(self, staged: StagedFile) -> None:
        """Make the staged file durable."""
        staged.finish(self._unplaced_fd)

    def first_place(self, key: str) -> int:
        """`index.MOVING`, or `index.OWN_NAME` when the key is no usable path."""
        if not is_plain(key) or (self._is_case_blind and key.lower() != key):
            return index.OWN_NAME
        return index.MOVING

    def path_of(self, bucket: str, key: str) -> str:
        """Path of a plain key."""
        return f"{self._root}/{bucket}/{key}"

    def staged_path(self, name: str) -> str:
        """Path of a file that has no place yet, or none at all."""
        return f"{self._unplaced_text}/{name}"

    def open(self, row: ObjectRow) -> OpenFile:
        """Open the bytes of a row. The caller holds the lock of the key.

        Raises
        ------
        FileNotFoundError
            When somebody removed the file behind our back.
        """
        if row.staged is not None:
            try:
                return OpenFile(self.staged_path(row.staged))
            except FileNotFoundError:
                if row.place == index.OWN_NAME:
                    raise
        return OpenFile(self.path_of(row.bucket, row.key))

    def open_staged(self, name: str) -> OpenFile:
        """Open a staged file (a part of an upload)."""
        return OpenFile(self.staged_path(name))

    def place(self, row: ObjectRow) -> int:
        """Rename the bytes of a committed row to the path of its key. The caller holds the lock of the key.

        Returns
        -------
        int
            Where they are now: `index.AT_KEY`, or `index.OWN_NAME` when another key is in the way.
        """
        if row.staged is None or row.place != index.MOVING:
            return row.place
        source, target = self.staged_path(row.staged), self.path_of(row.bucket, row.key)
        for _ in range(20):
            try:
                os.rename(source, target)
                return index.AT_KEY
            except FileNotFoundError:
                if not os.path.exists(source):
                    return index.AT_KEY if os.path.isfile(target) else index.MOVING
                try:
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                except (NotADirectoryError, FileExistsError):
                    return index.OWN_NAME
                except FileNotFoundError:  # a delete took the directory away meanwhile
                    continue
            except (NotADirectoryError, IsADirectoryError, FileExistsError):
                return index.OWN_NAME
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL):
                    return index.OWN_NAME
                raise
        return index.OWN_NAME

    def unlink_key(self, bucket: str, key: str) -> None:
        """Remove the file at the path of a key, and directories that are empty then."""
        if not is_plain(key):
            return
        try:
            os.unlink(self.path_of(bucket, key))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            return
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return
        parent, slash, _ = key.rpartition("/")
        while slash:
            try:
                os.rmdir(self.path_of(bucket, parent))
            except OSError:
                return
            parent, slash, _ = parent.rpartition("/")

    def unlink_staged(self, name: str) -> None:
        """Remove a staged file; nothing happens when it is gone."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.staged_path(name))

    def staged_names(self) -> list[str]:
        """Names of all files under ``.unplaced``."""
        return os.listdir(self._unplaced)

    def make_bucket(self, bucket: str) -> None:
        """Make the bucket's directory."""
        (self.root / bucket).mkdir(exist_ok=True)

    def remove_bucket(self, bucket: str) -> None:
        """Remove the bucket's directory when it is empty; files that are not ours stay."""
        with contextlib.suppress(OSError):
            (self.root / bucket).rmdir()

    def sync_directories(self, rows: list[ObjectRow]) -> None:
        """Flush the directories of these rows and those above them, so that their renames are durable."""
        directories: set[str] = {self._root}
        for row in rows:
            path = os.path.dirname(self.path_of(row.bucket, row.key))
            while path not in directories:
                directories.add(path)
                path = os.path.dirname(path)
        for path in directories:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)

    def _probe_case(self) -> bool:
        probe = self._unplaced / "probe-a"
        probe.touch()
        is_blind = (self._unplaced / "PROBE-A").exists()
        probe.unlink()
        return is_blind
