"""From a process's output to its log stream, and the metrics in it to the job's file of metrics."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from labelwright.errors import LabelwrightError
from labelwright.logstreams import StreamWriter
from labelwright.training.metric_scan import MetricScanner

__all__ = ["HostLog", "MetricsFile"]

_log = logging.getLogger(__name__)

_PIECE_BYTES = 1 << 18
_LINE_BYTES_MAX = 1 << 20  # what has no end by then is cut


class MetricsFile:
    """Appends metrics as JSON lines: ``{"name", "value", "at"}``, ``at`` in epoch seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(self, metrics: Sequence[tuple[str, float]], at: float) -> None:
        """Append some, in one write."""
        lines = "".join(
            json.dumps({"name": name, "value": value, "at": round(at, 3)}) + "\n" for name, value in metrics
        )
        with self._lock, self._path.open("ab", buffering=0) as file:
            file.write(lines.encode())


class HostLog:
    """The log of one host.

    Parameters
    ----------
    stream : Path or None
        See `labelwright.logstreams.stream_path`; None keeps none.
    scanner : MetricScanner
    metrics : MetricsFile
    is_echoed : bool
        Whether lines are printed as well.

    Notes
    -----
    A disk that is full costs log lines, and never the training.
    """

    def __init__(
        self, stream: Path | None, scanner: MetricScanner, metrics: MetricsFile, *, is_echoed: bool = False
    ) -> None:
        self._writer = None if stream is None else StreamWriter(stream)
        self._scanner = scanner
        self._metrics = metrics
        self._is_echoed = is_echoed
        self._n_failures = 0
        self.last_line = ""
        """The last one that said something."""

    def say(self, line: str) -> None:
        """Write a line of our own."""
        self._take([line])

    def copy(self, descriptor: int) -> None:
        """Copy what comes from a pipe, line by line, until its end; closes it."""
        rest = b""
        try:
            while piece := os.read(descriptor, _PIECE_BYTES):
                whole, newline, tail = piece.rpartition(b"\n")
                if not newline:
                    rest += piece
                    if len(rest) > _LINE_BYTES_MAX:
                        self._take([rest.decode("utf-8", "replace")])
                        rest = b""
                    continue
                self._take((rest + whole).decode("utf-8", "replace").split("\n"))
                rest = tail
        finally:
            os.close(descriptor)
        if rest:
            self._take([rest.decode("utf-8", "replace")])

    def close(self) -> None:
        """Let the stream go."""
        if self._writer is not None:
            self._writer.close()

    def _take(self, lines: list[str]) -> None:
        at = time.time()
        self.last_line = next((line for line in reversed(lines) if line.strip()), self.last_line)
        try:
            if self._writer is not None:
                self._writer.write_many((int(at * 1000), line.rstrip("\r")) for line in lines)
            if self._is_echoed:
                sys.stdout.write("".join(f"{line}\n" for line in lines))
                sys.stdout.flush()
            if found := list(self._scanner.scan(lines)):
                self._metrics.add(found, at)
            for warning in self._scanner.warnings():
                self._take([warning])
        except (OSError, LabelwrightError) as error:
            if self._n_failures == 0:
                _log.warning("log lines are lost", extra={"action": "log", "reason": str(error)})
            self._n_failures += 1
