"""Unix sockets of serving processes: where they are, and how one end is made."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
from pathlib import Path

__all__ = ["connect", "listen", "socket_path"]

_PATH_BYTES_MAX = 100  # the kernel takes 103 (macOS) or 107 (Linux)
_BACKLOG = 128


def socket_path(folder: Path) -> str:
    """Where the process that lives in this folder listens.

    In the folder itself, unless that path is longer than the system allows; then in a folder of this user's
    below the one for temporary files, under a name that follows from the folder's.

    Raises
    ------
    PermissionError
        When the folder below the one for temporary files is somebody else's.
    """
    own = os.fsencode(folder.absolute() / "socket")
    if len(own) <= _PATH_BYTES_MAX:
        return os.fsdecode(own)
    short = Path(tempfile.gettempdir()) / f"labelwright-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        short.mkdir(mode=0o700)
    about = short.lstat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise PermissionError(f"{short} must belong to this user alone; remove it or set TMPDIR.")
    return str(short / hashlib.sha256(own).hexdigest()[:32])


def listen(path: str) -> socket.socket:
    """A listening socket that only this user can connect to; one that a dead process left is replaced."""
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    listener.bind(path)
    Path(path).chmod(0o600)
    listener.listen(_BACKLOG)
    return listener


def connect(address: str | tuple[str, int], timeout_s: float) -> socket.socket:
    """A connected socket: to a Unix socket's path, or to a host and port.

    Raises
    ------
    OSError
    """
    if isinstance(address, tuple):
        connection = socket.create_connection(address, timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout_s)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
