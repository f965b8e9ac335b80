"""The server's side: starts the model's process when it is first asked, and asks one thing at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from labelwright.errors import LabelwrightError, LimitExceeded
from labelwright.segment.frames import read_frame, write_frame

__all__ = ["Prompt", "SegmentService", "SegmentationFailed"]

_log = logging.getLogger(__name__)

_WAITING_MAX = 16
_START_S = 120.0


class SegmentationFailed(LabelwrightError):
    """The model could not be started or did not give a mask; drawing by hand goes on."""


class _Gone(SegmentationFailed):
    """The process ended by itself."""

    def __init__(self) -> None:
        super().__init__("The segmentation model ended unexpectedly. Draw by hand, or try again.")


@dataclasses.dataclass(frozen=True, slots=True)
class Prompt:
    """What a worker marked, in pixels: ``points`` as (x, y), or a ``box`` as (left, top, width, height)."""

    points: Sequence[tuple[float, float]] | None = None
    box: tuple[float, float, float, float] | None = None


class SegmentService:
    """One model for a server; usable from any thread.

    Parameters
    ----------
    folder : Path
        With the model's files, see `labelwright.segment.sam`.
    time_limit_s : float
        For one mask; a process that takes longer is ended.
    """

    def __init__(self, folder: Path, *, time_limit_s: float = 30.0) -> None:
        self._folder = folder
        self._time_limit_s = time_limit_s
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_WAITING_MAX)
        self._process: subprocess.Popen[bytes] | None = None

    def mask(self, image: bytes, prompt: Prompt) -> bytes:
        """A PNG of the image's size, 255 inside the object and 0 elsewhere.

        Parameters
        ----------
        image : bytes
            The image's file.

        Raises
        ------
        LimitExceeded
            When too many requests wait already.
        SegmentationFailed
        """
        if not self._waiting.acquire(blocking=False):
            raise LimitExceeded("Many workers are waiting for auto-segment; try again in a moment.")
        try:
            with self._lock:
                return self._ask(image, prompt)
        finally:
            self._waiting.release()

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _ask(self, image: bytes, prompt: Prompt) -> bytes:
        about = {"points": prompt.points and list(prompt.points), "box": prompt.box}
        process = self._process
        if process is not None and process.poll() is None:
            try:
                return self._exchange(process, about, image, limit_s=self._time_limit_s)
            except _Gone:
                pass  # idle for so long that it was just leaving; a new one answers
        self._end()
        return self._exchange(self._start(), about, image, limit_s=self._time_limit_s)

    def _start(self) -> subprocess.Popen[bytes]:
        # -P: nothing of the working directory is imported.
        command = [sys.executable, "-P", "-m", "labelwright.segment.worker", str(self._folder)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        self._process = process
        self._exchange(process, None, b"", limit_s=_START_S)
        _log.info("segmenter started", extra={"action": "segment", "pid": process.pid})
        return process

    def _exchange(
        self,
        process: subprocess.Popen[bytes],
        about: Mapping[str, object] | None,
        data: bytes,
        *,
        limit_s: float,
    ) -> bytes:
        """One request and its answer; without a request only the greeting is read."""
        if process.stdin is None or process.stdout is None:
            raise _Gone
        timer = threading.Timer(limit_s, process.kill)
        timer.start()
        try:
            if about is not None:
                write_frame(process.stdin, about, data)
            frame = read_frame(process.stdout)
        except OSError:
            frame = None
        finally:
            was_in_time = timer.is_alive()
            timer.cancel()
        if frame is None:
            self._end()
            if was_in_time:
                raise _Gone
            raise SegmentationFailed(
                f"The segmentation model took longer than {limit_s:g} s and was ended. Draw by hand, or try "
                "again."
            )
        if "error" in frame[0]:
            if about is None:
                self._end()
            raise SegmentationFailed(f"The segmentation model gave no mask: {frame[0]['error']}")
        return frame[1]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not written any more
                    stream.close()
