"""What every step of the engine is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from labelwright.store.data_objects import ObjectRow

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.engine.calls import Calls
    from labelwright.store.db import Database
    from labelwright.work import Runner

__all__ = ["Tools", "read_lines"]

_RANGE_BYTES_MAX = 4 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Tools:
    """The parts a step may use.

    ``io`` runs reads and writes of many small objects side by side, ``work`` programs outside this process,
    ``calls`` the functions that jobs name.
    """

    database: Database
    blobs: Blobs
    settings: Settings
    clock: Callable[[], float]
    io: Executor
    work: Runner
    calls: Calls


def read_lines(blobs: Blobs, manifest_uri: str, rows: Sequence[ObjectRow]) -> list[bytes]:
    """The manifest lines of some objects, given in manifest order; neighbours are read together."""
    lines: list[bytes] = []
    start = 0
    while start < len(rows):
        end = start + 1
        first = rows[start].position
        while end < len(rows) and rows[end].position + rows[end].length - first <= _RANGE_BYTES_MAX:
            end += 1
        last = rows[end - 1]
        data = blobs.read_range(manifest_uri, first, last.position + last.length - first)
        for row in rows[start:end]:
            offset = row.position - first
            lines.append(data[offset : offset + row.length])
        start = end
    return lines
