"""XML both ways: the documents we answer, and the few that clients send."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from labelwright.s3.problems import S3Problem

__all__ = ["document", "element", "error_document", "iso_time", "parse", "text_of", "url_encoded"]

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_ESCAPES: dict[int, str] = {n: f"&#x{n:x};" for n in range(32)} | {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
    0x7F: "&#x7f;",
    0xFFFE: "&#xfffe;",
    0xFFFF: "&#xffff;",
}
_SPECIAL = re.compile('[\x00-\x1f&<>"\x7f\ufffe\uffff]')


def escape(text: str) -> str:
    """Text as XML; characters that XML cannot hold become references, as S3 writes them."""
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def element(name: str, value: object) -> str:
    """One element with text. Booleans become ``true`` and ``false``."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    return f"<{name}>{escape(str(value))}</{name}>"


def document(root: str, pieces: Iterable[str]) -> bytes:
    """A whole document in S3's namespace; ``pieces`` are XML already."""
    return f'{_HEAD}<{root} xmlns="{_NAMESPACE}">{"".join(pieces)}</{root}>'.encode()


def error_document(
    *, code: str, message: str, resource: str, request_id: str, details: Mapping[str, str]
) -> bytes:
    """The Error document."""
    pieces = [element("Code", code), element("Message", message)]
    pieces += [element(name, value) for name, value in details.items()]
    pieces += [element("Resource", resource), element("RequestId", request_id)]
    return f"{_HEAD}<Error>{''.join(pieces)}</Error>".encode("utf-8", "replace")


def iso_time(when: float) -> str:
    """``2026-01-31T23:59:59.123Z`` of epoch seconds."""
    ms = round(when * 1000)
    return f"{_iso_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=4096)
def _iso_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def url_encoded(text: str) -> str:
    """What ``encoding-type=url`` asks for."""
    return quote(text, safe="/~")


def parse(body: bytes, root: str) -> ElementTree.Element:
    """A document that a client sent, without namespaces.

    Raises
    ------
    S3Problem
        ``MalformedXML`` when it is no XML, has a DTD, or another root element.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise S3Problem("MalformedXML", "The XML you provided has a document type definition; remove it.")
    try:
        tree = ElementTree.fromstring(body)  # noqa: S314 - no DTD, so no entities; expat limits the rest
    except ElementTree.ParseError as error:
        raise S3Problem(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema: "
            f"{error}.",
        ) from error
    for node in tree.iter():
        node.tag = node.tag.rpartition("}")[2]
    if tree.tag != root:
        raise S3Problem("MalformedXML", f"The XML you provided must be a {root}, it is a {tree.tag[:60]!r}.")
    return tree


def text_of(node: ElementTree.Element, name: str, default: str = "") -> str:
    """Text of a child, without blanks around it."""
    found = node.find(name)
    return default if found is None or found.text is None else found.text.strip()
