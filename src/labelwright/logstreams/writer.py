"""Writing a stream: whole lines, appended, in the order of their times.

Every line is in the file when `StreamWriter.write` returns, so it survives the death of the process; only a
power failure can take lines, and then the last ones. A line that was torn in two by a kill is not seen by
readers, and removed by the next writer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from labelwright.errors import Busy
from labelwright.logstreams.lines import Lines
from labelwright.logstreams.names import file_of

__all__ = ["MAX_MESSAGE_BYTES", "StreamWriter"]

MAX_MESSAGE_BYTES = 262_118
"""Longest message of one event, in bytes of UTF-8; a longer line becomes several events."""

_MAX_WRITE_BYTES = 1 << 20
_ATTEMPTS = 100


class StreamWriter:
    """Appends events to a stream; one writer at a time.

    The file, and with it the stream, appears with the first event. An earlier writer's file is continued.

    Parameters
    ----------
    path : Path
        What `labelwright.logstreams.stream_path` returns, or a name below a folder that is one.

    Notes
    -----
    Times never go back within a stream: an event that is older than the one before it gets that one's time.
    Readers rely on it, to find a time by bisection and to continue where they stopped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._position = 0
        self._last_ms = 0

    def write(self, timestamp_ms: int, message: str) -> None:
        """Append a message; each of its lines is an event, and empty lines are left out.

        Parameters
        ----------
        timestamp_ms : int
            Epoch milliseconds.
        message : str

        Raises
        ------
        Busy
            Another process writes this stream.
        OSError
            The disk is full, or the folder cannot be written. The lines that went into the file before that
            are there, whole ones only, and the writer may be used again.
        """
        self.write_many([(timestamp_ms, message)])

    def write_many(self, events: Iterable[tuple[int, str]]) -> None:
        """Append several messages at once: `write`, with one call of the system for many lines."""
        waiting = bytearray()
        for timestamp_ms, message in events:
            for piece in _pieces(message):
                if self._descriptor is None:
                    self._open()
                self._last_ms = max(self._last_ms, timestamp_ms)
                waiting += b"%d " % self._last_ms + piece + b"\n"
            if len(waiting) >= _MAX_WRITE_BYTES:
                self._append(waiting)
                waiting.clear()
        if waiting:
            self._append(waiting)

    def flush(self) -> None:
        """Wait until the disk has everything, so that a power failure takes nothing; costs milliseconds."""
        if self._descriptor is not None:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Let the file go; writing again opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        file = file_of(self.path)
        for _ in range(_ATTEMPTS):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Whoever removes old logs may be quicker: with the empty folder, or with the file before it is
            # locked. What is written to a file without a name would be lost.
            with contextlib.suppress(FileNotFoundError):
                descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.path.samestat(os.fstat(descriptor), file.stat()):
                        self._continue(descriptor)
                        return
                    os.close(descriptor)
                except BlockingIOError as error:
                    os.close(descriptor)
                    raise Busy(
                        f"Another process writes {file}; a stream has one writer at a time."
                    ) from error
                except BaseException:
                    os.close(descriptor)
                    raise

        raise Busy(f"{file} is removed again and again; something else deletes files there.")

    def _continue(self, descriptor: int) -> None:
        with Lines(descriptor, owns=False) as lines:
            self._position = lines.end
            last = lines.last()
        if os.fstat(descriptor).st_size > self._position:
            os.ftruncate(descriptor, self._position)
        self._last_ms = max(self._last_ms, last or 0)
        self._descriptor = descriptor

    def _append(self, text: bytes | bytearray) -> None:
        assert self._descriptor is not None  # noqa: S101 - `_open` came first
        view, n_written = memoryview(text), 0
        try:
            while n_written < len(text):
                n_written += os.write(self._descriptor, view[n_written:])
        finally:
            view.release()
            if n_written < len(text):  # readers may have seen the whole lines
                n_written = text.rfind(b"\n", 0, n_written) + 1
                os.ftruncate(self._descriptor, self._position + n_written)
            self._position += n_written


def _pieces(message: str) -> Iterator[bytes]:
    for line in message.split("\n"):
        text = line.encode("utf-8", "replace")
        while len(text) > MAX_MESSAGE_BYTES:
            cut = MAX_MESSAGE_BYTES
            while text[cut] & 0xC0 == 0x80:  # within a character
                cut -= 1
            yield text[:cut]
            text = text[cut:]
        if text:
            yield text
