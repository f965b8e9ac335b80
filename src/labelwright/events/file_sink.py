"""Events as JSON lines in a file that is rotated by size.

A batch is written and flushed to the disk (``fsync``) before it counts as taken: an event that the cursor has
passed survives a power failure, at the price of one fsync a batch, not one an event. A line that was cut off
by a crash is removed at the next start; its event was not taken yet and is written again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Sequence
from io import FileIO
from pathlib import Path

from labelwright.events.shapes import KINDS

__all__ = ["FileSink"]

_TAIL_BYTES = 1 << 20


class FileSink:
    """Appends to ``path``; full files become ``path.1``, ``path.2`` ..., the oldest goes.

    Parameters
    ----------
    path : Path
        Its folder is made when absent.
    max_bytes : int
        A file is closed before it grows beyond this, unless one batch alone is larger.
    n_kept : int
        How many full files are kept.
    kinds : collection of str
        Kinds of events it gets.
    """

    def __init__(self, path: Path, *, max_bytes: int, n_kept: int, kinds: Collection[str] = KINDS) -> None:
        self.kinds = kinds
        self.name = f"file:{path.absolute()}"
        self._path = path
        self._max_bytes = max_bytes
        self._n_kept = n_kept
        self._file: FileIO | None = None

    def take(self, events: Sequence[bytes]) -> None:
        """Write a batch; it is on the disk when this returns.

        Raises
        ------
        OSError
            Whatever was written of the batch is taken back as far as that is possible.
        """
        data = b"\n".join(events) + b"\n"
        file = self._opened()
        size = file.seek(0, os.SEEK_END)
        if size and size + len(data) > self._max_bytes:
            self._rotate()
            file = self._opened()
            size = 0
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file.fileno(), rest) :]
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), size)
            self.close()
            raise

    def abort(self) -> None:
        """Nothing here takes long enough to be broken off."""

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _opened(self) -> FileIO:
        if self._file is not None and not self._is_moved(self._file):
            return self._file
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self._path.exists()
        # Worker identities are in it: for the operator only.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # Without a buffer: what could not be written must not be tried again when the file is closed.
        file = os.fdopen(descriptor, "r+b", buffering=0)
        _cut_torn_line(file)
        if is_new:
            self._sync_folder()
        self._file = file
        return file

    def _is_moved(self, file: FileIO) -> bool:
        """Whether somebody else, such as logrotate, has taken the file away."""
        try:
            there, ours = self._path.stat(), os.fstat(file.fileno())
        except FileNotFoundError:
            return True
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _rotate(self) -> None:
        self.close()
        if self._n_kept == 0:
            self._path.unlink(missing_ok=True)
            return
        for i in range(self._n_kept - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                self._numbered(i).replace(self._numbered(i + 1))
        self._path.replace(self._numbered(1))
        self._sync_folder()

    def _numbered(self, i: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{i}")

    def _sync_folder(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _cut_torn_line(file: FileIO) -> None:
    size = file.seek(0, os.SEEK_END)
    end = size
    while end > 0:
        start = max(0, end - _TAIL_BYTES)
        file.seek(start)
        found = (file.read(end - start) or b"").rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end != size:
        file.truncate(end)
    file.seek(0, os.SEEK_END)
