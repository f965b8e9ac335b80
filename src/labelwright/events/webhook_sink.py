"""Events as signed POST requests to an address of the operator's.

The body is ``{"events": [...]}``, oldest first. The header ``Labelwright-Signature`` is
``t=<epoch seconds>,v1=<hex>``, where hex is HMAC-SHA256 with the secret over ``<t>.<body>``; the time is in
it so that a receiver can refuse old requests that somebody recorded. Any 2xx answer takes the batch. A
redirect is not followed: it would send events to an address nobody configured.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from urllib.parse import urlsplit

from labelwright import __version__
from labelwright.errors import InvalidRequest
from labelwright.events.shapes import KINDS

__all__ = ["SIGNATURE_HEADER", "WebhookRefused", "WebhookSink", "check_webhook", "sign"]

SIGNATURE_HEADER = "Labelwright-Signature"
_TIMEOUT_S = 10.0  # without a byte
_TOTAL_S = 30.0
_ANSWER_BYTES_MAX = 65_536
_SECRET_MIN = 16


class WebhookTooSlow(TimeoutError):
    """The endpoint began to answer and did not come to an end."""


class WebhookRefused(Exception):
    """The endpoint answered, but not with 2xx.

    Attributes
    ----------
    status : int
        HTTP status.
    """

    def __init__(self, status: int, hint: str) -> None:
        super().__init__(f"the webhook answered {status}{hint}")
        self.status = status


def check_webhook(url: str, secret: str) -> None:
    """Check the settings of a webhook.

    Raises
    ------
    InvalidRequest
        When the URL is not http(s), or the secret is missing or short.
    """
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise InvalidRequest(
            f"The webhook URL is {url!r}; set LABELWRIGHT_EVENTS_WEBHOOK_URL to http[s]://host[:port]/path.",
            field="events_webhook_url",
            value=url,
        )
    if parts.username is not None:
        raise InvalidRequest(
            "The webhook URL carries a user name; take it out, requests are proven by their signature.",
            field="events_webhook_url",
        )
    if len(secret) < _SECRET_MIN:
        raise InvalidRequest(
            f"The webhook needs a secret of at least {_SECRET_MIN} characters to sign with; set "
            "LABELWRIGHT_EVENTS_WEBHOOK_SECRET, for example to the output of `openssl rand -hex 32`.",
            field="events_webhook_secret",
        )


def sign(secret: str, *, at: int, body: bytes) -> str:
    """The signature header of a body sent at a time (epoch seconds).

    Examples
    --------
    >>> sign("0123456789abcdef", at=1, body=b"{}")[:14]
    't=1,v1=2af693c'
    """
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class WebhookSink:
    """Posts batches to one address over a connection that is kept.

    Parameters
    ----------
    url, secret : str
    clock : callable
        Returns epoch seconds.
    kinds : collection of str
        Kinds of events it gets.
    total_s : float
        Longest time for a request with its answer.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        clock: Callable[[], float],
        *,
        kinds: Collection[str] = KINDS,
        total_s: float = _TOTAL_S,
    ) -> None:
        self.kinds = kinds
        self._total_s = total_s
        check_webhook(url, secret)
        parts = urlsplit(url)
        self.name = f"webhook:{url}"
        self._secret = secret
        self._clock = clock
        self._is_tls = parts.scheme == "https"
        self._host, self._port = str(parts.hostname), parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: http.client.HTTPConnection | None = None
        self._lock = threading.Lock()
        self._is_aborted = False

    def take(self, events: Sequence[bytes]) -> None:
        """Post a batch; the endpoint has taken it when this returns.

        Raises
        ------
        WebhookRefused
            For any answer but 2xx.
        OSError, http.client.HTTPException
            When there is no answer, or none that ends.
        """
        body = b'{"events":[' + b",".join(events) + b"]}"
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"labelwright/{__version__}",
            SIGNATURE_HEADER: sign(self._secret, at=int(self._clock()), body=body),
        }
        is_kept = self._connection is not None
        try:
            status, location = self._post(body, headers)
        except WebhookTooSlow:
            self.close()
            raise
        except (OSError, http.client.HTTPException):
            self.close()
            if not is_kept:
                raise
            # The endpoint may have closed a connection that was idle; a new one tells.
            try:
                status, location = self._post(body, headers)
            except (OSError, http.client.HTTPException):
                self.close()
                raise
        if not 200 <= status < 300:
            hint = f" and points to {location}; redirects are not followed" if location else ""
            raise WebhookRefused(status, hint)

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Status and address of the answer; a byte now and then does not keep it waiting."""
        connection = self._opened()
        is_over = threading.Event()

        def cut() -> None:
            is_over.set()
            _shut(connection.sock)

        timer = threading.Timer(self._total_s, cut)
        timer.daemon = True
        timer.start()
        try:
            answered = self._exchange(connection, body, headers)
        except (OSError, http.client.HTTPException):
            if not is_over.is_set():
                raise
        finally:
            timer.cancel()
        if is_over.is_set():
            raise WebhookTooSlow(f"the webhook did not answer within {self._total_s:g} seconds")
        return answered

    def _exchange(
        self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]
    ) -> tuple[int, str]:
        connection.request("POST", self._target, body=body, headers=headers)
        answer = connection.getresponse()
        # An answer says all with its status; one that goes on for ever is not listened to.
        answer.read(_ANSWER_BYTES_MAX)
        if not answer.isclosed():
            self.close()
        location = answer.getheader("Location", "")[:200] if 300 <= answer.status < 400 else ""
        return answer.status, location

    def _opened(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._is_aborted:
                raise ConnectionAbortedError("the server is stopping")
            if self._connection is None:
                kind = http.client.HTTPSConnection if self._is_tls else http.client.HTTPConnection
                self._connection = kind(self._host, self._port, timeout=_TIMEOUT_S)
            return self._connection

    def abort(self) -> None:
        """Break off a request in flight, from another thread: the server is stopping."""
        with self._lock:
            self._is_aborted = True
            sock = None if self._connection is None else self._connection.sock
        _shut(sock)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _shut(sock: socket.socket | None) -> None:
    if sock is not None:
        with contextlib.suppress(OSError):  # closed already
            sock.shutdown(socket.SHUT_RDWR)
