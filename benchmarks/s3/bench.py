"""The S3 door beside moto's server (and rclone's, when installed), on this machine in one run.

Figures: CPU of the whole server process (user and system, by ``psutil``) for each signed GET of 70 kB, by
header and by presigned link; requests a second over one connection and over four; durable puts; a page of a
listing in a large bucket. Requests are signed beforehand by botocore and sent over plain sockets, so that
the client costs little.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psutil
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.peers import environment
from benchmarks.report import Report

ACCESS, SECRET = "LKIABENCHBENCHBENCHB", "benchmark+secret/benchmark+secret/benchmk"
CREDENTIALS = Credentials(ACCESS, SECRET)
SIZE = 70_000
N_OBJECTS = 200
N_LISTED = 20_000
BUCKET = "bench"


class Server:
    """A server process under measurement."""

    def __init__(self, name: str, command: Sequence[str], port: int, environ: dict[str, str]) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.popen = subprocess.Popen(
            list(command),
            env={**os.environ, **environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.process = psutil.Process(self.popen.pid)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.popen.poll() is not None:
                    raise RuntimeError(f"{name} did not start: {' '.join(command)}") from None
                time.sleep(0.05)

    def cpu_s(self) -> float:
        """User and system time so far, of the process and its children."""
        times = self.process.cpu_times()
        total = times.user + times.system
        for child in self.process.children(recursive=True):
            more = child.cpu_times()
            total += more.user + more.system
        return total

    def client(self) -> object:
        """A boto3 client."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=20),
        )

    def stop(self) -> None:
        """End it."""
        self.popen.terminate()
        self.popen.wait(timeout=30)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def ours(data: Path) -> Server:
    """The whole server, all doors and the engine."""
    port = free_port()
    command = [sys.executable, "-m", "labelwright.cli", "serve", "--data", str(data), "--port", str(port)]
    environ = {"LABELWRIGHT_ROOT_ACCESS_KEY_ID": ACCESS, "LABELWRIGHT_ROOT_SECRET_ACCESS_KEY": SECRET}
    return Server("labelwright", command, port, environ)


def bare(_: Path) -> Server:
    """uvicorn with the same options and nothing behind it: what no handler can go below."""
    port = free_port()
    code = (
        "import uvicorn\n"
        f"body = bytes({SIZE}); headers = [(b'content-length', b'{SIZE}')]\n"
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})\n"
        "    await send({'type': 'http.response.body', 'body': body})\n"
        f"uvicorn.run(app, port={port}, loop='uvloop', http='httptools', access_log=False, lifespan='off')"
    )
    return Server("uvicorn", [sys.executable, "-c", code], port, {})


def moto(_: Path) -> Server:
    """moto's server; it keeps objects in memory and does not check signatures."""
    port = free_port()
    command = [str(environment("moto", "moto[server,s3]") / "moto_server"), "-p", str(port)]
    return Server("moto", command, port, {})


def rclone(data: Path) -> Server:
    """``rclone serve s3`` over a directory."""
    port = free_port()
    data.mkdir()
    command = [
        "rclone",
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        f"{ACCESS},{SECRET}",
        str(data),
    ]
    return Server("rclone", command, port, {})


def request_bytes(url: str, key: str, *, presigned: bool) -> bytes:
    """A signed GET as it goes over the wire, with the headers boto3 or a browser sends."""
    if presigned:
        headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept": "image/avif,image/webp,*/*"}
        signer = S3SigV4QueryAuth(CREDENTIALS, "s3", "us-east-1", expires=3600)
    else:
        headers = {
            "User-Agent": "Boto3/1.40 md/Botocore#1.40 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11",
            "Accept-Encoding": "identity",
            "x-amz-checksum-mode": "ENABLED",
            "amz-sdk-invocation-id": "1c6dcd44-3a9c-46e6-8f6a-7ab1a9a7e1ed",
            "amz-sdk-request": "attempt=1",
        }
        signer = S3SigV4Auth(CREDENTIALS, "s3", "us-east-1")
    request = AWSRequest("GET", f"{url}/{BUCKET}/{key}", headers=headers)
    signer.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    named = {k: v if isinstance(v, str) else v.decode() for k, v in prepared.headers.items()}
    named["Host"] = parts.netloc
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode()


def get_all(url: str, requests: Sequence[bytes], n: int) -> None:
    """Send ``n`` requests one after the other, over one connection where the server keeps it."""
    parts = urlsplit(url)
    address = (parts.hostname, parts.port)
    buffer = bytearray(1 << 20)
    sock: socket.socket | None = None
    for i in range(n):
        if sock is None:
            sock = socket.create_connection(address, timeout=30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(requests[i % len(requests)])
        n_read, head_end = 0, -1
        while head_end < 0:
            n_more = sock.recv_into(memoryview(buffer)[n_read:])
            if n_more == 0:
                raise RuntimeError(f"{url}: the server closed the connection")
            n_read += n_more
            head_end = buffer.find(b"\r\n\r\n", 0, n_read)
        head = bytes(buffer[:head_end]).lower()
        if not head.startswith((b"http/1.1 200", b"http/1.0 200")):
            raise RuntimeError(f"{url}: {head[:200]!r}")
        left = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) - (n_read - head_end - 4)
        while left > 0:
            left -= sock.recv_into(buffer)
        if b"connection: close" in head:
            sock.close()
            sock = None
    if sock is not None:
        sock.close()


def measure(server: Server, n: int) -> dict[str, float]:
    """All figures of one server."""
    client = server.client()
    body = os.urandom(SIZE)
    figures: dict[str, float] = {}
    client.create_bucket(Bucket=BUCKET)
    keys = [f"images/{i:05d}.jpg" for i in range(N_OBJECTS)]
    start, cpu = time.perf_counter(), server.cpu_s()
    for key in keys:
        client.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType="image/jpeg")
    figures["put_ms"] = (time.perf_counter() - start) / N_OBJECTS * 1000
    figures["put_cpu_ms"] = (server.cpu_s() - cpu) / N_OBJECTS * 1000
    for name, presigned in (("get", False), ("link", True)):
        requests = [request_bytes(server.url, key, presigned=presigned) for key in keys]
        get_all(server.url, requests, N_OBJECTS)
        start, cpu = time.perf_counter(), server.cpu_s()
        get_all(server.url, requests, n)
        figures[f"{name}_cpu_ms"] = (server.cpu_s() - cpu) / n * 1000
        figures[f"{name}_per_s"] = n / (time.perf_counter() - start)
    requests = [request_bytes(server.url, key, presigned=False) for key in keys]
    threads = [threading.Thread(target=get_all, args=(server.url, requests, n // 4)) for _ in range(4)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures["get4_per_s"] = n / (time.perf_counter() - start)
    figures["rss_mib"] = server.process.memory_info().rss / 2**20
    return figures


def measure_listing(server: Server, n_keys: int) -> float:
    """Milliseconds for a page of common prefixes in the middle of a bucket of small objects."""
    client = server.client()
    client.create_bucket(Bucket="listed")
    todo = iter([f"p{i // 100:04d}/{i % 100:03d}" for i in range(n_keys)])
    lock = threading.Lock()

    def fill() -> None:
        while True:
            with lock:
                key = next(todo, None)
            if key is None:
                return
            client.put_object(Bucket="listed", Key=key, Body=b"x")

    threads = [threading.Thread(target=fill) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    arguments = {"Bucket": "listed", "Delimiter": "/", "StartAfter": "p0050/", "MaxKeys": 20}
    client.list_objects_v2(**arguments)
    start = time.perf_counter()
    for _ in range(10):
        client.list_objects_v2(**arguments)
    return (time.perf_counter() - start) / 10 * 1000


def main() -> int:
    """Run and report."""
    n = int(os.environ.get("BENCH_REQUESTS", "6000"))
    n_listed = int(os.environ.get("BENCH_LISTED", str(N_LISTED)))
    figures: dict[str, dict[str, float]] = {}
    peers = [("labelwright", ours, n), ("moto", moto, max(n // 20, 100))]
    if shutil.which("rclone"):
        peers.append(("rclone", rclone, n))
    with tempfile.TemporaryDirectory() as folder:
        for name, start, n_requests in peers:
            server = start(Path(folder) / name)
            try:
                figures[name] = measure(server, n_requests)
                if name != "rclone":
                    figures[name]["list_ms"] = measure_listing(server, n_listed)
            finally:
                server.stop()
    server = bare(Path())
    try:
        requests = [request_bytes(server.url, "k", presigned=False)]
        get_all(server.url, requests, 500)
        cpu = server.cpu_s()
        get_all(server.url, requests, n)
        floor_ms = (server.cpu_s() - cpu) / n * 1000
    finally:
        server.stop()
    report = Report("s3", "moto")
    report.note(f"uvicorn with a constant answer of that size takes {floor_ms:.3f} ms CPU in the same run.")
    mine, peer = figures["labelwright"], figures["moto"]
    for what, unit, key, smaller in (
        ("CPU for a signed GET of 70 kB", "ms", "get_cpu_ms", True),
        ("CPU for a GET of 70 kB by a link", "ms", "link_cpu_ms", True),
        ("GETs over one connection", "1/s", "get_per_s", False),
        ("GETs over four connections", "1/s", "get4_per_s", False),
        ("put of 70 kB by boto3", "ms", "put_ms", True),
        ("CPU for a put of 70 kB", "ms", "put_cpu_ms", True),
        (f"page of prefixes among {n_listed:,} keys", "ms", "list_ms", True),
        ("memory at the end of the GETs", "MiB", "rss_mib", True),
    ):
        report.row(what, unit, mine[key], peer[key], smaller=smaller)
    if "rclone" in figures:
        other = figures["rclone"]["get_cpu_ms"]
        report.note(
            f"rclone: {other:.3f} ms CPU for a signed GET, {other / mine['get_cpu_ms']:.1f} times ours."
        )
    else:
        report.note("rclone is not installed and was left out; put it on the PATH to have it measured too.")
    report.note("moto keeps objects in memory; ours are on disk, each put flushed before it is answered.")
    report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
