"""Processes by pid and start time: a pid alone may be somebody else's by now."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["is_locked", "signal_group", "signal_process", "start_time"]

_FIELD_OF_START = 22  # of /proc/<pid>/stat, counted from 1
_FIELDS_BEFORE = 3  # the split begins behind the second field, a name that may hold blanks


def start_time(pid: int) -> str | None:
    """When a process was started, as text to compare; None when there is no such process."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return stat.rpartition(")")[2].split()[_FIELD_OF_START - _FIELDS_BEFORE]
    asked = subprocess.run(  # noqa: S603 - a number is all that varies
        ["/bin/ps", "-o", "lstart=", "-p", str(int(pid))], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock; the kernel lets go of it however that process ended."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def signal_group(pid: int, started: str, number: signal.Signals) -> bool:
    """Send a signal to a session leader's whole process group; False when it is not that process any more.

    A leader that has died leaves its group behind; the group keeps the number, so nobody else can have it,
    and what is left of it is signalled as well.
    """
    found = start_time(pid)
    if found is not None and found != started:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        return True
    return False


def signal_process(pid: int, started: str, number: signal.Signals) -> bool:
    """Send a signal to one process; False when it is not that process any more."""
    if start_time(pid) != started:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
        return True
    return False
