"""Bytes in, lines out: where each data object lies in a manifest, and its parsed JSON object.

Decides what a line is (``\\n`` or ``\\r\\n``, a UTF-8 byte order mark skipped, blank lines allowed at the
end only) and what a usable data object is. What the attributes mean is left to
:mod:`labelwright.manifests.labels`.

Everything streams: memory is bounded by one chunk and one line.
"""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, Protocol, runtime_checkable

import orjson

from labelwright.errors import ManifestError
from labelwright.manifests.constants import (
    ATTRIBUTE_CHARACTERS_MAX,
    LINE_BYTES_MAX,
    LINE_CHARACTERS_MAX,
    METADATA_SUFFIX,
    SOURCE_KEY,
    SOURCE_REF_KEY,
)

__all__ = ["LineSpan", "Source", "chunks_of", "decode_exact", "index_lines", "parse_object"]

Source = str | os.PathLike[str] | BinaryIO | Iterable[bytes]
"""A manifest: a local path, an open binary file, or chunks of bytes cut anywhere."""

_CHUNK_BYTES = 1 << 20


class LineSpan(NamedTuple):
    """One line of a manifest and its place.

    A named tuple rather than a dataclass: a manifest may hold millions, and this is made for each.

    Attributes
    ----------
    number : int
        0-based line number, the object's ``datasetObjectId``.
    position : int
        Byte offset of the first byte of the JSON text in the file.
    length : int
        Bytes of the text, without its line end.
    raw : bytes
        The text itself.
    """

    number: int
    position: int
    length: int
    raw: bytes


def chunks_of(source: Source) -> Iterator[bytes]:
    """Yield the bytes of a manifest in chunks of at most 1 MiB (given chunks pass as they are)."""
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield from _read_chunks(file)
    elif isinstance(source, _Readable):
        yield from _read_chunks(source)
    else:
        yield from source


@runtime_checkable
class _Readable(Protocol):
    """What tells an open file from an iterable of chunks."""

    def read(self, size: int, /) -> bytes: ...


def _read_chunks(file: _Readable) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def index_lines(
    chunks: Iterable[bytes], *, on_blank: Callable[[ManifestError], None] | None = None
) -> Iterator[LineSpan]:
    """Yield the place and bytes of every line.

    Parameters
    ----------
    chunks : iterable of bytes
        The file, cut anywhere.
    on_blank : callable, optional
        Gets the error of blank lines that are followed by a line with content, instead of its being raised;
        they count in the numbers of the lines after them.

    Yields
    ------
    LineSpan
        In file order. Blank lines at the end of the file are left out.

    Raises
    ------
    ManifestError
        A blank line that is followed by a line with content; a line over ``LINE_BYTES_MAX``; a UTF-16 file.
    """
    number = 0
    position = 0
    n_blank = 0
    for lines in _line_batches(chunks):
        for line in lines:
            start, size = position, len(line)
            position += size + 1
            if line[-1:] == b"\r":
                line = line[:-1]
                size -= 1
            if start == 0:
                _refuse_utf16(line)
                if line.startswith(codecs.BOM_UTF8):
                    line = line[3:]
                    start += 3
                    size -= 3
            if not line or line.isspace():
                n_blank += 1
                continue
            if n_blank:
                error = ManifestError(
                    "the line is blank. Every line must hold one JSON object; blank lines are allowed only "
                    "at the end of the file. Remove it.",
                    line_number=number + 1,
                )
                if on_blank is None:
                    raise error
                on_blank(error)
                number += n_blank
                n_blank = 0
            yield LineSpan(number, start, size, line)
            number += 1


def _line_batches(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield lists of lines without their ``\\n``; the last line may lack one."""
    parts: list[bytes] = []  # of the line that is not complete yet
    n_pending = 0
    n_lines = 0
    for chunk in chunks:
        head, newline, rest = chunk.partition(b"\n")
        n_pending += len(head)
        if n_pending > LINE_BYTES_MAX:
            raise ManifestError(
                f"the line is longer than {LINE_BYTES_MAX} bytes. Is the file JSON Lines, one object per "
                "line ended by a line feed? Convert it first.",
                line_number=n_lines + 1,
            )
        parts.append(head)
        if not newline:
            continue
        lines = rest.split(b"\n")
        lines.insert(0, b"".join(parts))
        last = lines.pop()
        parts = [last]
        n_pending = len(last)
        n_lines += len(lines)
        yield lines
    if n_pending:
        yield [b"".join(parts)]


def _refuse_utf16(line: bytes) -> None:
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ManifestError(
            "the file starts with a UTF-16 byte order mark. Manifests are UTF-8: convert the file.",
            line_number=1,
        )


def parse_object(raw: bytes, line_number: int) -> dict[str, object]:
    """Parse one line and check the rules on input data objects.

    Parameters
    ----------
    raw : bytes
        The line without its line end.
    line_number : int
        1-based, for messages.

    Returns
    -------
    dict
        Keys in the order of the line. Integers beyond 64 bits arrive as floats; use :func:`decode_exact`
        where every digit counts.

    Raises
    ------
    ManifestError
        Not UTF-8, not JSON, not an object, a key twice, a key beginning with ``$``, neither ``source`` nor
        ``source-ref`` as a non-empty string, or over the size limits. Labels of earlier jobs and their
        metadata do not count towards the size limits, or a long label could never be chained.

    Notes
    -----
    Sizes are counted in Unicode characters: a string attribute by its own length, any other by its compact
    JSON.
    """
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        _explain_bad_json(raw, error, line_number)
    if not isinstance(data, dict):
        raise ManifestError(
            f"the line holds {_json_kind(data)}, not a JSON object. Write one object with a 'source' or "
            "'source-ref' key per line.",
            line_number=line_number,
        )
    # A key that occurs twice is lost in `data`, so writing that back has fewer quotes than the line. The two
    # excluded spellings could hide or fake a quote; they take the slow and exact way.
    if raw.count(b'"') != orjson.dumps(data).count(b'"') or b"\\u0022" in raw:
        _refuse_duplicate_keys(raw, line_number)
    if b'"$' in raw or b'"\\u0024' in raw:
        for key in data:
            if key.startswith("$"):
                raise ManifestError(
                    f"the attribute name {key!r} begins with '$', which is reserved. Rename the attribute.",
                    line_number=line_number,
                )
    source = data.get(SOURCE_KEY)
    if source is None:
        source = data.get(SOURCE_REF_KEY)
    if type(source) is not str or not source:
        _explain_bad_source(data, line_number)
    if len(raw) > ATTRIBUTE_CHARACTERS_MAX:
        _check_sizes(raw, data, line_number)
    return data


def decode_exact(raw: bytes) -> dict[str, object]:
    """Parse a line that is known to be good, keeping integers of any size (slower than :func:`parse_object`).

    Examples
    --------
    >>> decode_exact(b'{"source":"x","id":123456789012345678901}')["id"]
    123456789012345678901
    """
    data: dict[str, object] = json.loads(raw)
    return data


def _explain_bad_json(raw: bytes, error: orjson.JSONDecodeError, line_number: int) -> NoReturn:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise ManifestError(
            f"byte {problem.start + 1} of the line (0x{raw[problem.start]:02x}) is not valid UTF-8. Save the "
            "file as UTF-8.",
            line_number=line_number,
        ) from error
    reason = error.msg.partition(": line ")[0]
    raise ManifestError(
        f"the line is not valid JSON: {reason} at column {error.colno}. Write "
        "one complete JSON "
        "object per line, without line breaks inside it.",
        line_number=line_number,
    ) from error


def _explain_bad_source(data: dict[str, object], line_number: int) -> NoReturn:
    key = SOURCE_KEY if data.get(SOURCE_KEY) is not None else SOURCE_REF_KEY
    value = data.get(key)
    if value is None:
        raise ManifestError(
            "the object has neither 'source' (the text itself) nor 'source-ref' (an S3 URI). Add one of "
            "them.",
            line_number=line_number,
        )
    found = "an empty string" if value == "" else _json_kind(value)
    wanted = "the text to label" if key == SOURCE_KEY else "the S3 URI of the file to label"
    raise ManifestError(
        f"'{key}' is {found}. It must be a non-empty string: {wanted}.", line_number=line_number
    )


def _refuse_duplicate_keys(raw: bytes, line_number: int) -> None:
    def check(pairs: list[tuple[str, object]]) -> dict[str, object]:
        result = dict(pairs)
        if len(result) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    raise ManifestError(
                        f"the key {key!r} occurs twice in one object, so that its value is ambiguous. "
                        "Keep one of the two.",
                        line_number=line_number,
                    )
                seen.add(key)
        return result

    # Numbers are not needed here, and Python refuses to read integers of thousands of digits.
    json.loads(raw, object_pairs_hook=check, parse_int=str, parse_float=str)


def _check_sizes(raw: bytes, data: dict[str, object], line_number: int) -> None:
    earlier = earlier_label_keys(data)
    n_excused = 0
    for key, value in data.items():
        if len(raw) <= ATTRIBUTE_CHARACTERS_MAX:
            break
        n_characters = len(value) if isinstance(value, str) else len(orjson.dumps(value).decode())
        if key in earlier:
            n_excused += n_characters + len(key) + 4  # quotes, colon, comma
        elif n_characters > ATTRIBUTE_CHARACTERS_MAX:
            raise ManifestError(
                f"the attribute {key!r} has {n_characters} characters; at most {ATTRIBUTE_CHARACTERS_MAX} "
                "are "
                "allowed. Shorten it, or put the data into a file and refer to it by 'source-ref'.",
                line_number=line_number,
            )
    if len(raw) > LINE_CHARACTERS_MAX:
        n_characters = len(raw.decode()) - n_excused
        if n_characters > LINE_CHARACTERS_MAX:
            raise ManifestError(
                f"the line has {n_characters} characters; at most {LINE_CHARACTERS_MAX} are allowed "
                "(labels of "
                "earlier jobs not counted). Move data that workers do not need out of the manifest.",
                line_number=line_number,
            )


def earlier_label_keys(data: Mapping[str, object]) -> set[str]:
    """Return the keys that hold labels of earlier jobs, with the keys of their metadata.

    A label is known by its metadata: an object ``<name>-metadata`` whose ``type`` begins with
    ``groundtruth/``.
    """
    keys: set[str] = set()
    for key, value in data.items():
        if key.endswith(METADATA_SUFFIX) and isinstance(value, dict):
            kind = value.get("type")
            if isinstance(kind, str) and kind[:12].lower() == "groundtruth/":
                keys.add(key)
                keys.add(key.removesuffix(METADATA_SUFFIX))
    return keys


def _json_kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
