"""XML from strangers: no document type, so no entities and nothing fetched; bounded depth and size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NoReturn
from xml.etree.ElementTree import Element
from xml.parsers import expat

from labelwright.errors import InvalidRequest

__all__ = ["child_number", "child_text", "children_of_root"]

_DEPTH_MAX = 32
_ELEMENT_CHARACTERS_MAX = 256 << 20


def children_of_root(chunks: Iterable[bytes], *, root: str, place: str) -> Iterator[Element]:
    """Yield the children of the root element one by one, each with all that is in it.

    Parameters
    ----------
    chunks : iterable of bytes
        The document, cut anywhere.
    root : str
        The name that the root must have.
    place : str
        For messages.

    Raises
    ------
    InvalidRequest
        Not well-formed, another root, a document type declaration, nested too deep, or an element too large.
    """
    reader = _Reader(root, place)
    for chunk in chunks:
        yield from reader.feed(chunk, is_last=False)
    yield from reader.feed(b"", is_last=True)


class _Reader:
    def __init__(self, root: str, place: str) -> None:
        self._root = root
        self._place = place
        self._stack: list[Element] = []
        self._done: list[Element] = []
        self._n_characters = 0
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser

    def feed(self, chunk: bytes, *, is_last: bool) -> list[Element]:
        self._done = []
        try:
            self._parser.Parse(chunk, is_last)
        except expat.ExpatError as error:
            self._refuse(f"not well-formed: {expat.ErrorString(error.code)} in line {error.lineno}")
        return self._done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self._stack)
        if depth == 0 and name != self._root:
            self._refuse(f"the root element is <{name[:40]}>, not <{self._root}>")
        if depth >= _DEPTH_MAX:
            self._refuse(f"nested deeper than {_DEPTH_MAX} elements")
        self._count(len(name) + sum(len(key) + len(value) for key, value in attributes.items()) + 100)
        element = Element(name, attributes)
        if depth > 1:
            self._stack[-1].append(element)
        self._stack.append(element)

    def _end(self, name: str) -> None:
        element = self._stack.pop()
        if len(self._stack) == 1:
            self._done.append(element)
            self._n_characters = 0

    def _text(self, text: str) -> None:
        if len(self._stack) > 1:
            self._count(len(text))
            element = self._stack[-1]
            if not len(element):
                element.text = (element.text or "") + text

    def _doctype(self, *_: object) -> None:
        self._refuse("it has a document type declaration, which could define entities. Remove <!DOCTYPE ...>")

    def _count(self, n_characters: int) -> None:
        self._n_characters += n_characters
        if self._n_characters > _ELEMENT_CHARACTERS_MAX:
            self._refuse("one element is too large")

    def _refuse(self, why: str) -> NoReturn:
        raise InvalidRequest(f"{self._place} is not the XML that is expected: {why}.", field="file")


def child_text(element: Element, name: str) -> str:
    """The text of a child element; empty where there is none."""
    return (element.findtext(name) or "").strip()


def child_number(element: Element, name: str, *, place: str) -> float:
    """The number in a child element.

    Raises
    ------
    InvalidRequest
        There is none, or it is no finite number.
    """
    text = child_text(element, name)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise InvalidRequest(f"{place}: <{name}> is {text[:40]!r}, not a number.", field=name, value=text)
    return value
