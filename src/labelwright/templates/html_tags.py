"""Start tags of an HTML document with the places of their attributes, so that single values can be replaced.

Follows the HTML tokenizer as far as tags are concerned: comments, declarations and the contents of
``script``, ``style`` and the like hold no tags. Linear in the length of the document.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Attribute", "Declaration", "StartTag", "scan"]

_NAME: Final = re.compile(r"[A-Za-z][^\s/>]*")
_BEFORE_ATTRIBUTE: Final = re.compile(r"[\s/]*")
_ATTRIBUTE_NAME: Final = re.compile(r"[^\s/>][^\s/>=]*")
_EQUALS: Final = re.compile(r"\s*=\s*")
_UNQUOTED: Final = re.compile(r"[^\s>]*")
_RAW_TEXT: Final = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: name in lower case, decoded value, and where the value with its quotes stands."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StartTag:
    """A start tag: name in lower case and its place, ``<`` to ``>``."""

    name: str
    start: int
    end: int
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A ``<!DOCTYPE ...>``."""

    start: int
    end: int


def scan(document: str) -> Iterator[StartTag | Declaration]:
    """Yield doctypes and start tags in document order.

    Examples
    --------
    >>> [tag.name for tag in scan("<p>a<b class=x>c</b><!-- <i> --><script>'<u>'</script>")]
    ['p', 'b', 'script']
    """
    position = 0
    while (position := document.find("<", position)) >= 0:
        following = document[position + 1 : position + 2]
        if following in ("!", "?", "/"):
            end = _skip_markup(document, position)
            if document[position : position + 9].lower() == "<!doctype":
                yield Declaration(position, end)
            position = end
        elif name := _NAME.match(document, position + 1):
            tag = _start_tag(document, position, name)
            if tag is None:
                return  # the document ends within the tag, which then is none
            yield tag
            position = tag.end
            if tag.name in _RAW_TEXT:
                position = _skip_raw_text(document, tag.name, position)
            elif tag.name == "plaintext":
                return
        else:
            position += 1


def _skip_markup(document: str, start: int) -> int:
    """Return where a comment, declaration or end tag ends."""
    if document.startswith("<!--", start):
        if document.startswith((">", "->"), start + 4):
            return document.find(">", start) + 1
        end = document.find("-->", start + 4)
        end = end + 3 if end >= 0 else len(document)
        other = document.find("--!>", start + 4, end)  # no further, or many comments would take long
        return other + 4 if other >= 0 else end
    end = document.find(">", start)
    return end + 1 if end >= 0 else len(document)


def _start_tag(document: str, start: int, name: re.Match[str]) -> StartTag | None:
    attributes: list[Attribute] = []
    position = name.end()
    while True:
        position = _skip(_BEFORE_ATTRIBUTE, document, position)
        if position >= len(document):
            return None
        if document[position] == ">":
            return StartTag(name[0].lower(), start, position + 1, tuple(attributes))
        end = _skip(_ATTRIBUTE_NAME, document, position)
        attribute = document[position:end].lower()
        position = end
        equals = _EQUALS.match(document, position)
        if equals is None:
            attributes.append(Attribute(attribute, "", position, position))
            continue
        position = equals.end()
        quote = document[position : position + 1]
        if quote in ('"', "'"):
            end = document.find(quote, position + 1) + 1
            if end == 0:
                return None
            value = document[position + 1 : end - 1]
        else:
            end = _skip(_UNQUOTED, document, position)
            value = document[position:end]
        attributes.append(Attribute(attribute, html.unescape(value), position, end))
        position = end


def _skip(pattern: re.Pattern[str], document: str, position: int) -> int:
    match = pattern.match(document, position)
    return match.end() if match else position


def _skip_raw_text(document: str, name: str, position: int) -> int:
    match = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(document, position)
    return match.start() if match else len(document)
