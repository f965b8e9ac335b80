"""Frames between the server and the model's process: two lengths, a JSON text and a payload."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import IO, Any

__all__ = ["read_frame", "write_frame"]

_LENGTHS = struct.Struct(">II")


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next frame; None at the end of the stream."""
    head = stream.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    n_text, n_payload = _LENGTHS.unpack(head)
    text, payload = stream.read(n_text), stream.read(n_payload)
    if len(text) < n_text or len(payload) < n_payload:
        return None
    about: dict[str, Any] = json.loads(text)
    return about, payload


def write_frame(stream: IO[bytes], about: Mapping[str, Any], payload: bytes = b"") -> None:
    """Write a frame and send it off."""
    text = json.dumps(dict(about)).encode()
    stream.write(_LENGTHS.pack(len(text), len(payload)) + text + payload)
    stream.flush()
