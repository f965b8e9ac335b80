"""Requests to an endpoint over raw HTTP: signed by hand, kept connections, no SDK.

``python -m benchmarks.hosting.load <json>`` runs one load in a process of its own and prints milliseconds.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import socket
import sys
import threading
import time
from pathlib import Path


def signed(about: dict[str, str], body: bytes, content_type: str) -> bytes:
    """A whole InvokeEndpoint request, with Signature Version 4."""
    now = datetime.datetime.now(datetime.UTC)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    host = f"127.0.0.1:{about['port']}"
    path = f"/endpoints/{about['endpoint']}/invocations"
    headers = {"content-type": content_type, "host": host, "x-amz-date": stamp}
    names = ";".join(headers)
    canonical = "\n".join(
        ["POST", path, "", *(f"{k}:{v}" for k, v in headers.items()), "", names,
         hashlib.sha256(body).hexdigest()]
    )  # fmt: skip
    scope = f"{day}/{about['region']}/sagemaker/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{about['secret']}".encode()
    for part in (day, about["region"], "sagemaker", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    head = [f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    head += [
        f"content-length: {len(body)}",
        f"authorization: AWS4-HMAC-SHA256 Credential={about['key']}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """Send it and read the answer; its body."""
    connection.sendall(request)
    data = connection.recv(1 << 16)
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += connection.recv(1 << 16)
    head = data[:end].lower()
    at = head.index(b"content-length:") + 15
    n_bytes = int(head[at:].split(b"\r\n", 1)[0])
    while len(data) < end + 4 + n_bytes:
        data += connection.recv(1 << 16)
    if not data.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(data.decode("latin-1"))
    return data[end + 4 :]


def load(about: dict[str, str], body: bytes, content_type: str, n_clients: int, n_each: int) -> list[float]:
    """Milliseconds of every request; the last element is the seconds of all together."""
    times: list[list[float]] = [[] for _ in range(n_clients)]
    ready = threading.Barrier(n_clients + 1)
    failures: list[BaseException] = []

    def work(own: list[float]) -> None:
        with socket.create_connection(("127.0.0.1", int(about["port"]))) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            exchange(connection, signed(about, body, content_type))
            ready.wait()
            try:
                for _ in range(n_each):
                    request = signed(about, body, content_type)
                    begin = time.perf_counter()
                    exchange(connection, request)
                    own.append((time.perf_counter() - begin) * 1e3)
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(own,)) for own in times]
    for thread in threads:
        thread.start()
    ready.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [*(ms for own in times for ms in own), time.perf_counter() - begin]


def main() -> None:
    """One load, described by JSON."""
    asked = json.loads(sys.argv[1])
    body = Path(asked["body"]).read_bytes()
    found = load(asked["about"], body, asked["content_type"], asked["n_clients"], asked["n_each"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
