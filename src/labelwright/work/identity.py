"""Which server this is, when several share a database: the one whose data directory has this file."""

from __future__ import annotations

import contextlib
import functools
import os
import uuid
from pathlib import Path

__all__ = ["server_identity"]

_FILE = "server-id"


def server_identity(data_dir: Path) -> str:
    """A name that stays with a data directory: whatever the machine is called and wherever it is mounted.

    Programs of a server are found by their folders below it, so what names a machine, which a container gets
    anew each time, would make a server that was started again a stranger to its own jobs.

    Raises
    ------
    OSError
        The file cannot be made.
    """
    return _read(data_dir.resolve())


@functools.cache
def _read(data_dir: Path) -> str:
    path = data_dir / _FILE
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    made = uuid.uuid4().hex
    aside = path.with_name(f"{_FILE}.{made}")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with aside.open("w") as file:
        file.write(f"{made}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):  # somebody was quicker
            os.link(aside, path)
    finally:
        aside.unlink()
    return path.read_text().strip()
