"""``aws-chunked`` bodies: chunks with their own signatures, and trailing checksums.

A `ChunkedReader` is fed the bytes of the body as they come and gives back the payload. Nothing it gave back
may be kept before `finish` has returned: only then the last signature and the length were checked.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from labelwright.s3.problems import S3Problem
from labelwright.wire.sigv4 import EMPTY_SHA256, Verified

__all__ = ["STREAMING_HASHES", "ChunkedReader"]

_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING_HASHES = frozenset({_SIGNED, _SIGNED_TRAILER, _UNSIGNED_TRAILER})

_HEADER = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_MAX_LINE = 16_384
_MAX_TRAILERS = 16


class ChunkedReader:
    """Takes an ``aws-chunked`` body apart.

    Parameters
    ----------
    verified : Verified
        Of the request; says which of the three kinds this body is, and carries the key and seed signature.
    decoded_length : int
        What ``x-amz-decoded-content-length`` promised.
    """

    def __init__(self, verified: Verified, decoded_length: int) -> None:
        kind = verified.payload_hash
        if kind not in STREAMING_HASHES:
            raise S3Problem("NotImplemented", f"x-amz-content-sha256: {kind[:80]} is not supported.")
        self._is_signed = kind != _UNSIGNED_TRAILER
        self._has_trailer = kind != _SIGNED
        self._verified = verified
        self._previous = verified.seed_signature
        self._expected = decoded_length
        self._seen = 0
        self._buffer = bytearray()
        self._left = 0
        self._state = "header"
        self._signature = b""
        self._hash = hashlib.sha256()
        self._lines: list[tuple[bytes, bytes]] = []
        self.trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> bytes:
        """Payload in the next bytes of the body; may be empty.

        Raises
        ------
        S3Problem
            ``SignatureDoesNotMatch``, ``IncompleteBody`` or ``InvalidRequest``.
        """
        buffer = self._buffer
        buffer += data
        out: list[bytes] = []
        at = 0
        while True:
            if self._state == "data":
                take = min(self._left, len(buffer) - at)
                if take:
                    piece = bytes(memoryview(buffer)[at : at + take])
                    at += take
                    self._left -= take
                    out.append(piece)
                    if self._is_signed:
                        self._hash.update(piece)
                if self._left or len(buffer) - at < 2:
                    break
                if buffer[at : at + 2] != b"\r\n":
                    raise _broken("a chunk is longer than its header says")
                at += 2
                self._end_chunk(self._hash.hexdigest())
                self._state = "header"
                continue
            if self._state == "done":
                if len(buffer) > at:
                    raise _broken("there are bytes after the last chunk")
                break
            end = buffer.find(b"\r\n", at)
            if end < 0:
                if len(buffer) - at > _MAX_LINE:
                    raise _broken("a chunk header is too long")
                break
            line = bytes(memoryview(buffer)[at:end])
            at = end + 2
            if self._state == "header":
                self._begin_chunk(line)
            else:
                self._trailer_line(line)
        del buffer[:at]
        payload = out[0] if len(out) == 1 else b"".join(out)
        self._seen += len(payload)
        if self._seen > self._expected:
            raise _broken(f"it is longer than the x-amz-decoded-content-length of {self._expected} bytes")
        return payload

    def finish(self) -> dict[str, str]:
        """Trailing headers (lower-case names), once the body has ended.

        Raises
        ------
        S3Problem
            ``IncompleteBody`` when something is missing.
        """
        # Some clients leave out the empty line after the last chunk; its signature is checked by then.
        if self._state not in ("done", "last"):
            raise _broken("it ended before its last chunk")
        if self._seen != self._expected:
            raise _broken(
                f"it holds {self._seen} bytes and x-amz-decoded-content-length says {self._expected}"
            )
        return self.trailers

    def _begin_chunk(self, line: bytes) -> None:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise _broken(f"{line[:80]!r} is not a chunk header")
        self._left = int(match.group(1), 16)
        self._signature = match.group(2) or b""
        if self._is_signed and not self._signature:
            raise _broken("a chunk has no chunk-signature")
        self._hash = hashlib.sha256()
        if self._left:
            self._state = "data"
        elif self._has_trailer:
            self._end_chunk(EMPTY_SHA256)
            self._state = "trailer"
        else:
            self._end_chunk(EMPTY_SHA256)
            self._state = "last"

    def _end_chunk(self, digest: str) -> None:
        if not self._is_signed:
            return
        verified = self._verified
        to_sign = (
            f"AWS4-HMAC-SHA256-PAYLOAD\n{verified.amz_date}\n{verified.scope}\n{self._previous}\n"
            f"{EMPTY_SHA256}\n{digest}"
        )
        self._compare(to_sign, self._signature.decode())

    def _compare(self, to_sign: str, signature: str) -> None:
        expected = hmac.digest(self._verified.signing_key, to_sign.encode(), "sha256").hex()
        if not hmac.compare_digest(expected, signature):
            raise S3Problem(
                "SignatureDoesNotMatch",
                "The signature of a chunk does not match the one we calculated: the body was altered on the "
                "way, or not signed with this secret.",
            )
        self._previous = expected

    def _trailer_line(self, line: bytes) -> None:
        if self._state == "last":
            if line:
                raise _broken("there is something after the last chunk")
            self._state = "done"
            return
        if line:
            name, colon, value = line.partition(b":")
            if not colon or len(self._lines) >= _MAX_TRAILERS:
                raise _broken(f"{line[:80]!r} is not a trailing header")
            self._lines.append((name.strip().lower(), value.strip()))
            return
        signature = ""
        signed: list[tuple[bytes, bytes]] = []
        for name, value in self._lines:
            if name == b"x-amz-trailer-signature":
                signature = value.decode("latin-1")
            else:
                signed.append((name, value))
        if self._is_signed:
            text = b"".join(name + b":" + value + b"\n" for name, value in sorted(signed))
            verified = self._verified
            to_sign = (
                f"AWS4-HMAC-SHA256-TRAILER\n{verified.amz_date}\n{verified.scope}\n{self._previous}\n"
                f"{hashlib.sha256(text).hexdigest()}"
            )
            self._compare(to_sign, signature)
        self.trailers = {name.decode("latin-1"): value.decode("latin-1") for name, value in signed}
        self._state = "done"


def _broken(what: str) -> S3Problem:
    return S3Problem("IncompleteBody", f"The aws-chunked body cannot be used: {what}.")
