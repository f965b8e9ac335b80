"""JSON values that follow one another with blanks between them, however they are laid out in lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from labelwright.selection.problems import QueryError

__all__ = ["DOCUMENT_BYTES_MAX", "documents"]

DOCUMENT_BYTES_MAX = 64 << 20


def documents(chunks: Iterable[bytes]) -> Iterator[Any]:
    """Parse all values of a text.

    Raises
    ------
    QueryError
        Not UTF-8, not JSON, or above `DOCUMENT_BYTES_MAX`.

    Examples
    --------
    >>> list(documents([b'{"a":', b'1}\\n[2', b"]"]))
    [{'a': 1}, [2]]
    """
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > DOCUMENT_BYTES_MAX:
            raise QueryError(
                f"The document is larger than {DOCUMENT_BYTES_MAX >> 20} MiB; only JSON Lines are read as a "
                "stream. Use the type LINES.",
                code="OverMaxRecordSize",
            )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QueryError(
            f"The input is not UTF-8 (byte {error.start + 1}). Save the file as UTF-8.",
            code="InvalidTextEncoding",
        ) from error
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    position = 0
    while True:
        position = _after_blanks(text, position)
        if position == len(text):
            return
        try:
            value, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError, ValueError) as error:
            place = (
                f"line {error.lineno}, column {error.colno}"
                if isinstance(error, json.JSONDecodeError)
                else ""
            )
            raise QueryError(
                f"The input is not valid JSON{f' at {place}' if place else ''}. Mend the file.",
                code="JSONParsingError",
            ) from error
        yield value


def _after_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
