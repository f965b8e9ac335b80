"""The checksums S3 knows, and how those of the parts make that of the whole.

CRC32, SHA-1 and SHA-256 come with Python. CRC32C and CRC-64/NVME come from ``awscrt``, which uses the
processor's own instructions; it is imported when the first client asks for one of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from labelwright.s3.problems import S3Problem

__all__ = [
    "ALGORITHMS",
    "Hasher",
    "algorithm_of_header",
    "combine_full",
    "composite",
    "decoded",
    "hasher",
]

ALGORITHMS: dict[str, int] = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}
"""Name (as in ``x-amz-checksum-<name>``) to length in bytes."""

ChecksumType = Literal["FULL_OBJECT", "COMPOSITE"]


class Hasher(Protocol):
    """What all of them have in common."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Big-endian value of all bytes so far."""


class _Crc:
    __slots__ = ("_function", "_size", "_value")

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def hasher(algorithm: str) -> Hasher:
    """A running checksum.

    Raises
    ------
    S3Problem
        ``InvalidRequest`` when the algorithm is not one of `ALGORITHMS`.
    """
    match algorithm:
        case "crc32":
            return _Crc(zlib.crc32, 4)
        case "crc32c" | "crc64nvme":
            from awscrt import checksums as crt

            return _Crc(crt.crc32c, 4) if algorithm == "crc32c" else _Crc(crt.crc64nvme, 8)
        case "sha1":
            return hashlib.sha1(usedforsecurity=False)
        case "sha256":
            return hashlib.sha256()
    raise S3Problem(
        "InvalidRequest",
        f"Checksum algorithm {algorithm[:40]!r} is not known; use one of "
        f"{', '.join(name.upper() for name in ALGORITHMS)}.",
    )


def algorithm_of_header(name: str) -> str | None:
    """Algorithm of an ``x-amz-checksum-*`` header; None for any other header.

    Examples
    --------
    >>> algorithm_of_header("x-amz-checksum-crc32c"), algorithm_of_header("x-amz-checksum-mode")
    ('crc32c', None)
    """
    algorithm = name.removeprefix("x-amz-checksum-")
    return algorithm if algorithm != name and algorithm in ALGORITHMS else None


def decoded(algorithm: str, value: str) -> bytes:
    """Bytes of a checksum as sent.

    Raises
    ------
    S3Problem
        ``InvalidRequest`` when it is not Base64 of the right length.
    """
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != ALGORITHMS[algorithm]:
        raise S3Problem(
            "InvalidRequest", f"Value for x-amz-checksum-{algorithm} header is invalid: {value[:100]!r}."
        )
    return raw


def composite(algorithm: str, parts: Sequence[bytes]) -> str:
    """Checksum of the checksums of the parts, as S3 writes it: Base64, a hyphen, the number of parts."""
    whole = hasher(algorithm)
    for part in parts:
        whole.update(part)
    return f"{base64.b64encode(whole.digest()).decode()}-{len(parts)}"


def combine_full(algorithm: str, parts: Sequence[tuple[bytes, int]]) -> str:
    """Checksum of the whole from (checksum, length in bytes) of its parts, without reading them again.

    Only the linear ones (CRCs) can do that.

    Raises
    ------
    S3Problem
        ``InvalidRequest`` for SHA-1 and SHA-256.
    """
    from awscrt import checksums as crt

    functions = {
        "crc32": crt.combine_crc32,
        "crc32c": crt.combine_crc32c,
        "crc64nvme": crt.combine_crc64nvme,
    }
    function = functions.get(algorithm)
    if function is None:
        raise S3Problem(
            "InvalidRequest", f"The FULL_OBJECT checksum type cannot be used with {algorithm.upper()}."
        )
    value = 0
    for i, (raw, length) in enumerate(parts):
        part = int.from_bytes(raw, "big")
        value = part if i == 0 else function(value, part, length)
    return base64.b64encode(value.to_bytes(ALGORITHMS[algorithm], "big")).decode()
