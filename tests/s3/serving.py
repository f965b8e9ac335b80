"""A server for tests: the S3 door under uvicorn, in a thread or as a process of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import uvicorn
from botocore.config import Config

from labelwright.s3.door import Door
from labelwright.s3.store import ObjectStore
from labelwright.wire.sigv4 import Verifier

ACCESS, SECRET = "LKIATESTTESTTESTTEST", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def verifier() -> Verifier:
    return Verifier(lambda key: SECRET if key == ACCESS else None)


def serve_app(app: Any, sock: socket.socket) -> tuple[uvicorn.Server, threading.Thread]:
    async def with_lifespan(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if hasattr(app, "aclose"):
            await app.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    config = uvicorn.Config(
        with_lifespan, loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    return server, thread


@contextlib.contextmanager
def running(app: Any) -> Iterator[str]:
    """The base URL of an application that runs while the block does."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server, thread = serve_app(app, sock)
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def serving(store: ObjectStore) -> Iterator[str]:
    """The base URL of an S3 door over a store."""
    with running(Door(store, verifier(), clock=time.time)) as url:
        yield url


def client(url: str, **config: Any) -> Any:
    """A boto3 client with its defaults, but without long waits."""
    settings = Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=30).merge(Config(**config))
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=settings,
    )


class Process:
    """A server process over a data directory, which can be killed."""

    def __init__(self, data_dir: Path) -> None:
        code = (
            "import sys, socket, time, pathlib; sys.path.insert(0, sys.argv[1]); import serving\n"
            "from labelwright.s3.store import ObjectStore; from labelwright.s3.door import Door\n"
            "store = ObjectStore(pathlib.Path(sys.argv[2]))\n"
            "sock = socket.socket(); sock.bind(('127.0.0.1', 0))\n"
            "door = Door(store, serving.verifier(), clock=time.time)\n"
            "server, thread = serving.serve_app(door, sock)\n"
            "print(sock.getsockname()[1], flush=True); sys.stdin.read()\n"
            "server.should_exit = True; thread.join(); store.close()"
        )
        self.popen = subprocess.Popen(
            [sys.executable, "-c", code, str(Path(__file__).parent), str(data_dir)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
        assert self.popen.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.popen.stdout.readline())}"

    def kill(self) -> None:
        """As if the power went, except for what the kernel still writes."""
        self.popen.kill()
        self._end()

    def stop(self) -> None:
        """End in order."""
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        self._end()

    def _end(self) -> None:
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None and not pipe.closed:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
