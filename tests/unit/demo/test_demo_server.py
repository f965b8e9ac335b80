"""The demo's own server: failures are told with the server's last words; ports are chosen sensibly."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from labelwright.demo.server import DemoServer, free_port
from labelwright.errors import LabelwrightError


def test_taken_port_gives_any() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) == 0
    assert free_port(port) == port


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = DemoServer(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(LabelwrightError, match="Cannot listen on"):
            server.start()
    server.stop()  # nothing left to stop
