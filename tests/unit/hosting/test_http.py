"""The server and the client of serving processes, against each other and against raw bytes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labelwright.hosting.client import HttpClient
from labelwright.hosting.interface import Reply
from labelwright.hosting.server import HttpServer, Request
from labelwright.hosting.sockets import listen, socket_path


class Echo:
    """Answers with what it got; some paths do other things."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.n_waiting = threading.Semaphore(0)

    def __call__(self, request: Request) -> Reply:
        if request.path == "/wait":
            self.n_waiting.release()
            self.release.wait(10)
        if request.path == "/fail":
            raise ValueError("as asked")
        if request.path == "/split":
            return Reply(200, b"one", "a/b\r\nx-more: 1", {"x-path": "a\r\n\r\nHTTP/1.1 200 OK"})
        return Reply(200, request.body, request.headers.get("content-type", "none"), {"x-path": request.path})


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def path(tmp_path: Path, echo: Echo) -> Iterator[str]:
    path = socket_path(tmp_path)
    server = HttpServer(listen(path), echo, body_bytes_max=1 << 22)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield path
    echo.release.set()
    assert server.drain(5)
    thread.join(5)
    assert not thread.is_alive()


def test_bodies_of_all_sizes(path: str) -> None:
    client = HttpClient(path)
    for size in (0, 1, 100, 65_536, 300_000, 1 << 22):
        body = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1)
        body = body[:size]
        reply = client.request("POST", "/invocations?a=1", {"content-type": "a/b"}, body, timeout_s=10)
        assert (reply.status, reply.content_type) == (200, "a/b")
        assert reply.headers["x-path"] == "/invocations"
        assert reply.body == body
    client.close()


def test_what_is_too_large_or_fails(path: str, caplog: pytest.LogCaptureFixture) -> None:
    client = HttpClient(path)
    assert client.request("POST", "/", None, bytes((1 << 22) + 1), timeout_s=10).status == 413
    assert client.request("POST", "/fail", None, b"", timeout_s=10).status == 500
    assert client.request("POST", "/", None, b"on", timeout_s=10).body == b"on"
    with pytest.raises(ValueError, match="line break"):
        client.request("POST", "/", {"accept": "a\r\nb: c"}, b"", timeout_s=10)
    client.close()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"HTTP/1.1 400"),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"HTTP/1.1 400"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", b"HTTP/1.1 411"),
        (b"GET / HTTP/1.1\r\na: " + b"b" * 70_000, b"HTTP/1.1 431"),
    ],
)
def test_what_is_no_request_ends_the_connection(path: str, sent: bytes, answered: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(path)
        raw.sendall(sent)
        received = b""
        while piece := raw.recv(65_536):
            received += piece
    assert received.startswith(answered)


def test_requests_that_come_in_pieces_or_together(path: str) -> None:
    one = b"POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(path)
        raw.settimeout(10)
        for i in range(0, len(one), 7):
            raw.sendall(one[i : i + 7])
        assert raw.recv(65_536).endswith(b"abc")
        raw.sendall(one + one.replace(b"abc", b"def") + b"GET /y HTTP/1.1\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := raw.recv(65_536):
            received += piece
    assert received.count(b"HTTP/1.1 200") == 3
    assert received.index(b"abc") < received.index(b"def") < received.index(b"x-path: /y")


def test_a_client_waits_no_longer_than_it_says(path: str, echo: Echo) -> None:
    client = HttpClient(path)
    with pytest.raises(TimeoutError):
        client.request("POST", "/wait", timeout_s=0.05)
    client.close()


def test_draining_lets_requests_in_work_end(tmp_path: Path, echo: Echo) -> None:
    path = socket_path(tmp_path)
    server = HttpServer(listen(path), echo, body_bytes_max=1000)
    thread = threading.Thread(target=server.serve)
    thread.start()
    client = HttpClient(path)
    client.request("GET", "/", timeout_s=10)  # an idle connection must not hold it up
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.request, "POST", "/wait", None, b"kept", timeout_s=10)
        assert echo.n_waiting.acquire(timeout=10)
        drained = threading.Thread(target=server.drain, args=(10,))
        drained.start()
        while thread.is_alive():
            time.sleep(0.001)
        with pytest.raises(OSError):
            HttpClient(path).request("GET", "/", timeout_s=10)
        echo.release.set()
        assert waiting.result().body == b"kept"
        drained.join(10)
    client.close()


def test_many_clients_at_once(path: str) -> None:
    client = HttpClient(path)
    with ThreadPoolExecutor(16) as pool:
        bodies = [str(i).encode() for i in range(400)]
        replies = pool.map(lambda body: client.request("POST", "/", None, body, timeout_s=10), bodies)
        assert [reply.body for reply in replies] == bodies
    client.close()


def test_a_closed_connection_is_opened_again(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    client = HttpClient(path)
    for _ in range(2):
        server = HttpServer(listen(path), Echo(), body_bytes_max=1000)
        thread = threading.Thread(target=server.serve)
        thread.start()
        assert client.request("POST", "/", None, b"a", timeout_s=10).body == b"a"
        assert server.drain(5)
        thread.join()
    client.close()


def test_sockets_have_short_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.setattr("tempfile.tempdir", None)
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    path = socket_path(deep)
    assert len(path) < 100
    assert path == socket_path(deep) != socket_path(deep / "f")
    listener = listen(path)
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert Path(path).parent.stat().st_mode & 0o777 == 0o700
    listener.close()
    Path(path).unlink()


def test_a_header_of_a_script_makes_no_second_answer(path: str) -> None:
    client = HttpClient(path)
    for _ in range(2):
        reply = client.request("POST", "/split", None, b"", timeout_s=10)
        assert (reply.body, reply.content_type) == (b"one", "a/b  x-more: 1")
        assert "x-more" not in reply.headers
    client.close()


def test_a_client_takes_no_answer_without_end(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelwright.hosting.client._BODY_BYTES_MAX", 1000)
    client = HttpClient(path)
    assert client.request("POST", "/", None, bytes(1000), timeout_s=10).body == bytes(1000)
    with pytest.raises(ConnectionAbortedError):
        client.request("POST", "/", None, bytes(1001), timeout_s=10)
    client.close()
