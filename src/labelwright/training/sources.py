"""Unpacking the source of a script: a tar that came from outside."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path, PurePosixPath

from labelwright.errors import InvalidRequest
from labelwright.training.script_environment import SUBMIT_DIRECTORY

__all__ = ["unpack_source"]

_MEMBERS_MAX = 200_000
_BYTES_MAX = 10 << 30


def unpack_source(archive: Path, target: Path, name: str) -> None:
    """Unpack an archive into a folder: files, folders, and links that stay within it.

    Parameters
    ----------
    archive, target : Path
    name : str
        The archive's in messages.

    Raises
    ------
    InvalidRequest
        It is none, holds too much, or has members that lead out of the folder.
    """
    try:
        with tarfile.open(archive) as tar:
            _extract(tar, target)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, _Refused) as error:
        raise InvalidRequest(
            f"The source {name[:200]} is no .tar.gz that can be unpacked: {error}",
            field=SUBMIT_DIRECTORY,
            value=name,
        ) from error


class _Refused(Exception):
    """Why an archive is not unpacked."""


def _extract(tar: tarfile.TarFile, target: Path) -> None:
    links: list[tarfile.TarInfo] = []
    n_bytes = 0
    for n_members, member in enumerate(tar, 1):
        n_bytes += member.size
        if n_members > _MEMBERS_MAX or n_bytes > _BYTES_MAX:
            raise _Refused(f"it holds more than {_MEMBERS_MAX} members or {_BYTES_MAX >> 30} GiB.")
        if member.issym() or member.islnk():
            links.append(member)
        else:
            tar.extract(member, target, filter="data")
    # Links come last, so that no file is ever written through one, whatever it turns out to lead to.
    for member in sorted(links, key=tarfile.TarInfo.issym):
        parents = PurePosixPath(member.name).parents
        if any((target / parent).is_symlink() for parent in parents):
            raise _Refused(f"its member {member.name[:200]!r} lies behind a link.")
        tar.extract(member, target, filter="data")
