"""Artifacts: what the hosts left in their folders, merged, as an archive or as files."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from labelwright.training.description import BASE
from labelwright.training.plain_files import is_within, open_plain

__all__ = ["gather", "has_files", "pack"]

_LEVEL = 1  # weights hardly shrink at any level, and this one is five times as fast as the default


def has_files(folders: Iterable[Path], root: Path | None = None) -> bool:
    """Whether anything lies in one of the folders."""
    return any(True for folder in folders for _ in _members([folder], root))


def pack(archive: Path, folders: Sequence[Path], root: Path | None = None) -> None:
    """Write a gzipped tar of several folders laid over one another.

    Parameters
    ----------
    archive : Path
        Appears whole.
    folders : sequence of Path
        Of a name that several have the first one's is taken. Members have the names that they have in their
        folder, without ``./``; links to files become files.
    root : Path, optional
        What links lead out of it is left out: for folders that a container has written.

    Raises
    ------
    OSError
        The disk is full, or something cannot be read; no archive is left then.
    """
    aside = archive.with_name(f"{archive.name}.part")
    try:
        with tarfile.open(aside, "w:gz", compresslevel=_LEVEL, format=tarfile.PAX_FORMAT) as tar:
            for place, path in _members(folders, root):
                with open_plain(path, root) as file:
                    status = os.fstat(file.fileno())
                    member = tarfile.TarInfo(place)
                    member.size, member.mode = status.st_size, stat.S_IMODE(status.st_mode)
                    member.mtime = int(status.st_mtime)
                    tar.addfile(member, file)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(archive)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise


def gather(target: Path, folders: Sequence[Path], root: Path | None = None) -> None:
    """Move the files of several folders into one; of a name that several have the first one's is taken.

    What leads out of ``root``, where it is given, is left out.
    """
    target.mkdir(exist_ok=True)
    for place, path in list(_members(folders, root)):
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        is_own = not path.is_symlink() and any(path == folder / place for folder in folders)
        if is_own:
            path.replace(target / place)
        else:
            shutil.copyfile(path, target / place)


def _members(folders: Iterable[Path], root: Path | None) -> Iterator[tuple[str, Path]]:
    seen: set[str] = set()
    for folder in folders:
        for at, within, names in os.walk(folder):
            within.sort()
            for name in sorted(names):
                path = _followed(Path(at, name), folder)
                if path is None or (root is not None and not is_within(path, root)):
                    continue
                place = Path(at, name).relative_to(folder).as_posix()
                if place not in seen:
                    seen.add(place)
                    yield place, path


def _followed(path: Path, folder: Path) -> Path | None:
    """The regular file behind a name; None for pipes, sockets and links that lead nowhere."""
    try:
        if path.is_symlink() and (target := str(path.readlink())).startswith(f"{BASE}/model/"):
            path = folder / target.removeprefix(f"{BASE}/model/")  # as the job's processes saw it
        return path if stat.S_ISREG(path.stat().st_mode) else None
    except OSError:
        return None
