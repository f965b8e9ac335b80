"""A real server for tests: the composed application behind uvicorn on a free port, in a thread.

Public, so that users can test their own scripts and templates against it::

    with running_server(tmp_path) as server:
        sagemaker = boto3.client("sagemaker", **server.client_arguments())
"""

from __future__ import annotations

import dataclasses
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from labelwright.app import Application, create_app
from labelwright.config import DEFAULT_REGION, Settings

__all__ = ["Clock", "RunningServer", "running_asgi", "running_server"]


class Clock:
    """Real time plus what a test added: `advance` makes leases run out without sleeping."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset_s

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self.offset_s += seconds


@dataclasses.dataclass(frozen=True)
class RunningServer:
    """Where the server is, and its parts."""

    url: str
    app: Application
    clock: Clock

    @property
    def data_dir(self) -> Path:
        """Its data directory."""
        return self.app.context.settings.data_dir

    def client_arguments(self, region: str = DEFAULT_REGION) -> dict[str, Any]:
        """Keyword arguments that point a boto3 or botocore client at the server."""
        credentials = self.app.context.credentials
        return {
            "endpoint_url": self.url,
            "region_name": region,
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
        }

    def environment(self, region: str = DEFAULT_REGION) -> dict[str, str]:
        """Environment variables for a subprocess that uses AWS clients."""
        arguments = self.client_arguments(region)
        return {
            "AWS_ENDPOINT_URL": arguments["endpoint_url"],
            "AWS_ACCESS_KEY_ID": arguments["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": arguments["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": region,
        }


def _listener() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


@contextmanager
def running_asgi(
    app: Callable[..., Any], *, lifespan: str = "on", listener: socket.socket | None = None
) -> Iterator[str]:
    """Serve any ASGI app on a free port of 127.0.0.1 (or a bound socket); yields its base URL."""
    listener = listener or _listener()
    config = uvicorn.Config(
        app,
        interface="asgi3",  # not to be guessed: it may be a bound method
        http="httptools",
        lifespan=lifespan,  # type: ignore[arg-type]  # a str of uvicorn's literals
        log_config=None,
        access_log=False,
        ws="none",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@contextmanager
def running_server(data_dir: Path, *, clock: Clock | None = None, **settings: Any) -> Iterator[RunningServer]:
    """The whole server on a fresh or existing data directory.

    Parameters
    ----------
    data_dir : Path
    clock : Clock, optional
        One that the test turns; a new one by default.
    **settings
        Further fields of `Settings`.
    """
    clock = clock or Clock()
    values: dict[str, Any] = {
        "root_access_key_id": "LKIA" + secrets.token_hex(8).upper(),
        "root_secret_access_key": secrets.token_hex(20),
        "consolidation_interval_s": 0.2,
        "manifest_interval_s": 0.2,
        **settings,
    }
    listener = _listener()
    values.setdefault("port", listener.getsockname()[1])
    app = create_app(Settings(data_dir=data_dir, **values), clock=clock)
    with running_asgi(app, listener=listener) as url:
        yield RunningServer(url, app, clock)
