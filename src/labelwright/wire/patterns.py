r"""The service models' regular expressions, which are Java's, as Python predicates that need a full match.

Java's ``\w``, ``\d`` and ``\s`` are ASCII; ``\p{L}`` and friends are Unicode categories, which `re` does not
know. For a pattern that uses them, the value's non-ASCII characters are first replaced by one stand-in per
category, and the classes by those stand-ins with their ASCII members: one pass, and no table of a million
code points.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

__all__ = ["predicate"]

_CLASS = re.compile(r"\\p\{(\w+)\}")
_PAIR = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)  # UTF-16, as Java writes
_END = re.compile(r"(?<!\\)((?:\\\\)*)\\z")  # the end of the text, which Python writes \\Z
_POSIX = {
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Lower": "a-z",
    "Print": r"\x20-\x7e",
    "Upper": "A-Z",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
    "XDigit": "0-9a-fA-F",
    "ASCII": r"\x00-\x7f",
}
# One private-use character per major category. A private-use character of the value becomes that of C.
_STAND_INS = {major: chr(0xE000 + number) for number, major in enumerate("LMNPSZC")}


@cache
def predicate(pattern: str) -> Callable[[str], bool]:
    r"""A function that says whether a whole string matches the pattern.

    Raises
    ------
    re.error
        The pattern uses something that Python cannot express.

    Examples
    --------
    >>> is_tag_key = predicate(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)")
    >>> is_tag_key("Größe 5"), is_tag_key("a!b")
    (True, False)
    """
    uses_categories = _CLASS.search(pattern) is not None
    translated = _escape_nested(
        _CLASS.sub(_members, _PAIR.sub(_code_point, _END.sub(r"\1\\Z", _bracketed(pattern))))
    )
    match = re.compile(translated, re.ASCII).fullmatch
    if not uses_categories:
        return lambda value: match(value) is not None
    return lambda value: match(value if value.isascii() else _stand_in(value)) is not None


def _bracketed(pattern: str) -> str:
    r"""Put ``\p{...}`` into brackets where it stands alone, for it becomes a list of ranges.

    >>> _bracketed(r"\p{L}[\p{N}x]")
    '[\\p{L}][\\p{N}x]'
    """
    parts: list[str] = []
    depth = position = 0
    while position < len(pattern):
        found = _CLASS.match(pattern, position)
        if found is not None:
            parts.append(found.group() if depth else f"[{found.group()}]")
            position = found.end()
            continue
        size = 2 if pattern[position] == "\\" else 1
        depth += {"[": 1, "]": -1}.get(pattern[position], 0) if size == 1 else 0
        parts.append(pattern[position : position + size])
        position += size
    return "".join(parts)


def _stand_in(value: str) -> str:
    return "".join(c if c < "\x80" else _STAND_INS[unicodedata.category(c)[0]] for c in value)


def _code_point(match: re.Match[str]) -> str:
    high, low = (int(half, 16) for half in match.groups())
    return f"\\U{0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF):08x}"


def _members(match: re.Match[str]) -> str:
    name = match.group(1)
    if name in _POSIX:
        return _POSIX[name]
    if name not in _STAND_INS:
        raise re.error(f"unknown character class \\p{{{name}}}")
    ascii_members = (chr(code) for code in range(128) if unicodedata.category(chr(code))[0] == name)
    return "".join(re.escape(c) for c in ascii_members) + _STAND_INS[name]


def _escape_nested(pattern: str) -> str:
    """Escape ``[`` inside a character class, where Python warns that it may once mean a nested set."""
    out: list[str] = []
    inside = False
    position = 0
    while position < len(pattern):
        c = pattern[position]
        if c == "\\":
            out.append(pattern[position : position + 2])
            position += 2
            continue
        if c == "[":
            out.append("\\[" if inside else "[")
            inside = True
        else:
            out.append(c)
            if c == "]" and inside:
                inside = False
        position += 1
    return "".join(out)
