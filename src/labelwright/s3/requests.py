"""One request as the operations see it, and the answer they give."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from labelwright.s3.documents import document
from labelwright.s3.problems import S3Problem
from labelwright.wire.sigv4 import Verified

__all__ = [
    "Answer",
    "Receive",
    "Request",
    "Send",
    "bucket_and_key",
    "header_map",
    "parse_query",
    "xml_answer",
]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]


@dataclasses.dataclass(slots=True)
class Request:
    """A verified request.

    Attributes
    ----------
    bucket, key : str
        Empty when the path names none.
    query : dict
        First value of each parameter, decoded.
    headers : mapping
        Lower-case names, values decoded as Latin-1.
    """

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: Mapping[str, str]
    verified: Verified
    receive: Receive
    now: float
    request_id: str

    def number(self, name: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
        """A whole number from the query.

        Raises
        ------
        S3Problem
            ``InvalidArgument`` naming the parameter.
        """
        text = self.query.get(name, "")
        if text == "":
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 10) or not least <= int(text) <= most:
            raise S3Problem(
                "InvalidArgument",
                f"{name}={text[:40]!r} must be a whole number from {least} to {most}.",
                ArgumentName=name,
                ArgumentValue=text[:40],
            )
        return int(text)


@dataclasses.dataclass(slots=True)
class Answer:
    """Status, headers, and a body that is bytes or, for what is large, an iterator of pieces."""

    status: int = 200
    headers: list[Header] = dataclasses.field(default_factory=list)
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    # Length that HEAD announces without a body.
    length: int | None = None


def xml_answer(
    root: str, pieces: list[str], *, status: int = 200, headers: list[Header] | None = None
) -> Answer:
    """An answer that is a document."""
    return Answer(status, [(b"content-type", b"application/xml"), *(headers or [])], document(root, pieces))


def header_map(raw: list[Header]) -> dict[str, str]:
    """Headers of an ASGI scope by name; repeated ones joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1")
        value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def parse_query(query: bytes) -> dict[str, str]:
    """Parameters by name; the first of a repeated one wins; names without a value map to the empty string.

    Raises
    ------
    S3Problem
        ``InvalidURI`` when a value is not UTF-8.
    """
    values: dict[str, str] = {}
    for piece in query.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            values.setdefault(_text(name.replace(b"+", b" ")), _text(value.replace(b"+", b" ")))
    return values


def bucket_and_key(raw_path: bytes, host: str, base_hosts: tuple[str, ...]) -> tuple[str, str]:
    """Bucket and key of a request: from the path, or the bucket from the host name.

    Parameters
    ----------
    raw_path : bytes
        As sent.
    host : str
        Host header.
    base_hosts : tuple of str
        Names of this server; ``<bucket>.<name>`` is virtual-host style.

    Examples
    --------
    >>> bucket_and_key(b"/data/a%20b", "127.0.0.1:8400", ("localhost",))
    ('data', 'a b')
    >>> bucket_and_key(b"/a//b", "data.localhost:8400", ("localhost",))
    ('data', 'a//b')
    """
    name = host.rpartition(":")[0] if ":" in host else host
    if not name[:1].isdigit() and name not in base_hosts:
        for base in base_hosts:
            if name.endswith(base) and name[: -len(base)].endswith("."):
                return name[: -len(base) - 1], _text(raw_path[1:])
    bucket, _, key = raw_path[1:].partition(b"/")
    return _text(bucket), _text(key)


def _text(raw: bytes) -> str:
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise S3Problem("InvalidURI", "Couldn't parse the specified URI: it is not UTF-8.") from error
