"""What all doors have in common: one port, told apart by signature and path, and hosts that are hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from labelwright.testing.server import RunningServer, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    path: Path = tmp_path_factory.mktemp("doors")
    with running_server(path / "data") as server:
        yield server


@pytest.mark.parametrize("host", ["a; script-src *", 'x"><script>', "a/b", "a b", "user@host", "[::1"])
def test_hosts_that_are_none_are_refused(server: RunningServer, host: str) -> None:
    for path in ("/portal", "/console", "/bucket/key", "/health"):
        answer = httpx.get(server.url + path, headers={"host": host})
        assert answer.status_code == 400
        assert host not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "host", ["label.example.org", "data.localhost:8400", "[::1]:8400", "10.0.0.1", "a_b"]
)
def test_hosts_are_let_in(server: RunningServer, host: str) -> None:
    assert httpx.get(f"{server.url}/portal", headers={"host": host}).status_code == 200


def test_unsigned_requests_are_told_apart_by_path(server: RunningServer) -> None:
    assert httpx.get(f"{server.url}/health").json()["status"] == "ok"
    assert "text/html" in httpx.get(f"{server.url}/portal").headers["content-type"]
    assert "text/html" in httpx.get(f"{server.url}/console").headers["content-type"]
    for path in ("/", "/portals/key", "/bucket/key"):
        refused = httpx.get(server.url + path)
        assert refused.status_code == 403
        assert "<Code>AccessDenied</Code>" in refused.text
