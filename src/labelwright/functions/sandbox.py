"""Walls around a function's process, where the kernel gives them to every user: namespaces.

In them a function sees its own processes only; the server's data, home folders, others' temporary files and
the sockets of services (``/run``) are not there; everything else can be read and not written, and ``/tmp`` is
its own, as in Lambda. A watcher outside the walls counts what the function and its children use together, and
ends them with it.

Loaded by `bootstrap` from its file, so nothing of Labelwright is imported here. The network stays: the
function must reach the server.
"""

# Every module imported here is time at each cold start: no pathlib, no subprocess.
# ruff: noqa: PTH103, PTH112, PTH123, PTH208

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import resource
import signal
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

__all__ = ["EXIT_MEMORY", "EXIT_PROCESSES", "N_PROCESSES_MAX", "enter", "refuse_privileges"]

EXIT_MEMORY = 240
"""Exit status of the watcher: the function and its children used too much memory together."""

EXIT_PROCESSES = 241
"""Exit status of the watcher: there were too many processes."""

N_PROCESSES_MAX = 256
"""Processes of a function, itself included."""

_MB = 1 << 20
_TICK_S = 0.1
_OWN_MB = 128  # of interpreters, which Lambda counts, and what is shared with other functions
_TEMPORARY = os.path.realpath("/tmp")  # noqa: S108 - the function's own
_SERVICES = "/run"
_N_FILES_MAX = 100_000  # in the temporary folder

_CLONE_NEWNS, _CLONE_NEWIPC = 0x00020000, 0x08000000
_CLONE_NEWUSER, _CLONE_NEWPID = 0x10000000, 0x20000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 32, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 24, 38, 47
_SYS_MOUNT_SETATTR = 442  # the same number on every processor
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_O_PATH = getattr(os, "O_PATH", 0)


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def refuse_privileges() -> None:
    """No program that this process starts can have more rights than it has."""
    _check(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def enter(
    *, code_dir: str, hidden: Iterable[str], memory_mb: int, temporary_mb: int, control: int = -1
) -> None:
    """Go behind the walls; returns in a grandchild, and this process watches it and ends as it ends.

    Parameters
    ----------
    code_dir : str
        Stays where it is, wherever that is.
    hidden : iterable of str
        Folders that are empty for the function, besides home and temporary ones.
    memory_mb : int
        Of all its processes together.
    temporary_mb : int
        Room in ``/tmp``, which is in memory.
    control : int
        Descriptor that is to be the function's alone.

    Raises
    ------
    OSError
        When the kernel does not allow it; only where it was never tried whether it does.
    """
    libc = _libc()
    uid, gid = os.getuid(), os.getgid()
    keep = _kept(code_dir)
    folders = [os.path.realpath(path) for path in (*hidden, *_private_folders(uid))]
    # Blocked before there is a child, so that the watcher never misses its end.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    _check(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID | _CLONE_NEWIPC), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    status_read, status_write = os.pipe()
    first = os.fork()
    if first:
        os.close(status_write)
        _watch(first, (memory_mb + _OWN_MB) * _MB, control, status_read)
    # The kernel ends everything behind the walls with this process, and the function cannot reach it.
    _check(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    _mount(libc, None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount(libc, "proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _write_protect(libc)
    _hide(libc, folders, keep, temporary_mb)
    os.chdir(code_dir)  # the folder it was in leads to what is hidden
    _drop_capabilities(libc)
    function = os.fork()
    if function:
        _reap(function, control, status_write)
    os.close(status_read)
    os.close(status_write)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


# -- what is there ----------------------------------------------------------------------------------------


def _kept(code_dir: str) -> list[str]:
    """Folders the function needs: its code, and what Python is made of."""
    names = os.path.dirname(os.path.realpath("/etc/resolv.conf"))  # noqa: PTH120 - often below /run
    paths = {code_dir, sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path}
    if names.startswith(_SERVICES + "/"):
        paths.add(names)
    found = sorted({os.path.realpath(path) for path in paths if path and os.path.isdir(path)})
    return [
        path for path in found if path != "/" and not any(path.startswith(other + "/") for other in found)
    ]


def _private_folders(uid: int) -> list[str]:
    # Services know their clients by the user: a Docker engine or a database would take it for the server. So
    # do terminals, which would be read and written in the name of whoever sits at them.
    folders = ["/home", "/root", _TEMPORARY, "/var/tmp", _SERVICES, "/var/run", "/dev/shm", "/dev/pts"]  # noqa: S108 - to hide them
    with contextlib.suppress(KeyError):
        folders.append(pwd.getpwuid(uid).pw_dir)
    return [path for path in folders if path and os.path.realpath(path) != "/" and os.path.isdir(path)]


def _mount(libc: Any, source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _check(libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() or None), f"mount {target}")


def _write_protect(libc: Any) -> None:
    attributes = (ctypes.c_uint64 * 4)(_MS_RDONLY, 0, 0, 0)
    done = libc.syscall(
        _SYS_MOUNT_SETATTR,
        _AT_FDCWD,
        b"/",
        _AT_RECURSIVE,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )
    if done != 0 and ctypes.get_errno() != 38:  # ENOSYS: before Linux 5.12 it stays as it is
        _check(done, "mount_setattr /")


def _hide(libc: Any, folders: Iterable[str], keep: Iterable[str], temporary_mb: int) -> None:
    # Opened in the new namespace, before anything covers them: they are found by descriptor afterwards.
    kept = [(path, os.open(path, _O_PATH | os.O_CLOEXEC)) for path in keep]
    covered: list[str] = []
    flags = _MS_NOSUID | _MS_NODEV
    for folder in sorted(set(folders)):
        if any(folder == path or folder.startswith(path + "/") for path in covered):
            continue
        covered.append(folder)
        if folder == _TEMPORARY:
            _mount(
                libc,
                "tmpfs",
                folder,
                "tmpfs",
                flags,
                f"mode=700,size={temporary_mb}m,nr_inodes={_N_FILES_MAX}",
            )
        else:
            _mount(libc, "tmpfs", folder, "tmpfs", flags, "mode=755,size=1m,nr_inodes=4096")
    for path, descriptor in kept:
        if any(path == folder or path.startswith(folder + "/") for folder in covered):
            os.makedirs(path, exist_ok=True)
            _mount(libc, f"/proc/self/fd/{descriptor}", path, None, _MS_BIND | _MS_REC)
        os.close(descriptor)
    for folder in covered:
        if folder != _TEMPORARY:
            _mount(libc, None, folder, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | flags)


def _drop_capabilities(libc: Any) -> None:
    """In its own namespaces it could take the walls down again."""
    refuse_privileges()
    libc.prctl(_PR_CAP_AMBIENT, 4, 0, 0, 0)
    for number in range(64):
        if libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    _check(libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())), "capset")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


# -- around it --------------------------------------------------------------------------------------------


def _reap(function: int, control: int, status: int) -> NoReturn:
    """Be the first process behind the walls: take in orphans, and tell how the function ended."""
    if control >= 0:
        os.close(control)
    while True:
        pid, found = os.wait()
        if pid == function:
            os.write(status, b"%d" % found)
            os._exit(0)


def _watch(first: int, memory_bytes: int, control: int, status: int) -> NoReturn:
    """Wait for the function's end, end it when it has too much of something, and end in the same way."""
    # The server must see the end of the connection when the function has ended; the pipe that stands for the
    # server's life stays open, for the kernel to signal this group.
    if control >= 0:
        os.close(control)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    excess = 0
    while not os.waitpid(first, os.WNOHANG)[0]:
        signal.sigtimedwait({signal.SIGCHLD}, _TICK_S)
        excess = excess or _excess(memory_bytes)
        if excess:
            os.kill(first, signal.SIGKILL)
    found = os.read(status, 16)
    if excess or not found:
        os._exit(excess or 1)
    if os.WIFSIGNALED(int(found)):
        number = os.WTERMSIG(int(found))
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(int(found)))


def _excess(memory_bytes: int) -> int:
    """What they have too much of, as an exit status; 0 when nothing."""
    if os.path.exists("/proc/self"):  # noqa: PTH110 - the child has not put its own /proc there yet
        return 0
    page = resource.getpagesize()
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    if len(pids) > N_PROCESSES_MAX + 1:
        return EXIT_PROCESSES
    resident = 0
    for pid in pids:
        resident += page * int((_read(f"/proc/{pid}/statm").split() or [b"0", b"0"])[1])
    # Pages that a fork shares are in there several times; the exact number costs more to ask for.
    return EXIT_MEMORY if resident > memory_bytes and _proportional(pids) > memory_bytes else 0


def _proportional(pids: Iterable[str]) -> int:
    total = 0
    for pid in pids:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                total += 1024 * int(line.split()[1])
    return total


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:  # it has ended
        return b""


def _probe(told: dict[str, Any]) -> None:
    """Whether it holds what it promises, as an exit status and a last line."""
    code_dir = told["code_dir"]
    enter(**told)
    with open("/tmp/probe", "w") as file:  # noqa: S108 - its own
        file.write(code_dir)
    seen = [
        folder
        for folder in told["hidden"]
        if os.path.isdir(folder) and any(f"{folder}/{name}" not in code_dir for name in os.listdir(folder))
    ]
    if seen or len([name for name in os.listdir("/proc") if name.isdigit()]) != 2:
        sys.exit(f"the walls have holes: {seen}")


if __name__ == "__main__":
    import json

    _probe(json.loads(sys.argv[2]))
