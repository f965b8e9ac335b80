"""A real ``/opt/ml`` for one process and its descendants, without a container: a mount namespace.

The kernel lets every user have one where user namespaces are allowed. In it, the base folder is mounted on
``/opt/ml`` and ``algo-1``, ``algo-2`` ... are names of this machine; nothing outside changes. It is no
prison: the processes are the server's user and see its files.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["is_allowed", "namespaced"]

# $1 base folder, $2 hosts file or "", $3 user, $4 group, $5 "isolated" or "", $6 folder to protect or "";
# then the command.
# /opt is rebuilt on a file system in memory, for whoever is not root cannot make /opt/ml.
_SETUP = r"""
set -e
base=$1 hosts=$2 user=$3 group=$4 net=$5 whole=$6; shift 6
if [ ! -d /opt/ml ]; then
    kept=$(mktemp -d)
    mount -t tmpfs -o mode=755,size=1m labelwright "$kept"
    mkdir "$kept/opt" "$kept/new"
    mount --rbind /opt "$kept/opt"
    for place in "$kept"/opt/* "$kept"/opt/.[!.]*; do
        name=${place##*/}
        if [ -L "$place" ]; then cp -P "$place" "$kept/new/$name"
        elif [ -d "$place" ]; then mkdir "$kept/new/$name"; mount --rbind "$place" "$kept/new/$name"
        elif [ -e "$place" ]; then : > "$kept/new/$name"; mount --bind "$place" "$kept/new/$name"
        fi
    done
    mkdir "$kept/new/ml"
    mount --bind "$base" "$kept/new/ml"
    mount --rbind "$kept/new" /opt
    umount -l "$kept"
    rmdir "$kept"
else
    mount --bind "$base" /opt/ml
fi
if [ -n "$hosts" ]; then mount --bind "$hosts" /etc/hosts; fi
if [ -n "$whole" ]; then
    mount --bind "$whole" "$whole" && mount -o remount,bind,ro "$whole" || true
fi
if [ -n "$net" ]; then ip link set lo up 2>/dev/null || true; fi
cd /opt/ml
exec unshare --user --map-user="$user" --map-group="$group" -- "$@"
"""
_PROBE_S = 10


def namespaced(
    command: Sequence[str],
    base: Path,
    hosts: Path | None = None,
    *,
    read_only: Path | None = None,
    is_isolated: bool = False,
) -> list[str]:
    """The command line that runs a command with ``base`` as ``/opt/ml``.

    Parameters
    ----------
    command : sequence of str
        Run as the same user, with ``/opt/ml`` as its working directory.
    base : Path
    hosts : Path, optional
        In place of ``/etc/hosts``.
    read_only : Path, optional
        A folder that must not be written to, where the kernel can be told so.
    is_isolated : bool
        Without a network.
    """
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"]
    unshare += ["--net", "--"] if is_isolated else ["--"]
    place = "" if hosts is None else str(hosts.absolute())
    whole = "" if read_only is None else str(read_only.absolute())
    ids = [str(os.getuid()), str(os.getgid())]
    given = [str(base.absolute()), place, *ids, "isolated" if is_isolated else "", whole]
    return [*unshare, "/bin/sh", "-c", _SETUP, "sh", *given, *command]


@functools.cache
def is_allowed() -> bool:
    """Whether this kernel lets this user have a mount namespace; tried once."""
    if sys.platform != "linux" or shutil.which("unshare") is None or not Path("/opt").is_dir():
        return False
    try:
        tried = subprocess.run(  # noqa: S603 - our own command line
            namespaced(["/bin/sh", "-c", "test -d /opt/ml"], Path(__file__).parent),
            capture_output=True,
            timeout=_PROBE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0
