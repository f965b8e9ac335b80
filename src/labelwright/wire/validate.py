"""Parsed input against its shape: types, required members, lengths, ranges, patterns, enums, unions.

A shape is compiled once into a closure that converts and checks in one pass and collects every violation,
worded as AWS words them. Members that the shape does not have are ignored, as AWS does, and so are nulls.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from labelwright.errors import LabelwrightError
from labelwright.wire.model import Shape
from labelwright.wire.patterns import predicate

__all__ = ["ConstraintsBroken", "MalformedInput", "reader_of", "validate"]

# Path of a value from the inside out: (parent path, segment). Only violations pay for writing it down.
Path = tuple[Any, str] | None
Reader = Callable[[Any, Path, "_Found"], Any]

_MAX_LISTED = 20
_MAX_SHOWN = 160
# Longest value that a pattern is asked about where the shape sets no limit itself: some patterns of the
# models take quadratic time.
_MAX_MATCHED = 2048


class MalformedInput(LabelwrightError):
    """The input cannot be read: it is not the format of the protocol, or a member has another type."""


class ConstraintsBroken(LabelwrightError):
    """Members break constraints of the service model.

    Attributes
    ----------
    violations : list of str
        ``Value '...' at 'camelCase.path' failed to satisfy constraint: Member must ...``
    """

    def __init__(self, violations: list[str], n_violations: int | None = None) -> None:
        count = len(violations) if n_violations is None else n_violations
        plural = "" if count == 1 else "s"
        super().__init__(f"{count} validation error{plural} detected: {'; '.join(violations)}")
        self.violations = violations


class _Found:
    """What was found wrong so far."""

    __slots__ = ("malformed", "n_violations", "violations")

    def __init__(self) -> None:
        self.malformed: list[str] = []
        self.violations: list[str] = []
        self.n_violations = 0

    def breaks(self, value: Any, path: Path, rule: str, *, is_sensitive: bool = False) -> None:
        self.n_violations += 1
        if len(self.violations) < _MAX_LISTED:
            shown = "" if is_sensitive else " null" if value is None else f" '{_shown(value)}'"
            self.violations.append(
                f"Value{shown} at '{_written(path)}' failed to satisfy constraint: Member must {rule}"
            )

    def is_not(self, value: Any, path: Path, expected: str) -> None:
        if len(self.malformed) < _MAX_LISTED:
            self.malformed.append(
                f"{_json_type(value)} at '{_written(path)}' can not be converted to {expected}"
            )


def validate(shape: Shape, value: Any) -> dict[str, Any]:
    """Check an input structure and convert it: times to epoch seconds, blobs to bytes.

    Parameters
    ----------
    shape : Shape
        A structure.
    value : object
        What the protocol's parser made of the body.

    Returns
    -------
    dict
        Wire names to values; absent and null members are left out.

    Raises
    ------
    MalformedInput
        Some value has the wrong type.
    ConstraintsBroken
        All types are right but some constraints are not met.
    """
    found = _Found()
    result: dict[str, Any] = reader_of(shape)(value, None, found)
    if found.malformed:
        raise MalformedInput("; ".join(found.malformed))
    if found.violations:
        raise ConstraintsBroken(found.violations, found.n_violations)
    return result


_readers: dict[Shape, Reader] = {}


def reader_of(shape: Shape) -> Reader:
    """The compiled reader of a shape; compiled on first use."""
    reader = _readers.get(shape)
    if reader is None:
        # A shape may contain itself: until its reader is there, look it up when it is called.
        _readers[shape] = lambda value, path, found: _readers[shape](value, path, found)
        reader = _readers[shape] = _COMPILERS[shape.type](shape)
    return reader


def _structure(shape: Shape) -> Reader:
    members = [
        (name, name[:1].lower() + name[1:], reader_of(member), name in shape.required)
        for name, member in shape.members.items()
    ]
    is_union = bool(shape.traits.get("union"))

    def read(value: Any, path: Path, found: _Found) -> Any:
        if type(value) is not dict:
            found.is_not(value, path, "a structure")
            return {}
        result = {}
        for name, segment, reader, is_required in members:
            member = value.get(name)
            if member is not None:
                result[name] = reader(member, (path, segment), found)
            elif is_required:
                found.breaks(None, (path, segment), "not be null")
        if is_union and len(result) != 1:
            found.breaks(value, path, f"have exactly one of its members set; {len(result)} are set")
        return result

    return read


def _list(shape: Shape) -> Reader:
    read_item = reader_of(shape.member)
    check = _length_check(shape)

    def read(value: Any, path: Path, found: _Found) -> Any:
        if type(value) is not list:
            found.is_not(value, path, "a list")
            return []
        check(value, path, found)
        result = []
        for number, item in enumerate(value, 1):
            place = (path, f"{number}.member")
            if item is None:
                found.breaks(None, place, "not be null")
            else:
                result.append(read_item(item, place, found))
        return result

    return read


def _map(shape: Shape) -> Reader:
    read_key, read_value = reader_of(shape.key), reader_of(shape.value)
    check = _length_check(shape)

    def read(value: Any, path: Path, found: _Found) -> Any:
        if type(value) is not dict:
            found.is_not(value, path, "a map")
            return {}
        check(value, path, found)
        result = {}
        for key, item in value.items():
            read_key(key, (path, "key"), found)
            if item is not None:
                result[key] = read_value(item, (path, f"{_shown(key)}.member"), found)
        return result

    return read


def _string(shape: Shape) -> Reader:
    pattern = shape.traits.get("pattern")
    check = _length_check(shape, implied_max=_MAX_MATCHED if pattern is not None else None)
    matches = predicate(pattern) if pattern is not None else None
    choices: list[str] = shape.traits.get("enum", [])
    allowed = frozenset(choices)
    is_sensitive = bool(shape.traits.get("sensitive"))

    def read(value: Any, path: Path, found: _Found) -> Any:
        if type(value) is not str:
            found.is_not(value, path, "a String")
            return ""
        # A pattern is only asked about a value of allowed length: no input makes it slow.
        if check(value, path, found) and matches is not None and not matches(value):
            rule = f"satisfy regular expression pattern: {pattern}"
            found.breaks(value, path, rule, is_sensitive=is_sensitive)
        if allowed and value not in allowed:
            found.breaks(value, path, f"satisfy enum value set: [{', '.join(choices)}]")
        return value

    return read


def _length_check(shape: Shape, implied_max: int | None = None) -> Callable[[Any, Path, _Found], bool]:
    low, high = shape.traits.get("min"), shape.traits.get("max", implied_max)
    is_sensitive = bool(shape.traits.get("sensitive"))

    def check(value: Any, path: Path, found: _Found) -> bool:
        length = len(value)
        if high is not None and length > high:
            rule = f"have length less than or equal to {high}"
        elif low is not None and length < low:
            rule = f"have length greater than or equal to {low}"
        else:
            return True
        found.breaks(value, path, rule, is_sensitive=is_sensitive)
        return False

    if low is None and high is None:
        return lambda value, path, found: True
    return check


def _number(shape: Shape) -> Reader:
    is_whole = shape.type in ("integer", "long")
    expected = {"integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double"}[
        shape.type
    ]
    bits = 31 if shape.type == "integer" else 63
    low, high = shape.traits.get("min"), shape.traits.get("max")

    def read(value: Any, path: Path, found: _Found) -> Any:
        kind = type(value)
        if is_whole:
            if kind is float and value.is_integer():
                value = int(value)
            elif kind is not int:
                found.is_not(value, path, expected)
                return 0
            if not -(1 << bits) <= value < (1 << bits):
                found.is_not(value, path, expected)
                return 0
        elif kind is str and value in ("NaN", "Infinity", "-Infinity"):
            value = float(value.replace("Infinity", "inf"))
        elif kind is not int and kind is not float:
            found.is_not(value, path, expected)
            return 0
        if high is not None and value > high:
            found.breaks(value, path, f"have value less than or equal to {high}")
        elif low is not None and value < low:
            found.breaks(value, path, f"have value greater than or equal to {low}")
        return value

    return read


def _boolean(_shape: Shape) -> Reader:
    def read(value: Any, path: Path, found: _Found) -> Any:
        if type(value) is not bool:
            found.is_not(value, path, "a Boolean")
            return False
        return value

    return read


def _timestamp(_shape: Shape) -> Reader:
    # Years 1 to 9999: what the clients can write down again.
    low, high = -62135596800.0, 253402300799.999

    def read(value: Any, path: Path, found: _Found) -> Any:
        if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
            found.is_not(value, path, "a Timestamp (a number of seconds since 1970)")
            return 0.0
        return float(value)

    return read


def _blob(shape: Shape) -> Reader:
    check = _length_check(shape)

    def read(value: Any, path: Path, found: _Found) -> Any:
        try:
            data = value if type(value) is bytes else base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            found.is_not(value, path, "a Blob (base64 text)")
            return b""
        check(data, path, found)
        return data

    return read


_COMPILERS: Mapping[str, Callable[[Shape], Reader]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}


def _written(path: Path) -> str:
    segments = []
    while path is not None:
        path, segment = path
        segments.append(segment)
    return ".".join(reversed(segments))


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, list):
        text = f"[{', '.join(_shown(item) for item in value[:10])}{', ...' if len(value) > 10 else ''}]"
    elif isinstance(value, dict):
        text = orjson.dumps(value).decode()
    else:
        text = str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _json_type(value: Any) -> str:
    match value:
        case bool():
            return "TRUE_VALUE" if value else "FALSE_VALUE"
        case str():
            return "STRING_VALUE"
        case int() | float():
            return "NUMBER_VALUE"
        case list():
            return "START_ARRAY"
        case dict():
            return "START_OBJECT"
        case _:
            return "NULL_VALUE"
