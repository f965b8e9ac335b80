"""The processes of a job: one command per host, under a keeper that leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from labelwright.training import keeper
from labelwright.training.launching import Launch
from labelwright.training.logcopy import HostLog
from labelwright.work import held_lock

__all__ = ["RunningHost"]

_KEEPER = Path(keeper.__file__)


class RunningHost:
    """A host's command.

    Parameters
    ----------
    name : str
    launch : Launch
    log : HostLog
        Gets the output; closed at the end.
    on_end : callable
        ``on_end(host, code)``, from a thread, when the command has ended and all it started with it.
    on_strays : callable
        Called from a thread when the keeper was killed: the kernel has given what it kept to this program.
    """

    def __init__(
        self,
        name: str,
        launch: Launch,
        log: HostLog,
        *,
        on_end: Callable[[RunningHost, int], None],
        on_strays: Callable[[], None],
    ) -> None:
        self.name = name
        self.log = log
        self._on_strays = on_strays
        read, write = os.pipe()
        control, self._control = os.pipe()
        lock = held_lock()
        words = [str(len(launch.last)), *launch.last, *launch.command]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - what the job asks for
                [sys.executable, "-I", "-S", str(_KEEPER), str(control), str(lock), *words],
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                cwd=launch.folder,
                env=dict(launch.variables),
                pass_fds=[fd for fd in (control, lock) if fd >= 0],
                start_new_session=True,
            )
        except BaseException:
            for fd in (read, self._control):
                os.close(fd)
            raise
        finally:
            os.close(write)
            os.close(control)
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, args=(read, on_end), daemon=True).start()

    @property
    def pid(self) -> int:
        """Of the keeper."""
        return self._process.pid

    def ask(self) -> None:
        """Ask the command to end: SIGTERM to it alone."""
        with self._lock:
            if self._control >= 0:
                with contextlib.suppress(OSError):
                    os.write(self._control, b"T")

    def kill(self) -> None:
        """End the command and all it started, at once. May be repeated."""
        with self._lock:
            if self._control >= 0:
                os.close(self._control)
                self._control = -1

    def _watch(self, output: int, on_end: Callable[[RunningHost, int], None]) -> None:
        copying = threading.Thread(target=self.log.copy, args=(output,), daemon=True)
        copying.start()
        code = self._process.wait()
        self.kill()
        if code < 0:  # somebody killed the keeper: what it kept is ours now
            code = 128 - code
            self._on_strays()
        copying.join()
        self.log.close()
        on_end(self, code)
