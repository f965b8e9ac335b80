"""How long logs are kept, and deleting them.

A group's time is a small file in its folder; without one its logs are kept for ever, as in CloudWatch.
Readers leave out what is older; a thread removes the files of streams whose last event is. A stream that a
program is writing is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from labelwright.errors import Busy, LabelwrightError, NameInUse, NotFound
from labelwright.logstreams.lines import Lines
from labelwright.logstreams.names import STANDING_GROUPS, SUFFIX, file_of, group_folder, stream_path
from labelwright.logstreams.store import LogStore

__all__ = [
    "RETENTION_DAYS",
    "Retention",
    "create_group",
    "delete_group",
    "delete_stream",
    "kept_since_ms",
    "remove_expired",
    "retention_days",
    "set_retention",
]

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""What CloudWatch lets one choose from."""

_log = logging.getLogger(__name__)

_FILE = ".retention"  # no stream is called so: their files have a suffix
_DAY_MS = 86_400_000
_EVERY_S = 3600.0


def retention_days(root: Path, group: str) -> int | None:
    """After how many days events of a group are removed; None when never."""
    try:
        return int((group_folder(root, group) / _FILE).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def set_retention(root: Path, group: str, days: int | None) -> None:
    """Keep the events of a group for some days, or for ever.

    Parameters
    ----------
    root : Path
        Folder of all logs.
    group : str
        Must be there.
    days : int or None
        One of `RETENTION_DAYS`.
    """
    folder = group_folder(root, group)
    if days is None:
        (folder / _FILE).unlink(missing_ok=True)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = folder / f"{_FILE}.new"
    written.write_text(str(days))
    written.replace(folder / _FILE)


def kept_since_ms(root: Path, group: str, *, now_ms: int) -> int | None:
    """Events of a group that are older are gone; None when there is no such time."""
    days = retention_days(root, group)
    return None if days is None else now_ms - days * _DAY_MS


def create_group(root: Path, group: str) -> None:
    """Make a group before anything is written to it.

    Raises
    ------
    NameInUse
        When it is there.
    """
    if LogStore(root).has_group(group):
        raise NameInUse("The specified log group already exists")
    group_folder(root, group).mkdir(mode=0o700, parents=True)


def delete_stream(root: Path, group: str, stream: str) -> None:
    """Remove a stream with all its events.

    Raises
    ------
    NotFound
        There is no such stream.
    Busy
        A program is writing it.
    """
    path = stream_path(root, group, stream)
    if not file_of(path).is_file():
        raise NotFound("The specified log stream does not exist.", kind="log stream", name=stream)
    _unlink(file_of(path))
    _remove_empty(file_of(path).parent, group_folder(root, group))


def delete_group(root: Path, group: str) -> None:
    """Remove a group with its streams and its retention; a standing group is empty then.

    Raises
    ------
    Busy
        A program is writing one of its streams; others may be gone already.
    """
    folder = group_folder(root, group)
    for file in _files(folder):
        _unlink(file)
        _remove_empty(file.parent, folder)
    (folder / _FILE).unlink(missing_ok=True)
    if group not in STANDING_GROUPS:
        with contextlib.suppress(OSError):  # a function has just written to it
            folder.rmdir()


def remove_expired(root: Path, *, now_ms: int) -> int:
    """Remove the streams whose last event is older than their group keeps events; how many there were."""
    n_removed = 0
    for group in LogStore(root).groups():
        since = kept_since_ms(root, group, now_ms=now_ms)
        if since is None:
            continue
        folder = group_folder(root, group)
        for file in _files(folder):
            try:
                # Looked at without the lock first: a writer who meets the lock is refused.
                if _is_older(file, since) and _unlink(file, older_than_ms=since):
                    _remove_empty(file.parent, folder)
                    n_removed += 1
            except (OSError, Busy):
                continue
    return n_removed


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(SUFFIX):
                yield Path(parent, name)


def _unlink(file: Path, *, older_than_ms: int | None = None) -> bool:
    """Remove a file, if its last event is older; whether it was."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Under the lock: what a writer has added until now is seen, and nothing more is added.
        if older_than_ms is not None and not _is_older(descriptor, older_than_ms):
            return False
        file.unlink(missing_ok=True)
        return True
    except BlockingIOError as error:
        raise Busy(
            f"The log stream in {file.name} is being written; delete it when its program has ended."
        ) from error
    finally:
        os.close(descriptor)


def _is_older(file: Path | int, than_ms: int) -> bool:
    with Lines(file, owns=False) as lines:
        last = lines.last()
    return last is not None and last < than_ms


def _remove_empty(folder: Path, group: Path) -> None:
    """Folders of a stream's name that hold nothing any more."""
    with contextlib.suppress(OSError):
        while folder != group:
            folder.rmdir()
            folder = folder.parent


class Retention:
    """The thread that removes what is older than it is kept.

    Parameters
    ----------
    root : Path
        Folder of all logs.
    clock : callable
        Returns epoch seconds.
    every_s : float
    """

    def __init__(self, root: Path, clock: Callable[[], float], *, every_s: float = _EVERY_S) -> None:
        self._root = root
        self._clock = clock
        self._every_s = every_s
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look once, and then every hour."""
        self._thread = threading.Thread(target=self._run, name="log-retention", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                n_removed = remove_expired(self._root, now_ms=int(self._clock() * 1000))
            except (OSError, LabelwrightError):
                _log.exception("old logs could not be removed", extra={"action": "logs"})
            else:
                if n_removed:
                    _log.info("old log streams removed", extra={"action": "logs", "n_streams": n_removed})
            if self._is_stopping.wait(self._every_s):
                return
