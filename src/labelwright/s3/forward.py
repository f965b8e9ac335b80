"""The S3 door in front of another S3 store: verify, sign again for the store behind, pass on as a stream.

Clients, labeling workers and scripts keep talking to this server with this server's credentials; the
store's own never leave it. Bodies are taken out of the client's signed chunks (whose signatures are
checked) and sent on with their trailing checksums, so that the store behind verifies the bytes it got.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from labelwright.errors import LabelwrightError
from labelwright.s3 import attributes as at
from labelwright.s3 import cors
from labelwright.s3.bodies import MAX_PUT_BYTES, body_length, payload
from labelwright.s3.checksums import ALGORITHMS
from labelwright.s3.door import (
    ExpectedBody,
    is_own_parameter,
    problem_of,
    refusal,
    send_answer,
    verify_request,
    with_hoisted,
)
from labelwright.s3.problems import S3Problem
from labelwright.s3.requests import Answer, Receive, Request, Send, bucket_and_key, header_map, parse_query
from labelwright.wire.sigv4 import UNSIGNED_PAYLOAD, Verifier

if TYPE_CHECKING:
    from labelwright.s3.upstream import Upstream

__all__ = ["Forwarder"]

_log = logging.getLogger(__name__)

_FRAME = 64 * 1024
_TRAILER_PAYLOAD = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
# Headers that say how the request came to us; everything else that means something to S3 is passed on.
_OWN = frozenset(
    {
        "x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-decoded-content-length",
        "x-amz-trailer",
    }
)  # fmt: skip
_PASSED = frozenset(
    {
        "cache-control", "content-disposition", "content-encoding", "content-language", "content-md5",
        "content-type", "expires", "if-match", "if-modified-since", "if-none-match",
        "if-unmodified-since", "range",
    }
)  # fmt: skip
_NOT_RETURNED = frozenset(
    {"connection", "date", "keep-alive", "server", "transfer-encoding", "x-amz-request-id"}
    | {name.decode() for name, _ in at.SAFETY}
)


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer, with the payload hash given from outside."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload_hash"])


class Forwarder:
    """The application.

    Parameters
    ----------
    upstream : Upstream
    verifier : Verifier
        Knows this server's own credentials.
    clock : callable
        Epoch seconds.
    hosts : tuple of str
        See `labelwright.s3.door.base_hosts`.
    """

    def __init__(
        self,
        upstream: Upstream,
        verifier: Verifier,
        *,
        clock: Callable[[], float],
        hosts: tuple[str, ...] = ("localhost",),
    ) -> None:
        self._upstream = upstream
        self._verifier = verifier
        self._clock = clock
        self._hosts = hosts
        token = upstream.session_token or None
        credentials = Credentials(upstream.access_key_id, upstream.secret_access_key, token)
        self._signer = _Signer(credentials, "s3", upstream.region)
        self._client: httpx.AsyncClient | None = None
        self._ids = itertools.count()
        self._id_start = secrets.token_hex(6).upper()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        method: str = scope["method"]
        request_id = f"{self._id_start}{next(self._ids):08X}"
        headers = header_map(scope["headers"])
        body = ExpectedBody(receive)
        bucket = key = ""
        async with contextlib.AsyncExitStack() as stack:
            try:
                bucket, key = bucket_and_key(scope["raw_path"], headers.get("host", ""), self._hosts)
                if method == "OPTIONS":
                    answer = Answer(200, cors.preflight_headers(None, headers))
                else:
                    now = self._clock()
                    verified = verify_request(self._verifier, scope, headers, bucket, now)
                    query = parse_query(scope["query_string"])
                    if verified.is_presigned:
                        headers = with_hoisted(headers, query)
                    request = Request(method, bucket, key, query, headers, verified, body, now, request_id)
                    answer = await self._forward(request, stack)
            except LabelwrightError as error:
                answer = refusal(problem_of(error), bucket, key, request_id)
            except Exception:
                _log.exception("request failed", extra={"action": "s3", "request_id": request_id})
                problem = S3Problem("InternalError", "We encountered an internal error. Please try again.")
                answer = refusal(problem, bucket, key, request_id)
            if method != "OPTIONS":
                answer.headers.extend(cors.allow_headers(None, headers, method))
            if "expect" in headers and not body.is_asked_for:
                answer.headers.append((b"connection", b"close"))
            await send_answer(send, body, answer, method, request_id)

    async def _forward(self, request: Request, stack: contextlib.AsyncExitStack) -> Answer:
        length = body_length(request)
        payload_hash = request.verified.payload_hash
        passed = {
            name: value
            for name, value in request.headers.items()
            if name in _PASSED or (name.startswith("x-amz-") and name not in _OWN)
        }
        encoding = [part.strip() for part in passed.pop("content-encoding", "").split(",")]
        kept = ",".join(part for part in encoding if part and part != "aws-chunked")
        if kept:
            passed["content-encoding"] = kept
        trailers: dict[str, str] = {}
        problems: list[Exception] = []
        pieces = _noting(payload(request, trailers, most=MAX_PUT_BYTES), problems)
        trailer = request.headers.get("x-amz-trailer", "").strip().lower()
        content: AsyncIterator[bytes] | None
        if trailer and payload_hash.startswith("STREAMING-"):
            passed["content-encoding"] = f"aws-chunked,{kept}".rstrip(",")
            passed["x-amz-trailer"] = trailer
            passed["x-amz-decoded-content-length"] = str(length)
            payload_hash = _TRAILER_PAYLOAD
            content = _framed(pieces, trailer, trailers)
            length = _framed_length(length, trailer)
        else:
            passed.pop("x-amz-sdk-checksum-algorithm", None)
            if payload_hash.startswith("STREAMING-"):
                payload_hash = UNSIGNED_PAYLOAD
            content = pieces if length else None
        if length or request.method in ("PUT", "POST"):
            passed["content-length"] = str(length)
        http_request = self._signed(request, passed, payload_hash, content)
        try:
            response = await self._http().send(http_request, stream=True)
        except Exception as error:
            if problems:
                raise problems[0] from error
            if isinstance(error, httpx.HTTPError):
                _log.warning("the object store does not answer", exc_info=error, extra={"action": "s3"})
                raise S3Problem(
                    "ServiceUnavailable",
                    "The object store behind this server does not answer. Please try again.",
                ) from error
            raise
        stack.push_async_callback(response.aclose)
        headers = [
            (name.lower(), value)
            for name, value in response.headers.raw
            if name.lower().decode("latin-1") not in _NOT_RETURNED
            and not name.lower().startswith(b"access-control-")
        ]
        has_length = "content-length" in response.headers
        if request.key and request.method in ("GET", "HEAD"):
            headers += at.SAFETY
        answer = Answer(response.status_code, [h for h in headers if h[0] != b"content-length"])
        if has_length:
            answer.length = int(response.headers["content-length"])
        if request.method != "HEAD" and response.status_code not in (204, 304):
            answer.stream = response.aiter_raw(_FRAME)
        return answer

    def _signed(
        self,
        request: Request,
        headers: dict[str, str],
        payload_hash: str,
        content: AsyncIterator[bytes] | None,
    ) -> httpx.Request:
        path = "/" + quote(f"{request.bucket}/{request.key}" if request.key else request.bucket, safe="/~")
        query = "&".join(
            f"{quote(name, safe='~')}={quote(value, safe='~')}"
            for name, value in request.query.items()
            if not is_own_parameter(name)
        )
        target = f"{path}?{query}" if query else path
        signed = AWSRequest(request.method, self._upstream.endpoint + target, headers=headers)
        signed.context["payload_hash"] = payload_hash
        self._signer.add_auth(signed)
        where = urlsplit(self._upstream.endpoint)
        url = httpx.URL(scheme=where.scheme, host=where.hostname, port=where.port, path="/")
        raw = [(name, value) for name, value in signed.headers.items() if name.lower() != "host"]
        return self._http().build_request(
            request.method,
            url,
            headers=[(n, _latin(v)) for n, v in raw],
            content=content,
            extensions={"target": target.encode()},  # as signed; httpx would resolve dots in it
        )

    async def aclose(self) -> None:
        """Close the connections to the store behind."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:  # made late: it belongs to the loop that serves
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(60.0, connect=10.0, pool=60.0),
                limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
                headers={"accept-encoding": "identity", "user-agent": "labelwright"},
                trust_env=False,
            )
        return self._client


def _latin(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


async def _noting(pieces: AsyncIterator[bytes], problems: list[Exception]) -> AsyncIterator[bytes]:
    """Pass pieces on, and keep what the client did wrong: the HTTP client would hide it."""
    try:
        async for piece in pieces:
            yield piece
    except asyncio.CancelledError:
        raise
    except Exception as error:
        problems.append(error)
        raise


async def _framed(
    pieces: AsyncIterator[bytes], trailer: str, trailers: dict[str, str]
) -> AsyncIterator[bytes]:
    """An ``aws-chunked`` body of full frames, with the client's trailer at its end."""
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        while len(buffer) >= _FRAME:
            yield b"%x\r\n" % _FRAME + bytes(buffer[:_FRAME]) + b"\r\n"
            del buffer[:_FRAME]
    if buffer:
        yield b"%x\r\n" % len(buffer) + bytes(buffer) + b"\r\n"
    yield f"0\r\n{trailer}:{trailers.get(trailer, '')}\r\n\r\n".encode("latin-1")


def _framed_length(length: int, trailer: str) -> int:
    """Bytes that `_framed` makes of a body; the Base64 text of a checksum has a known length."""
    n_full, rest = divmod(length, _FRAME)
    total = n_full * (len(b"%x" % _FRAME) + 2 + _FRAME + 2)
    if rest:
        total += len(b"%x" % rest) + 2 + rest + 2
    algorithm = trailer.removeprefix("x-amz-checksum-")
    n_value = 4 * ((ALGORITHMS.get(algorithm, 0) + 2) // 3)
    return total + 3 + len(trailer) + 1 + n_value + 4
