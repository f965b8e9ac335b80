"""Request bodies: read as a stream, checked against everything the client promised, written aside.

The body of a put may come plain or as ``aws-chunked``, with the SHA-256 of the signature, a Content-MD5,
and checksums in headers or trailers. All of them are computed while the bytes go by; memory does not grow
with the body, and hashing and writing happen in a thread while the next piece arrives.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import dataclasses
import hashlib
import hmac
from collections.abc import AsyncIterator
from concurrent.futures import Executor

from labelwright.s3.checksums import ALGORITHMS, Hasher, algorithm_of_header, decoded, hasher
from labelwright.s3.chunked import STREAMING_HASHES, ChunkedReader
from labelwright.s3.files import CHUNK_BYTES, Files, StagedFile
from labelwright.s3.problems import S3Problem
from labelwright.s3.requests import Request
from labelwright.wire.sigv4 import UNSIGNED_PAYLOAD

__all__ = ["MAX_PUT_BYTES", "StagedBody", "body_length", "payload", "read_document", "stage_body"]

MAX_PUT_BYTES = 5 * 1024**3
_MAX_DOCUMENT_BYTES = 8 * 1024**2


@dataclasses.dataclass(frozen=True, slots=True)
class StagedBody:
    """A body on disk, flushed, every checksum right.

    Attributes
    ----------
    md5_hex : str
    checksums : dict
        Base64 value by algorithm, of those the client asked for.
    """

    file: StagedFile
    md5_hex: str
    checksums: dict[str, str]


class _Checks:
    """What the client said about the body, and the running values to compare."""

    def __init__(self, request: Request, *, needs_md5: bool) -> None:
        headers = request.headers
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._needs_md5 = needs_md5 or "content-md5" in headers
        self._expected_md5 = _content_md5(headers.get("content-md5"))
        sent_hash = request.verified.payload_hash
        is_plain = sent_hash not in STREAMING_HASHES and sent_hash != UNSIGNED_PAYLOAD
        self._expected_sha256 = sent_hash if is_plain else None
        self._sha256 = hashlib.sha256()
        self._expected: dict[str, bytes] = {}
        self.hashers: dict[str, Hasher] = {}
        for name, value in headers.items():
            algorithm = algorithm_of_header(name)
            if algorithm is not None:
                self._expected[algorithm] = decoded(algorithm, value)
                self.hashers[algorithm] = hasher(algorithm)
        self._trailing: list[str] = []
        for name in headers.get("x-amz-trailer", "").lower().split(","):
            algorithm = algorithm_of_header(name.strip())
            if algorithm is not None:
                self._trailing.append(algorithm)
                self.hashers[algorithm] = hasher(algorithm)
        asked = headers.get("x-amz-sdk-checksum-algorithm", "").lower()
        if asked in ALGORITHMS and asked not in self.hashers:
            self.hashers[asked] = hasher(asked)

    def update(self, data: bytes) -> None:
        if self._needs_md5:
            self.md5.update(data)
        if self._expected_sha256 is not None:
            self._sha256.update(data)
        for running in self.hashers.values():
            running.update(data)

    def compare(self, trailers: dict[str, str]) -> dict[str, str]:
        """Checksums in Base64, after everything was found right."""
        if self._expected_sha256 is not None and not hmac.compare_digest(
            self._sha256.hexdigest(), self._expected_sha256
        ):
            raise S3Problem(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ClientComputedContentSHA256=self._expected_sha256,
                S3ComputedContentSHA256=self._sha256.hexdigest(),
            )
        if self._expected_md5 is not None and self.md5.digest() != self._expected_md5:
            raise S3Problem(
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
                CalculatedDigest=base64.b64encode(self.md5.digest()).decode(),
            )
        for algorithm in self._trailing:
            value = trailers.get(f"x-amz-checksum-{algorithm}")
            if value is None:
                raise S3Problem(
                    "InvalidRequest",
                    f"x-amz-trailer announced x-amz-checksum-{algorithm}, and it is not in the trailer.",
                )
            self._expected[algorithm] = decoded(algorithm, value)
        values: dict[str, str] = {}
        for algorithm, running in self.hashers.items():
            digest = running.digest()
            expected = self._expected.get(algorithm)
            if expected is not None and digest != expected:
                raise S3Problem(
                    "BadDigest",
                    f"The {algorithm.upper()} you specified did not match the calculated checksum.",
                    CalculatedChecksum=base64.b64encode(digest).decode(),
                )
            values[algorithm] = base64.b64encode(digest).decode()
        return values


async def payload(request: Request, trailers: dict[str, str], *, most: int) -> AsyncIterator[bytes]:
    """The bytes that a body means, in pieces as they arrive; chunk signatures and length checked.

    Parameters
    ----------
    request : Request
    trailers : dict
        Filled with the trailing headers at the end.
    most : int
        Largest length allowed.

    Raises
    ------
    S3Problem
        ``EntityTooLarge``, ``MissingContentLength``, ``IncompleteBody``, ``SignatureDoesNotMatch``.
    """
    expected = body_length(request)
    if expected > most:
        raise S3Problem(
            "EntityTooLarge",
            f"Your proposed upload of {expected} bytes exceeds the maximum allowed size of {most} bytes.",
            ProposedSize=str(expected),
            MaxSizeAllowed=str(most),
        )
    reader = None
    if request.verified.payload_hash.startswith("STREAMING-"):
        reader = ChunkedReader(request.verified, expected)
    n_seen = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise S3Problem(
                "IncompleteBody", "The client closed the connection before the body was complete."
            )
        data: bytes = message.get("body", b"")
        if data and reader is not None:
            data = reader.feed(data)
        if data:
            n_seen += len(data)
            if n_seen > expected:
                raise S3Problem("IncompleteBody", f"The body is longer than the {expected} bytes announced.")
            yield data
        if not message.get("more_body", False):
            break
    if reader is not None:
        trailers.update(reader.finish())
    elif n_seen != expected:
        raise S3Problem(
            "IncompleteBody", f"The body has {n_seen} bytes, and Content-Length announced {expected}."
        )


def body_length(request: Request) -> int:
    """Length of the payload as announced.

    Raises
    ------
    S3Problem
        ``MissingContentLength``.
    """
    is_chunked = request.verified.payload_hash.startswith("STREAMING-")
    name = "x-amz-decoded-content-length" if is_chunked else "content-length"
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        if not text and "transfer-encoding" not in request.headers and not is_chunked:
            return 0
        raise S3Problem("MissingContentLength", f"You must provide the {name} HTTP header.")
    return int(text)


async def read_document(request: Request) -> bytes:
    """A small body (an XML document), checked.

    Raises
    ------
    S3Problem
        Also when it is longer than 8 MiB.
    """
    checks = _Checks(request, needs_md5=False)
    pieces: list[bytes] = []
    trailers: dict[str, str] = {}
    async for piece in payload(request, trailers, most=_MAX_DOCUMENT_BYTES):
        pieces.append(piece)
    body = b"".join(pieces)
    checks.update(body)
    checks.compare(trailers)
    return body


async def stage_body(
    request: Request, files: Files, pool: Executor, *, also: tuple[str, ...] = ()
) -> StagedBody:
    """Write the body of a put aside.

    Parameters
    ----------
    request : Request
    files : Files
    pool : Executor
        Threads for hashing and writing.
    also : tuple of str
        Further checksum algorithms to compute.

    Raises
    ------
    S3Problem
        When anything does not match; nothing is left on disk then.
    """
    checks = _Checks(request, needs_md5=True)
    for algorithm in also:
        checks.hashers.setdefault(algorithm, hasher(algorithm))
    loop = asyncio.get_running_loop()
    trailers: dict[str, str] = {}
    file: StagedFile | None = None
    writing: asyncio.Future[StagedFile] | None = None
    pieces: list[bytes] = []
    n_waiting = 0

    def process(target: StagedFile | None, data: list[bytes]) -> StagedFile:
        target = target or files.stage()
        for piece in data:
            checks.update(piece)
            target.write(piece)
        return target

    def complete(target: StagedFile | None, data: list[bytes]) -> tuple[StagedFile, dict[str, str]]:
        target = process(target, data)
        try:
            values = checks.compare(trailers)
            files.finish(target)
        except BaseException:
            target.discard()
            raise
        return target, values

    try:
        async for piece in payload(request, trailers, most=MAX_PUT_BYTES):
            pieces.append(piece)
            n_waiting += len(piece)
            if n_waiting >= CHUNK_BYTES:
                if writing is not None:
                    file = await writing
                writing = loop.run_in_executor(pool, process, file, pieces)
                pieces, n_waiting = [], 0
        if writing is not None:
            file = await writing
            writing = None
        finished, values = await loop.run_in_executor(pool, complete, file, pieces)
    except BaseException:
        if writing is not None:
            file = await writing
        if file is not None:
            file.discard()
        raise
    return StagedBody(finished, checks.md5.hexdigest(), values)


def _content_md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 16:
        raise S3Problem("InvalidDigest", f"The Content-MD5 you specified was invalid: {text[:60]!r}.")
    return raw
