"""AWS's event stream: messages of headers and a payload, each with two checksums.

References
----------
"Amazon Event Stream Specification" of the Smithy documentation: prelude (total length, headers' length,
CRC-32 of both), headers (here all of type 7, strings), payload, CRC-32 of all before it; numbers are
big-endian.
"""

from __future__ import annotations

import struct
import zlib

__all__ = ["error", "event", "message"]

_STRING = 7


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message.

    Examples
    --------
    >>> len(message({":message-type": "event"}, b""))
    38
    """
    packed = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return head + struct.pack(">I", zlib.crc32(head))


def event(kind: str, payload: bytes = b"", content_type: str = "") -> bytes:
    """An event of this type."""
    headers = {":event-type": kind}
    if content_type:
        headers[":content-type"] = content_type
    return message({**headers, ":message-type": "event"}, payload)


def error(code: str, text: str) -> bytes:
    """What ends a stream that cannot go on."""
    # A header's value holds at most 32 KiB.
    return message({":error-code": code, ":error-message": text[:8000], ":message-type": "error"}, b"")


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(">B", len(key)) + key + struct.pack(">BH", _STRING, len(text)) + text
