"""Read large JSON documents one array element at a time.

A COCO file is one object whose arrays hold millions of entries; this walks through it with memory for one
entry and a chunk of text.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

from labelwright.errors import InvalidRequest

__all__ = ["walk_document"]

_CHUNK_BYTES = 1 << 20
_VALUE_CHARACTERS_MAX = 256 << 20
_BLANKS = " \t\r\n"


def walk_document(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the members of the outermost object, and arrays among them element by element.

    Parameters
    ----------
    path : Path
        UTF-8 JSON: an object, or an array, whose elements come with the empty key.

    Yields
    ------
    tuple of (key, value)
        For each member that is no array; for each element of each that is.

    Raises
    ------
    InvalidRequest
        The file is not JSON; the message says where.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "a.json")
    ...     _ = path.write_text('{"a": [1, 2], "b": {"c": 3}}')
    ...     list(walk_document(path))
    [('a', 1), ('a', 2), ('b', {'c': 3})]
    """
    with path.open("rb") as file:
        text = _Text(file, path)
        if text.peek() == "[":
            for value in text.elements():
                yield "", value
        elif text.peek() == "{":
            text.skip()
            while text.peek() != "}":
                key = text.value()
                if not isinstance(key, str):
                    text.refuse("a key must be a string")
                text.expect(":")
                if text.peek() == "[":
                    for value in text.elements():
                        yield key, value
                else:
                    yield key, text.value()
                if text.peek() == ",":
                    text.skip()
                elif text.peek() != "}":
                    text.refuse("expected ',' or '}'")
            text.skip()
        else:
            text.refuse("expected an object or an array")
        if text.peek():
            text.refuse("expected the end of the file")


class _Text:
    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self._path = path
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._at = 0
        self._n_before = 0  # characters dropped from the buffer
        self._is_end = False

    def peek(self) -> str:
        """The next character that is no blank, or the empty string at the end."""
        while True:
            buffer, at = self._buffer, self._at
            while at < len(buffer) and buffer[at] in _BLANKS:
                at += 1
            self._at = at
            if at < len(buffer):
                return buffer[at]
            if not self._more(_CHUNK_BYTES):
                return ""

    def skip(self) -> None:
        self._at += 1

    def expect(self, character: str) -> None:
        if self.peek() != character:
            self.refuse(f"expected {character!r}")
        self.skip()

    def elements(self) -> Iterator[Any]:
        self.expect("[")
        if self.peek() == "]":
            self.skip()
            return
        while True:
            yield self.value()
            if self.peek() == "]":
                self.skip()
                return
            self.expect(",")

    def value(self) -> Any:
        self.peek()
        n_more = _CHUNK_BYTES
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                # Cut off, or wrong: only more text can tell.
                if len(self._buffer) - self._at > _VALUE_CHARACTERS_MAX or not self._more(n_more):
                    self._at = min(error.pos, len(self._buffer))
                    self.refuse(error.msg)
                n_more *= 2
                continue
            except (ValueError, RecursionError) as error:
                self.refuse(str(error)[:100])
            # A number at the end of the buffer may go on.
            if end < len(self._buffer) or not self._more(n_more):
                self._at = end
                return value

    def refuse(self, what: str) -> NoReturn:
        place = self._n_before + self._at + 1
        raise InvalidRequest(
            f"{self._path} is not the JSON that is expected: {what} at character {place}.",
            field="file",
            value=str(self._path),
        )

    def _more(self, n_bytes: int) -> bool:
        if self._is_end:
            return False
        data = self._file.read(n_bytes)
        self._is_end = not data
        try:
            text = self._decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{self._path} is not UTF-8: {error.reason}.", field="file") from error
        self._n_before += self._at
        self._buffer = self._buffer[self._at :] + text
        self._at = 0
        return bool(data) or bool(text)
