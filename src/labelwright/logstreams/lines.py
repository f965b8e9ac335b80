"""Reading the file of a stream by position, without ever reading all of it.

A position is the byte at which a line begins. What lies behind the last newline is a line that is being
written, or was torn by a kill, and does not exist yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

__all__ = ["Line", "Lines"]

Line = tuple[int, int, bytes]
"""Position, epoch milliseconds, message."""

_BLOCK = 1 << 18
_STEP = 1 << 12
_SCANNED = 1 << 15  # a span this small is read through instead of bisected


class Lines:
    """The complete lines that a file holds now.

    Parameters
    ----------
    file : Path or int
        A path, or an open descriptor.
    owns : bool
        Whether a descriptor is closed in the end.

    Raises
    ------
    FileNotFoundError

    Attributes
    ----------
    end : int
        Position behind the last complete line.
    """

    def __init__(self, file: Path | int, *, owns: bool = True) -> None:
        self._owns = owns or not isinstance(file, int)
        self._descriptor = file if isinstance(file, int) else os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        self.end = self._start_of(os.fstat(self._descriptor).st_size)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owns:
            os.close(self._descriptor)

    def first(self) -> int | None:
        """Time of the first line; None when there is none."""
        return next((at for _, at, _ in self.forward(0, block=_STEP)), None)

    def last(self) -> int | None:
        """Time of the last line; None when there is none."""
        return next((at for _, at, _ in self.backward(self.end, block=_STEP)), None)

    def clamp(self, position: int) -> int:
        """The beginning of the line that this byte belongs to; never behind the end."""
        return self._start_of(min(max(position, 0), self.end))

    def at_or_after(self, timestamp_ms: int) -> int:
        """Position of the first line that is not older than this, or the end; by bisection."""
        low, high = 0, self.end
        while high - low > _SCANNED:
            middle = self._start_of((low + high) // 2)
            # A line without a time says nothing; the next one that has one decides for it.
            found = next(self.forward(middle, block=_STEP), None)
            if found is None or found[0] >= high or found[1] >= timestamp_ms:
                high = middle
            else:
                low = found[0] + len(b"%d " % found[1]) + len(found[2]) + 1
        for position, at, _ in self.forward(low, stop=high):
            if at >= timestamp_ms:
                return position
        return high

    def forward(self, position: int, *, stop: int | None = None, block: int = _BLOCK) -> Iterator[Line]:
        """The lines from a position on, read in blocks."""
        end = self.end if stop is None else min(stop, self.end)
        held = b""
        while position + len(held) < end:
            piece = os.pread(self._descriptor, min(block, end - position - len(held)), position + len(held))
            if not piece:
                return
            held += piece
            whole, newline, rest = held.rpartition(b"\n")
            if not newline:
                block *= 2
                continue
            for line in whole.split(b"\n"):
                parsed = _parse(line)
                if parsed is not None:
                    yield position, *parsed
                position += len(line) + 1
            held = rest

    def backward(self, position: int, *, block: int = _BLOCK) -> Iterator[Line]:
        """The lines before a position, the last one first."""
        held = b""  # from `position` on
        while position > 0:
            n_bytes = min(block, position)
            held = os.pread(self._descriptor, n_bytes, position - n_bytes) + held
            position -= n_bytes
            # The first piece may be the end of a line that began earlier.
            head = 0 if position == 0 else held.find(b"\n", 0, len(held) - 1) + 1
            if head == 0 and position > 0:
                block *= 2
                continue
            begin = position + len(held)
            for line in reversed(held[head:].split(b"\n")[:-1]):
                begin -= len(line) + 1
                parsed = _parse(line)
                if parsed is not None:
                    yield begin, *parsed
            held = held[:head]

    def _start_of(self, position: int) -> int:
        """The nearest beginning of a line at or before a byte."""
        step = _STEP
        while position > 0:
            n_bytes = min(step, position)
            found = os.pread(self._descriptor, n_bytes, position - n_bytes).rfind(b"\n")
            if found >= 0:
                return position - n_bytes + found + 1
            position -= n_bytes
            step = min(step * 2, _BLOCK)
        return 0


def _parse(line: bytes) -> tuple[int, bytes] | None:
    """Time and message; None for what a power failure left."""
    stamp, space, message = line.partition(b" ")
    is_time = stamp.isdigit() and (stamp[:1] != b"0" or stamp == b"0")
    return (int(stamp), message) if space and is_time else None
