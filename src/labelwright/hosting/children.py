"""Processes that a container consists of: started, listened to, waited for, ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from labelwright.hosting.client import HttpClient

__all__ = ["Child", "wait_for_ping"]

_PING_S = 2.0
_GRACE_S = 30.0


class Child:
    """A child process whose output goes to a log, line by line.

    It gets the reading end of a pipe as `life_fd`, when it asks for one: the pipe ends with this process,
    however that ends, and so may the child.

    Parameters
    ----------
    command : callable
        From the number of the life descriptor to the command line.
    environment : Mapping
        All of its environment.
    folder : Path
        Its working directory.
    log : callable
        Gets each line, from a thread.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        *,
        environment: Mapping[str, str],
        folder: Path,
        log: Callable[[str], None],
    ) -> None:
        life_read, self._life = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our interpreter, or the engine that was found
                list(command(life_read)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environment),
                pass_fds=(life_read,),
            )
        except OSError:
            os.close(self._life)
            raise
        finally:
            os.close(life_read)
        self._log = log
        self._pump = threading.Thread(target=self._read_log, name="child-log", daemon=True)
        self._pump.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def end(self, grace_s: float = _GRACE_S) -> None:
        """Ask it to end, then end it by force. May be repeated."""
        if self._life < 0:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._life)
        self._life = -1
        self._pump.join(1.0)

    def _read_log(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with self._process.stdout as output:
            for line in output:
                self._log(line.decode("utf-8", "replace").rstrip("\n"))


def wait_for_ping(client: HttpClient, is_alive: Callable[[], bool], startup_s: float) -> bool:
    """Wait until ``/ping`` is answered with 200; False when the process ends before, or after the time."""
    end = time.monotonic() + startup_s
    pause_s = 0.005
    while time.monotonic() < end and is_alive():
        with contextlib.suppress(OSError):
            if client.request("GET", "/ping", timeout_s=_PING_S).status == 200:
                return True
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.25)
    return False
