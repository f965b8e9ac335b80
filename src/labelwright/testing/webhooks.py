"""An HTTP server that takes events, as an operator would write one; it can be told to misbehave.

with receiving() as receiver, running_server(
    tmp_path, events_webhook_url=receiver.url, events_webhook_secret=SECRET
) as server:
    ...
    until(lambda: receiver.events)
"""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["SECRET", "Receiver", "is_genuine", "receiving", "until"]

SECRET = "a-secret-for-the-tests"  # noqa: S105 - it protects nothing
"""What the receiver checks signatures with."""


class Receiver:
    """Keeps what it got.

    Attributes
    ----------
    batches : list
        One list of events for each request that was answered with 2xx.
    statuses : list of int
        What the next requests are answered with; 200 when it is empty.
    n_requests, n_forged : int
        Requests, and those whose signature was not right.
    headers : dict
        Of the last request.
    url : str
        What to set as ``LABELWRIGHT_EVENTS_WEBHOOK_URL``.
    """

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.statuses: list[int] = []
        self.n_requests = 0
        self.n_forged = 0
        self.headers: dict[str, str] = {}
        self.url = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events, repeats left out, in the order in which they came first."""
        seen: dict[str, dict[str, Any]] = {}
        for batch in self.batches:
            for event in batch:
                seen.setdefault(event["id"], event)
        return list(seen.values())


def is_genuine(header: str, body: bytes) -> bool:
    """Check a signature as the reference page says, without our own code."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    wanted = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Take a batch, or refuse it as told."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.n_requests += 1
            receiver.headers = dict(self.headers)
            if not is_genuine(self.headers["Labelwright-Signature"], body):
                receiver.n_forged += 1
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            if 200 <= status < 300:
                receiver.batches.append(json.loads(body)["events"])
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", receiver.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests print what they want to."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(condition: Callable[[], Any], *, timeout_s: float = 30.0) -> Any:
    """Wait for something to become true; what it became.

    Raises
    ------
    TimeoutError
    """
    end = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"It did not happen within {timeout_s:g} s.")
        time.sleep(0.02)
