"""A receiver that answers for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from labelwright.events.webhook_sink import WebhookSink


@contextlib.contextmanager
def dripping(head: bytes) -> Iterator[str]:
    """Answers with a head, and then one byte after the other, until it is hung up on."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(head)
                    while True:
                        connection.sendall(b"x")
                        time.sleep(0.05)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n"]
)
def test_an_answer_without_an_end_is_cut_off(head: bytes) -> None:
    with dripping(head) as url:
        sink = WebhookSink(url, "0123456789abcdef", time.time, total_s=0.5)
        for _ in range(2):  # and the sink can be used again
            with pytest.raises(Exception, match=r"within 0\.5 seconds"):
                sink.take([b"{}"])
        sink.close()
