"""Many small objects over plain HTTP: the same bytes as any client gets, and a way out of everything else."""

from __future__ import annotations

import dataclasses
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from labelwright.errors import BlobNotFound
from labelwright.s3.upstream import Upstream
from labelwright.streaming import open_objects
from labelwright.streaming.plain_http import N_CONNECTIONS, PlainHttpReader
from labelwright.testing.server import running_server

KEYS = {
    "a": b"one",
    "empty": b"",
    "möwe und/star +&=%41~.jpg": b"a gull",
    "odd//key/../x": b"odd",
    "large": os.urandom(3 << 20),
}


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        s3 = boto3.client("s3", **running.client_arguments())
        s3.create_bucket(Bucket="acme")
        for key, body in KEYS.items():
            s3.put_object(Bucket="acme", Key=key, Body=body)
        s3.close()
        yield running.environment()


def upstream(environ: dict[str, str]) -> Upstream:
    return Upstream.from_environment("s3://", environ)


@pytest.mark.parametrize("n_times", [1, 7])
def test_bodies_come_in_order(environ: dict[str, str], n_times: int) -> None:
    reader = PlainHttpReader(upstream(environ))
    keys = list(KEYS) * n_times
    assert reader.read_many([("acme", key) for key in keys]) == [KEYS[key] for key in keys]
    assert reader.read_many([]) == []


def test_what_is_not_there_leaves_a_gap_and_has_its_error(environ: dict[str, str]) -> None:
    reader = PlainHttpReader(upstream(environ))
    assert reader.read_many([("acme", "a"), ("acme", "none"), ("acme", "a")]) == [b"one", None, b"one"]
    objects = open_objects(environ=environ)
    assert objects.reads_together("s3://acme/a") and not objects.reads_together("/a/file")
    with pytest.raises(BlobNotFound, match="s3://acme/none"):
        objects.read_many(["s3://acme/a", "s3://acme/none"])


def test_a_wrong_secret_reads_nothing(environ: dict[str, str]) -> None:
    wrong = dataclasses.replace(upstream(environ), secret_access_key="x" * 40)
    assert PlainHttpReader(wrong).read_many([("acme", "a")]) == [None]


def test_threads_have_connections_of_their_own(environ: dict[str, str]) -> None:
    reader = PlainHttpReader(upstream(environ))
    found: list[list[bytes | None]] = []

    def read() -> None:
        found.append(reader.read_many([("acme", "a"), ("acme", "large")] * 10))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[b"one", KEYS["large"]] * 10] * 4


def test_a_file_and_objects_in_one_call(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"here")
    objects = open_objects(environ=environ)
    assert objects.read_many(["s3://acme/a", str(tmp_path / "x")]) == [b"one", b"here"]


def test_only_plain_http_is_for_it() -> None:
    assert PlainHttpReader.fits(Upstream("http://127.0.0.1:1", "r", "a", "b"))
    assert not PlainHttpReader.fits(Upstream("https://s3.eu-west-1.amazonaws.com", "r", "a", "b"))


PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = {
    "plain": (PLAIN, b"ok"),
    "slowly": (PLAIN, b"ok"),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", None),
    "packed": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", None),
    "closing": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", None),
    "moved": (b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", None),
    "busy": (b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n", None),
    "endless": (b"HTTP/1.1 200 OK\r\n\r\nok", None),
    "short": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", None),
    "negative": (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", None),
    "no number": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", None),
    "huge": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nok", None),
    "silent": (b"", None),
}


@pytest.fixture
def scripted() -> Iterator[Upstream]:
    """A server that answers as the bucket's name says."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(1 << 16):
                name = request.split(b"/")[1].decode().replace("%20", " ")
                answer, body = ANSWERS[name]
                if name == "slowly":
                    for i in range(len(answer)):
                        connection.sendall(answer[i : i + 1])
                else:
                    connection.sendall(answer)
                if body is None:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield Upstream(f"http://127.0.0.1:{listener.getsockname()[1]}", "eu-west-1", "key", "secret", "token")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_whatever_is_not_plain_is_left_to_others(scripted: Upstream) -> None:
    reader = PlainHttpReader(scripted)
    names = [name for name in ANSWERS for _ in range(2)] * 3
    expected = [ANSWERS[name][1] for name in names]
    assert reader.read_many([(name.replace(" ", "%20"), "key") for name in names]) == expected
    assert reader.read_many([("plain", "key")] * 3 * N_CONNECTIONS) == [b"ok"] * 3 * N_CONNECTIONS


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reader = PlainHttpReader(Upstream(f"http://127.0.0.1:{port}", "r", "a", "b"))
    assert reader.read_many([("b", "k")] * 3) == [None] * 3


def test_connections_that_were_closed_meanwhile_are_made_anew(environ: dict[str, str]) -> None:
    reader = PlainHttpReader(upstream(environ))
    assert reader.read_many([("acme", "a")]) == [b"one"]
    for connection in reader._local.lines._sockets:
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
    # A request gets lost where only its answer shows that the other side had gone; the next ones are fine.
    reader.read_many([("acme", "a")] * N_CONNECTIONS)
    assert reader.read_many([("acme", "a")] * N_CONNECTIONS) == [b"one"] * N_CONNECTIONS
