"""Paths and queries in the one form that both sides of a signature compute.

Each function has a short way for text that has this form already, because it runs on every request.
"""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

__all__ = ["canonical_query", "path_once", "path_twice"]

# Percent-encoded in capitals, and only bytes that must be: such text equals its canonical form.
_ENCODED = rb"%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[BCDF])"
_CANONICAL_PATH = re.compile(rb"[A-Za-z0-9/_.~-]*(?:" + _ENCODED + rb"[A-Za-z0-9/_.~-]*)*")
_CANONICAL_QUERY = re.compile(rb"[A-Za-z0-9_.~&=-]*(?:" + _ENCODED + rb"[A-Za-z0-9_.~&=-]*)*")


def path_once(raw_path: bytes) -> str:
    """S3: each byte encoded once, segments left alone (keys may hold ``//`` and ``..``)."""
    if _CANONICAL_PATH.fullmatch(raw_path) is not None:
        return raw_path.decode("ascii") or "/"
    return quote_from_bytes(unquote_to_bytes(raw_path), safe="/~") or "/"


def path_twice(raw_path: bytes) -> str:
    """All other services: dot segments resolved, then what was sent is encoded again."""
    if raw_path in (b"", b"/"):
        return "/"
    kept: list[bytes] = []
    for segment in raw_path.split(b"/"):
        if segment in (b"", b"."):
            continue
        if segment == b"..":
            if kept:
                kept.pop()
            continue
        kept.append(segment)
    path = b"/" + b"/".join(kept)
    if kept and raw_path.endswith(b"/"):
        path += b"/"
    return quote_from_bytes(path, safe="/~")


def canonical_query(query: bytes, *, is_presigned: bool) -> str:
    """Parameters sorted by name and value, each encoded once; without the signature of a presigned link."""
    if not query:
        return ""
    if _CANONICAL_QUERY.fullmatch(query) is not None:
        pieces = query.decode("ascii").split("&")
        pairs = [piece.partition("=") for piece in pieces]
        is_canonical = all("=" not in value for _, _, value in pairs)
    else:
        is_canonical = False
    if is_canonical:
        listed = sorted((name, value) for name, _, value in pairs if name or value)
    else:
        listed = []
        for raw in query.split(b"&"):
            if raw:
                name, _, value = raw.replace(b"+", b" ").partition(b"=")
                listed.append((_encoded(name), _encoded(value)))
        listed.sort()
    if is_presigned:
        return "&".join([f"{name}={value}" for name, value in listed if name != "X-Amz-Signature"])
    return "&".join([f"{name}={value}" for name, value in listed])


def _encoded(raw: bytes) -> str:
    return quote_from_bytes(unquote_to_bytes(raw), safe="~")
