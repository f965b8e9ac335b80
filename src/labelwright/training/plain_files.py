"""Files that others made in a job's folder, opened so that they can neither mislead nor hold up.

A container sees its own root directory: a link that it makes leads somewhere else on this machine, to the
server's keys if it likes. And whoever opens a named pipe waits for its other end.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

__all__ = ["is_within", "open_plain"]


def open_plain(path: Path, root: Path | None = None) -> BinaryIO:
    """Open a regular file for reading.

    Parameters
    ----------
    path : Path
        Links are followed.
    root : Path, optional
        The folder that they may not lead out of.

    Raises
    ------
    OSError
        It is no regular file (EINVAL), or lies elsewhere (EXDEV), besides all that may happen to files.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "This is no regular file", str(path))
        # Asked of the open file, so that nobody can put another one in its place meanwhile.
        link = Path(f"/proc/self/fd/{descriptor}")
        if root is not None and not is_within(link if link.is_symlink() else path, root):
            raise OSError(errno.EXDEV, f"This leads out of {root}", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def is_within(path: Path, root: Path) -> bool:
    """Whether a path lies in a folder when all links are followed.

    Examples
    --------
    >>> is_within(Path("/dev/null"), Path("/dev")), is_within(Path("/dev/../etc/passwd"), Path("/dev"))
    (True, False)
    """
    return path.resolve().is_relative_to(root.resolve())
