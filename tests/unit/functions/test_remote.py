"""A Lambda endpoint elsewhere, through botocore."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from labelwright.errors import Busy, LabelwrightError, NotFound
from labelwright.functions import RunnerClosed
from labelwright.functions.remote import RemoteLambda

ARN = "arn:aws:lambda:eu-west-1:111122223333:function"


class Endpoint(BaseHTTPRequestHandler):
    """Answers by the function's name, as Lambda would."""

    release = threading.Event()

    def do_POST(self) -> None:
        name = unquote(self.path).split("/")[3].rpartition(":")[2]
        event = self.rfile.read(int(self.headers["content-length"]))
        status, headers, body = 200, {"x-amz-executed-version": "7"}, event
        if name == "raises":
            headers["x-amz-function-error"] = "Unhandled"
            body = json.dumps({"errorType": "ValueError", "errorMessage": "no"}).encode()
        elif name == "absent":
            status, headers = 404, {"x-amzn-errortype": "ResourceNotFoundException"}
            body = b'{"Message": "Function not found"}'
        elif name == "busy":
            status, headers = 429, {"x-amzn-errortype": "TooManyRequestsException"}
            body = b'{"message": "Rate Exceeded."}'
        elif name == "denied":
            status, headers = 403, {"x-amzn-errortype": "AccessDeniedException"}
            body = b'{"Message": "not authorized"}'
        elif name == "slow":
            self.release.wait(20)
        assert "/eu-west-1/lambda/aws4_request" in self.headers["authorization"]
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RemoteLambda]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAREMOTE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    Endpoint.release.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    remote = RemoteLambda(f"http://127.0.0.1:{server.server_port}")
    yield remote
    remote.close()
    Endpoint.release.set()
    server.shutdown()
    thread.join()
    server.server_close()
    for client in remote._clients.values():
        client.close()


def test_answers_and_errors(remote: RemoteLambda) -> None:
    done = remote.invoke(f"{ARN}:echo", b'{"a": 1}', timeout_s=5)
    assert (done.payload, done.error, done.version) == (b'{"a": 1}', None, "7")
    done = remote.invoke(f"{ARN}:raises", b"{}", timeout_s=5)
    assert (done.error, done.reason) == ("Unhandled", "ValueError: no")
    with pytest.raises(NotFound, match="Function not found"):
        remote.invoke(f"{ARN}:absent", b"{}", timeout_s=5)
    with pytest.raises(Busy, match="Rate Exceeded"):
        remote.invoke(f"{ARN}:busy", b"{}", timeout_s=5)
    with pytest.raises(LabelwrightError, match="AccessDeniedException: not authorized"):
        remote.invoke(f"{ARN}:denied", b"{}", timeout_s=5)
    with pytest.raises(LabelwrightError, match="larger than 10 bytes"):
        remote.invoke(f"{ARN}:echo", b'"' + b"x" * 20 + b'"', timeout_s=5, answer_bytes_max=10)


def test_an_endpoint_that_is_not_there(monkeypatch: pytest.MonkeyPatch, remote: RemoteLambda) -> None:
    nowhere = RemoteLambda("http://127.0.0.1:9")
    with pytest.raises(Busy, match=r"127\.0\.0\.1:9 cannot be used"):
        nowhere.invoke(f"{ARN}:echo", b"{}", timeout_s=5)


def test_closing_waits_for_nobody(remote: RemoteLambda) -> None:
    found = SimpleNamespace(error=None)

    def ask() -> None:
        try:
            remote.invoke(f"{ARN}:slow", b"{}", timeout_s=30)
        except RunnerClosed as error:
            found.error = error

    thread = threading.Thread(target=ask)
    thread.start()
    remote.close()
    thread.join(10)
    assert isinstance(found.error, RunnerClosed)
