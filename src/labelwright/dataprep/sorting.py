"""Sort more records than fit in memory: sorted runs on disk, merged as a stream."""

from __future__ import annotations

import heapq
import struct
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Self

__all__ = ["ExternalSorter"]

_HEAD = struct.Struct("<II")
_OVERHEAD_BYTES = 150  # of one tuple of two bytes objects, about
_N_RUNS_MAX = 96  # files open at once


class ExternalSorter:
    """Records ``(key, payload)`` in ascending order of their keys, compared as bytes.

    Parameters
    ----------
    memory_bytes : int
        How much is held in memory before a run goes to disk.

    Notes
    -----
    Records of equal keys come out in the order of their payloads; append a big-endian sequence number to the
    key to keep their order of arrival. Runs are unnamed temporary files, so that nothing is left behind.

    Examples
    --------
    >>> with ExternalSorter(memory_bytes=1) as sorter:
    ...     for key in (b"c", b"a", b"b"):
    ...         sorter.add(key, key.upper())
    ...     list(sorter)
    [(b'a', b'A'), (b'b', b'B'), (b'c', b'C')]
    """

    def __init__(self, *, memory_bytes: int = 64 << 20) -> None:
        self._memory_bytes = memory_bytes
        self._held: list[tuple[bytes, bytes]] = []
        self._n_held_bytes = 0
        self._runs: list[IO[bytes]] = []

    def add(self, key: bytes, payload: bytes) -> None:
        """Take one record."""
        self._held.append((key, payload))
        self._n_held_bytes += len(key) + len(payload) + _OVERHEAD_BYTES
        if self._n_held_bytes >= self._memory_bytes:
            self._spill()

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        self._held.sort()
        if not self._runs:
            return iter(self._held)
        return heapq.merge(*(_read_run(run) for run in self._runs), self._held)

    def close(self) -> None:
        """Give up memory and files."""
        self._held = []
        for run in self._runs:
            run.close()
        self._runs = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _spill(self) -> None:
        self._held.sort()
        if len(self._runs) >= _N_RUNS_MAX:
            merged = _write_run(heapq.merge(*(_read_run(run) for run in self._runs)))
            for run in self._runs:
                run.close()
            self._runs = [merged]
        self._runs.append(_write_run(iter(self._held)))
        self._held = []
        self._n_held_bytes = 0


def _write_run(records: Iterator[tuple[bytes, bytes]]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the sorter
    for key, payload in records:
        file.write(_HEAD.pack(len(key), len(payload)))
        file.write(key)
        file.write(payload)
    file.flush()
    return file


def _read_run(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    file.seek(0)
    while head := file.read(_HEAD.size):
        n_key, n_payload = _HEAD.unpack(head)
        yield file.read(n_key), file.read(n_payload)
