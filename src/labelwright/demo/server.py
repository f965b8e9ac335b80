"""The demo's own server: ``labelwright serve`` as a child process, started, watched and stopped."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import urllib3

from labelwright.config import Settings
from labelwright.errors import LabelwrightError

__all__ = ["DemoServer", "free_port"]

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 40.0


class DemoServer:
    """A running server; a context manager that stops it at the end.

    Parameters
    ----------
    data_dir : Path
        The server's data directory. Its output goes to ``server.log`` there.
    port : int
        0 takes a free one.
    environment : mapping, optional
        Variables on top of this process's.

    Attributes
    ----------
    url : str
        Base URL, known after `start`.
    """

    def __init__(
        self, data_dir: Path, *, port: int = 0, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self.url = ""
        self.log_path = data_dir / "server.log"
        self._port = port
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers ``/health``.

        Raises
        ------
        LabelwrightError
            It ended or did not answer in time; the message holds the end of its log.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        address = self.data_dir / "server.json"
        with self.log_path.open("ab") as log:
            log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 (our own command, no shell)
                [
                    sys.executable,
                    "-m",
                    "labelwright.cli",
                    "serve",
                    "--data",
                    str(self.data_dir),
                    "--host",
                    "127.0.0.1",
                    "--port",
                    str(self._port),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        give_up_at = time.monotonic() + _START_LIMIT_S
        http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(2.0))
        try:
            while time.monotonic() < give_up_at:
                if self._process.poll() is not None:
                    raise LabelwrightError(
                        f"The server ended at once. Its last words:\n{self._log_end(log_start)}"
                    )
                # The file of an earlier run names another process until the new server has written its own.
                if address.exists() and _pid_in(address) == self._process.pid:
                    self.url = str(json.loads(address.read_text())["url"])
                    if _is_healthy(http, self.url):
                        return
                time.sleep(0.05)
        finally:
            http.clear()
            if not self.url:
                self.stop()
        raise LabelwrightError(
            f"The server did not answer within {_START_LIMIT_S:g} s. Its last "
            f"words:\n{self._log_end(log_start)}"
        )

    def wait(self) -> int:
        """Wait until the server ends; returns its exit code."""
        return self._process.wait() if self._process is not None else 0

    def stop(self) -> None:
        """Stop it politely, and after 40 seconds less so. Does nothing when it has ended."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _log_end(self, start: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(start)
            lines = log.read().decode("utf-8", "replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-12:])


def free_port(wanted: int | None = None) -> int:
    """The wanted port (by default the server's own) when nobody listens on it, else 0, which means any."""
    wanted = Settings().port if wanted is None else wanted
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def _pid_in(address: Path) -> int:
    try:
        return int(json.loads(address.read_text()).get("pid", 0))
    except ValueError:  # read while it was being written
        return 0


def _is_healthy(http: urllib3.PoolManager, url: str) -> bool:
    try:
        return http.request("GET", f"{url}/health").status == 200
    except urllib3.exceptions.HTTPError:
        return False
