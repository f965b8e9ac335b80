"""The output manifest: the input lines with the labels of a job put in.

The values of the input pass through as bytes, so numbers keep their spelling and their digits. Only blanks
between tokens are dropped and non-ASCII characters unescaped, and only in lines that get a label.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import orjson

from labelwright.errors import ManifestError
from labelwright.manifests.constants import METADATA_SUFFIX
from labelwright.manifests.lines import index_lines

__all__ = ["merge_labels", "merge_line"]

_BLOCK_BYTES = 256 * 1024
_STRING_OR_BLANK = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+', re.DOTALL)
_BLANKS = b" \t\r\n"
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|.)", re.DOTALL)
# Only the ends of the values are wanted; their numbers stay text.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def merge_labels(
    input_chunks: Iterable[bytes],
    labels: Iterable[tuple[int, bytes]],
    *,
    label_attribute_name: str | None = None,
) -> Iterator[bytes]:
    """Write an output manifest as a stream.

    Parameters
    ----------
    input_chunks : iterable of bytes
        The input manifest, cut anywhere.
    labels : iterable of (int, bytes)
        ``(object number, content)`` in ascending order of the 0-based line number. The content is a compact
        JSON object of the keys that go to the end of the line: label and metadata, or metadata alone for a
        failed object.
    label_attribute_name : str, optional
        The job's attribute; it and its metadata are dropped from lines that get a new content. Without it
        these names are derived from the keys of the content that end in ``-metadata``.

    Yields
    ------
    bytes
        Blocks of complete lines, each ended by ``\\n``, about 256 KiB each. A line without a label is a
        byte-equal copy of the input line.

    Raises
    ------
    ManifestError
        The input is not line-structured (see :func:`~labelwright.manifests.index_lines`).
    ValueError
        The labels are not in ascending order, or name a line that the input does not have.
    """
    pending = iter(labels)
    next_no, content = next(pending, (-1, b""))
    block: list[bytes] = []
    n_block_bytes = 0
    for number, _, length, raw in index_lines(input_chunks):
        if number == next_no:
            try:
                raw = merge_line(raw, content, label_attribute_name=label_attribute_name)
            except ValueError as error:
                raise ManifestError(f"cannot put the label in: {error}", line_number=number + 1) from error
            length = len(raw)
            following, content = next(pending, (-1, b""))
            if 0 <= following <= number:
                raise ValueError(f"labels must come in ascending order, got {following} after {number}")
            next_no = following
        block.append(raw)
        n_block_bytes += length
        if n_block_bytes >= _BLOCK_BYTES:
            block.append(b"")
            yield b"\n".join(block)
            block = []
            n_block_bytes = 0
    if block:
        block.append(b"")
        yield b"\n".join(block)
    if next_no >= 0:
        raise ValueError(
            f"there is a label for line number {next_no}, which the input manifest does not have"
        )


def merge_line(raw: bytes, content: bytes, *, label_attribute_name: str | None = None) -> bytes:
    """Put the keys of ``content`` at the end of one line, in place of older ones of the same names.

    Examples
    --------
    >>> merge_line(b'{"source": "x", "n": 1.50, "a": 3}', b'{"a":1,"a-metadata":{}}').decode()
    '{"source":"x","n":1.50,"a":1,"a-metadata":{}}'
    """
    keys = orjson.loads(content)
    if not isinstance(keys, dict) or content[:1] != b"{" or content[-1:] != b"}":
        raise ValueError(f"the content of a label must be a compact JSON object, not {content[:40]!r}")
    replaced, quoted = _replaced_names(tuple(keys), label_attribute_name)
    # Most lines hold none of these names, which a substring search tells without parsing; an escaped spelling
    # of a name needs a backslash.
    if b"\\" in raw or any(name in raw for name in quoted):
        raw = _without_keys(raw, replaced)
    raw = _compact(raw)
    if content == b"{}":
        return raw
    if raw == b"{}":
        return content
    return raw[:-1] + b"," + content[1:]


@lru_cache(maxsize=64)
def _replaced_names(
    keys: tuple[str, ...], label_attribute_name: str | None
) -> tuple[frozenset[str], tuple[bytes, ...]]:
    """Return the names to drop from the input line, plain and as they stand in JSON without escapes."""
    names = set(keys)
    names.update(key.removesuffix(METADATA_SUFFIX) for key in keys if key.endswith(METADATA_SUFFIX))
    if label_attribute_name is not None:
        names |= {label_attribute_name, label_attribute_name + METADATA_SUFFIX}
    return frozenset(names), tuple(f'"{name}"'.encode() for name in sorted(names))


def _compact(raw: bytes) -> bytes:
    """Drop blanks between tokens and unescape characters beyond ASCII; keep every other byte."""
    written = orjson.dumps(orjson.loads(raw))
    if written == raw:
        return raw
    # Writing it anew may respell numbers and escapes. Where only blanks differ it did not, and is quick.
    if written.translate(None, _BLANKS) == raw.translate(None, _BLANKS):
        return written
    raw = _STRING_OR_BLANK.sub(rb"\1", raw)
    return _ESCAPE.sub(_unescaped, raw) if b"\\u" in raw else raw


def _without_keys(raw: bytes, names: frozenset[str]) -> bytes:
    """Cut members out of the text of an object; all else keeps its spelling."""
    text = raw.decode()
    members: list[str] = []
    i = _skip_blank(text, text.index("{") + 1)
    while text[i] != "}":
        start = i
        key, i = _DECODER.raw_decode(text, i)
        i = _skip_blank(text, i)
        if text[i] != ":":
            raise ValueError(f"expected ':' at column {i + 1}")
        _, i = _DECODER.raw_decode(text, _skip_blank(text, i + 1))
        if key not in names:
            members.append(text[start:i])
        i = _skip_blank(text, i)
        if text[i] == ",":
            i = _skip_blank(text, i + 1)
    return ("{" + ",".join(members) + "}").encode()


def _skip_blank(text: str, i: int) -> int:
    while text[i] in " \t\r\n":
        i += 1
    return i


def _unescaped(match: re.Match[bytes]) -> bytes:
    """Turn an escaped character beyond ASCII into UTF-8; keep every other escape as it is spelled."""
    if match[1] is None:
        return match[0]
    unit = int(match[1], 16)
    if 0xD800 <= unit < 0xDC00 and match[2] is not None:
        unit = 0x10000 + ((unit - 0xD800) << 10) + (int(match[2], 16) - 0xDC00)
        return chr(unit).encode()
    if unit < 0x80 or 0xD800 <= unit < 0xE000:
        return match[0]
    # Not a surrogate pair after all: what follows is an escape of its own, and a lone low surrogate.
    return chr(unit).encode() + (b"\\u" + match[2] if match[2] is not None else b"")
