"""The first process of a host, as ``docker-init`` is of a container: starts one command and outlives it.

``python -I -S keeper.py CONTROL_FD KEPT_FD N_LAST [LAST ...] COMMAND [ARGUMENT ...]``

Whatever the command starts, in whatever session, stays a descendant of the keeper, because the kernel gives
orphans to it. So nothing is left behind: when the command ends, the rest is killed; when the training program
ends, however it ends, the control pipe ends with it, and everything is killed.

A byte on the control pipe asks the command to end (SIGTERM to it alone, as a container runtime does; orphans
of a shell that has died of it are asked next). ``KEPT_FD`` is held open for as long as anything runs, -1 for
none: it carries the lock that says so. ``LAST`` are ``N_LAST`` words of a command that is run when all is
over, such as one that removes a container. The exit code is the command's, 128 + N after signal N.

This is a script that imports nothing of Labelwright, so that it starts in milliseconds.
"""

# Every module imported here is time at each start: no pathlib.
# ruff: noqa: PTH112, PTH123, PTH208

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
NOT_FOUND, NOT_EXECUTABLE = 127, 126
_POLL_S, _POLL_MAX_S = 0.005, 0.5


class Keeper:
    """Start a command, watch it, clear up behind it."""

    def __init__(self, control: int) -> None:
        self._control = control
        self._is_asked = False
        self._is_killing = threading.Event()
        self._asked: set[int] = set()
        self._command = self._group = 0

    def run(self, command: list[str]) -> int:
        """The command's exit code."""
        try:
            self._command = os.posix_spawnp(
                command[0],
                command,
                os.environ,
                setpgroup=0,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGXFSZ),
            )
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
            return NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE
        self._group = self._command
        # No more of the output here: whoever reads it waits for the last one that holds it.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        threading.Thread(target=self._listen, daemon=True).start()
        code = 1
        while True:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                return code
            if pid == self._command:
                self._command = 0  # the number may be another process's soon
                ended = os.waitstatus_to_exitcode(status)
                code = ended if ended >= 0 else 128 - ended
                if self._is_asked:
                    threading.Thread(target=self._ask_orphans, daemon=True).start()
                else:
                    self._begin_to_kill()

    def _listen(self) -> None:
        while os.read(self._control, 1):
            self._is_asked = True
            if command := self._command:
                self._asked.add(command)
                _signal(command, signal.SIGTERM)
        self._begin_to_kill()

    def _ask_orphans(self) -> None:
        while not self._is_killing.is_set():
            for pid in children():
                if pid not in self._asked:
                    self._asked.add(pid)
                    _signal(pid, signal.SIGTERM)
            time.sleep(_POLL_S)

    def _begin_to_kill(self) -> None:
        if not self._is_killing.is_set():
            self._is_killing.set()
            threading.Thread(target=self._kill, daemon=True).start()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._group, signal.SIGKILL)
        # Killing a parent makes its children ours: as often as the family has generations.
        pause_s = _POLL_S
        while True:
            for pid in children():
                _signal(pid, signal.SIGKILL)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _POLL_MAX_S)  # one that waits for a dead disk dies when it can


def children() -> list[int]:
    """Children of this process that live; none where they cannot be told, on other systems than Linux."""
    found: list[int] = []
    me = os.getpid()
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    state, parent = file.read().rpartition(b")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == me and state != b"Z":
                found.append(int(name))
    return found


def adopt_orphans() -> None:
    """Have the kernel give this process the orphans among its descendants; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def main(arguments: list[str]) -> int:
    """Keep one command."""
    control, kept = int(arguments[0]), int(arguments[1])
    for descriptor in (control, kept):
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    adopt_orphans()
    n_last = int(arguments[2])
    last, command = arguments[3 : 3 + n_last], arguments[3 + n_last :]
    code = Keeper(control).run(command)
    if last:
        with contextlib.suppress(OSError):
            os.waitpid(os.posix_spawnp(last[0], last, os.environ), 0)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
