"""A serving process: holds the container of one instance of a variant and answers on a Unix socket.

Started by the engine (`labelwright.engine.hosting`) through a `labelwright.work.Runner`. Its input::

    {"endpoint": "cats", "variant": "AllTraffic", "instance": "i-0a...",
     "model": <request of CreateModel>, "model_folder": path shared by the instances of a variant,
     "data_dir": path or None, "log_folder": root of the log streams, "n_threads": 1, "startup_s": 240}

Variables of its environment that begin with ``CONTAINER_`` are the container's, without that prefix: how its
code reaches the server's API. It reports ``Downloading`` and ``Ready``, or ``Failed`` with the ``reason``
that is shown to users, and it ends when a process of its container does: the engine then starts another.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from labelwright.hosting.containers import open_container
from labelwright.hosting.interface import (
    FAILED,
    FORWARDED,
    LOG_GROUP,
    READY,
    TIMED_OUT,
    TIMEOUT,
    Container,
    HostingError,
    PingFailed,
    Reply,
)
from labelwright.hosting.server import HttpServer, Request
from labelwright.hosting.sockets import listen, socket_path
from labelwright.logstreams import StreamWriter, stream_path
from labelwright.work import read_input, report_progress

__all__ = ["main"]

_PREFIX = "CONTAINER_"
_BODY_BYTES_MAX = 1 << 30  # of asynchronous requests; the server lets others have less
_TIMEOUT_S = 60.0
_TIMEOUT_S_MAX = 3600.0
_DRAIN_S = 30.0
_LOOK_S = 1.0


class _Log:
    """A log stream that many threads write to."""

    def __init__(self, path: Path) -> None:
        self._writer = StreamWriter(path)
        self._lock = threading.Lock()

    def __call__(self, message: str) -> None:
        with self._lock, contextlib.suppress(OSError):  # a full disk must not end what serves
            self._writer.write(time.time_ns() // 1_000_000, message)


def main(folder: Path) -> None:
    """Serve until SIGTERM, or until the container ends."""
    about = read_input(folder)
    stream = f"{about['variant']}/{about['instance']}"
    log = _Log(stream_path(Path(about["log_folder"]), f"{LOG_GROUP}/{about['endpoint']}", stream))
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    report_progress(folder, "Downloading")
    try:
        container = _opened(about, log)
    except HostingError as error:
        log(str(error))
        report_progress(folder, FAILED, reason=_worded(error, about["variant"]))
        raise SystemExit(1) from None
    server = HttpServer(listen(socket_path(folder)), _answer(container, log), body_bytes_max=_BODY_BYTES_MAX)
    threading.Thread(target=_end_with, args=(container, folder, log), name="look", daemon=True).start()
    report_progress(folder, READY)
    log("The model is loaded; /ping answers.")
    try:
        server.serve()
    finally:  # SIGTERM raises in this thread
        server.drain(_DRAIN_S)
        container.close()
        Path(socket_path(folder)).unlink(missing_ok=True)


def _opened(about: Mapping[str, Any], log: Callable[[str], None]) -> Container:
    from labelwright.streaming.objects import open_objects

    return open_container(
        about["model"],
        folder=Path(about["model_folder"]),
        objects=open_objects(data_dir=about["data_dir"], local_files=False),
        environment=_credentials(about["model"]),
        log=log,
        n_threads=int(about["n_threads"]),
        startup_s=float(about["startup_s"]),
    )


def _credentials(model: Mapping[str, Any]) -> dict[str, str]:
    """What a script needs to call the API, unless the model says otherwise."""
    definitions = model.get("Containers") or [model["PrimaryContainer"]]
    own = {name for definition in definitions for name in definition.get("Environment") or {}}
    found = {key.removeprefix(_PREFIX): value for key, value in os.environ.items() if key.startswith(_PREFIX)}
    return {key: value for key, value in found.items() if key not in own}


def _worded(error: HostingError, variant: str) -> str:
    if isinstance(error, PingFailed):
        return (
            f"The {error.container} container for production variant {variant} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )
    return str(error)


def _answer(container: Container, log: Callable[[str], None]) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        headers = request.headers
        if request.path == "/invocations" and request.method == "POST":
            forwarded = {name: headers[name] for name in FORWARDED if name in headers}
            reply = container.invoke(
                request.body,
                headers.get("content-type", "application/octet-stream"),
                headers.get("accept"),
                forwarded,
                timeout_s=_timeout_s(headers),
            )
            if reply.status == 0:  # which is no status of HTTP
                return Reply(504, b"", "text/plain", {TIMED_OUT: "1"})
            return reply
        if request.path == "/ping":
            return Reply(200 if container.is_healthy() else 503, b"", "text/plain")
        if request.path == "/execution-parameters":
            parameters = container.execution_parameters()
            if parameters is not None:
                return Reply(200, orjson.dumps(parameters), "application/json")
        return Reply(404, b"There are /ping, POST /invocations and /execution-parameters.\n", "text/plain")

    return answer


def _timeout_s(headers: Mapping[str, str]) -> float:
    """How long the model has; asynchronous requests may take longer than the others."""
    given = headers.get(TIMEOUT, "")
    try:
        return min(float(given), _TIMEOUT_S_MAX) if given else _TIMEOUT_S
    except ValueError:
        return _TIMEOUT_S


def _end_with(container: Container, folder: Path, log: Callable[[str], None]) -> None:
    """End with the container, or with the folder: without it nobody could end this process."""
    while container.is_healthy() and folder.is_dir():
        time.sleep(_LOOK_S)
    log("A process of the container ended; it is started again.")
    container.close()
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
