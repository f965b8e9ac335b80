"""Pipe mode: a named pipe for each channel and epoch, written for as long as somebody reads.

Of each channel's pipes ``<channel>_0``, ``<channel>_1``, ... the first is there when `PipeFeeder.start`
returns. The next one appears as soon as a reader has opened the one before; a pipe is removed when its epoch
is over. An epoch is over when all was written, or when the reader closed early.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import logging
import os
import select
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from labelwright.streaming.reader import ChannelReader, EpochStream

__all__ = ["ChannelProgress", "PipeFeeder"]

_log = logging.getLogger(__name__)

PIPE_BYTES: Final = 1 << 20
"""What a pipe holds, where the system allows it: the back pressure begins there."""


@dataclasses.dataclass(slots=True)
class ChannelProgress:
    """How far a channel is.

    Attributes
    ----------
    n_opened : int
        Epochs that a reader opened.
    n_completed : int
        Epochs written to the end.
    n_abandoned : int
        Epochs whose reader closed early.
    n_bytes : int
        Written in all epochs.
    """

    n_opened: int = 0
    n_completed: int = 0
    n_abandoned: int = 0
    n_bytes: int = 0


class PipeFeeder:
    """Feeds the pipes of some channels, one thread each (and those that fetch).

    Parameters
    ----------
    folder : path
        Where the pipes go, such as ``/opt/ml/input/data``; made when absent.
    readers : sequence of ChannelReader
        Channels with different names.
    on_failure : callable, optional
        ``on_failure(channel_name, error)``, called once, before the reader sees the end of its pipe: what
        was read so far is not the whole epoch, and only this call tells.

    Attributes
    ----------
    progress : dict of str to ChannelProgress
    failure : BaseException or None
        The first error. Its channel is at its end; the others go on until `stop`.

    Examples
    --------
    ::

        with PipeFeeder("/opt/ml/input/data", [ChannelReader(channel, objects)]) as feeder:
            subprocess.run(["train"])
        if feeder.failure:
            print(failure_reason(feeder.failure))
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        readers: Sequence[ChannelReader],
        *,
        on_failure: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.failure: BaseException | None = None
        self.progress = {reader.channel.name: ChannelProgress() for reader in readers}
        if len(self.progress) != len(readers):
            raise ValueError("two channels have the same name")
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._lines = [_Line(self, reader) for reader in readers]

    def __enter__(self) -> PipeFeeder:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Make the first pipes and begin."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for line in self._lines:
            line.offer(0)
        for line in self._lines:
            line.thread.start()

    def stop(self) -> None:
        """End all writing and remove the pipes that are left; may be called again."""
        self._is_stopping.set()
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"x")
        for line in self._lines:
            line.release()
        for fd in (self._wake_read, self._wake_write):
            if fd >= 0:
                os.close(fd)
        self._wake_read = self._wake_write = -1

    def _fail(self, name: str, error: BaseException) -> None:
        with self._lock:
            if self.failure is not None:
                return
            self.failure = error
        _log.error("a channel failed", extra={"action": "stream", "channel": name, "reason": str(error)})
        if self._on_failure is not None:
            self._on_failure(name, error)


class _Line:
    """One channel: its thread, and the pipes it has offered."""

    def __init__(self, feeder: PipeFeeder, reader: ChannelReader) -> None:
        self.reader = reader
        self.name = reader.channel.name
        self.thread = threading.Thread(target=self._run, name=f"pipe-{self.name}", daemon=True)
        self._feeder = feeder
        self._progress = feeder.progress[self.name]
        self._offered: dict[int, Path] = {}

    def offer(self, epoch: int) -> None:
        """Make the pipe of an epoch.

        Raises
        ------
        FileExistsError
            Something that is no pipe has its name.
        """
        path = self._feeder.folder / f"{self.name}_{epoch}"
        if path.is_fifo():  # left by a feeder that was killed
            path.unlink()
        os.mkfifo(path, 0o644)
        self._offered[epoch] = path

    def release(self) -> None:
        """Let the thread end, wherever it waits, and clear up."""
        # A writer waits in open() until there is a reader, so be one, for as long as the thread lives.
        fds = []
        for path in list(self._offered.values()):
            with contextlib.suppress(OSError):
                fds.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        if self.thread.ident is not None:
            self.thread.join()
        for fd in fds:
            os.close(fd)
        for epoch in list(self._offered):
            self._withdraw(epoch)

    def _run(self) -> None:
        epoch = 0
        try:
            while not self._feeder._is_stopping.is_set():
                self._feed(epoch)
                epoch += 1
        except Exception as error:  # told to the job, which ends with it
            self._feeder._fail(self.name, error)
            self._withdraw(epoch + 1)

    def _feed(self, epoch: int) -> None:
        stream = self.reader.stream(epoch)
        fd = -1
        try:
            stream.start()  # so that the first batch is there when the reader comes
            fd = os.open(self._offered[epoch], os.O_WRONLY | os.O_CLOEXEC)
            if self._feeder._is_stopping.is_set():
                return
            self.offer(epoch + 1)
            self._progress.n_opened += 1
            self._write(fd, stream)
        except Exception as error:
            # The reader must not see the end of the pipe before the failure is known.
            self._feeder._fail(self.name, error)
            raise
        finally:
            if fd >= 0:
                os.close(fd)
            stream.close()
            self._withdraw(epoch)

    def _write(self, fd: int, stream: EpochStream) -> None:
        with contextlib.suppress(OSError):  # more than the system's limit for users: the usual size
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(fd, False)
        poller = select.poll()
        poller.register(fd, select.POLLOUT)
        poller.register(self._feeder._wake_read, select.POLLIN)
        for pieces in stream.batches():
            views = [memoryview(piece) for piece in pieces if len(piece)]
            while views:
                try:
                    n_bytes = os.writev(fd, views)
                except BlockingIOError:
                    poller.poll()
                    if self._feeder._is_stopping.is_set():
                        return
                    continue
                except OSError as error:
                    if error.errno != errno.EPIPE:
                        raise
                    self._progress.n_abandoned += 1
                    return
                self._progress.n_bytes += n_bytes
                views = _after(views, n_bytes)
        self._progress.n_completed += 1

    def _withdraw(self, epoch: int) -> None:
        path = self._offered.pop(epoch, None)
        if path is not None:
            path.unlink(missing_ok=True)


def _after(views: list[memoryview], n_bytes: int) -> list[memoryview]:
    """What is left when the first ``n_bytes`` are gone."""
    for i, view in enumerate(views):
        if n_bytes < len(view):
            return [view[n_bytes:], *views[i + 1 :]]
        n_bytes -= len(view)
    return []
