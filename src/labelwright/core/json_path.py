"""The JSONPath of batch transform's filters: a small part of the language, on parsed JSON.

::

    $                 the whole document
    .name ['name']    a member of an object
    .* [*]            all members of an object, all elements of an array
    ['a','b']         several members: an object of them
    [0] [-1]          an element of an array, counted from its end when negative
    [1,3]             several elements: an array of them
    [a:b]             the elements from a up to and without b

What follows ``*``, ``[1,3]`` or ``[a:b]`` is taken of each of the selected values; the answer is an array
then. Several names may only come last. Elements and members that are not there are errors; a slice takes
those that are there.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final, assert_never

from labelwright.errors import InvalidRequest

__all__ = ["JsonPath", "PathNotFound"]

LENGTH_MAX: Final = 63
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$\-]*")
_INDEX = re.compile(r"-?\d{1,9}")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


class PathNotFound(InvalidRequest):
    """A value has nothing at the path."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Names:
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Indexes:
    indexes: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Slice:
    start: int | None
    stop: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class _All:
    pass


_Step = _Names | _Indexes | _Slice | _All


class JsonPath:
    """A parsed path.

    Parameters
    ----------
    text : str
        At most 63 characters.

    Attributes
    ----------
    text : str
    is_whole : bool
        Whether it is ``$``, which selects the document itself.
    is_positional : bool
        Whether it has indexes, slices and ``*`` only, so that it fits the columns of CSV.

    Raises
    ------
    InvalidRequest
        It is no such path.

    References
    ----------
    S. Goessner, "JSONPath - XPath for JSON", 2007. Slices exclude their end, as there.

    Examples
    --------
    >>> JsonPath("$[0,-1]").select(["7", "a", "b", "0.9"])
    ['7', '0.9']
    >>> JsonPath("$['id','SageMakerOutput']").select({"id": 7, "x": [1], "SageMakerOutput": {"label": 1}})
    {'id': 7, 'SageMakerOutput': {'label': 1}}
    >>> JsonPath("$.boxes[*].score").select({"boxes": [{"score": 0.9}, {"score": 0.4}]})
    [0.9, 0.4]
    """

    __slots__ = ("_steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LENGTH_MAX:
            raise _malformed(text, f"it has {len(text)} characters and may have {LENGTH_MAX}")
        self._steps = _parse(text)

    @property
    def is_whole(self) -> bool:
        """Whether the path is ``$``."""
        return not self._steps

    @property
    def is_positional(self) -> bool:
        """Whether no step asks for a member by its name."""
        return not any(isinstance(step, _Names) for step in self._steps)

    def select(self, document: Any) -> Any:
        """What the document has at the path; the document is not changed.

        Raises
        ------
        PathNotFound
            A member or an element is not there, or a step does not fit the value it is applied to.
        """
        values, is_one = [document], True
        for step in self._steps:
            selected: list[Any] = []
            for value in values:
                selected += self._step(step, value)
            values = selected
            is_one = is_one and (
                isinstance(step, _Names) or (isinstance(step, _Indexes) and len(step.indexes) == 1)
            )
        return values[0] if is_one else values

    def _step(self, step: _Step, value: Any) -> list[Any]:
        match step:
            case _Names():
                if not isinstance(value, dict):
                    raise self._absent(f"{_kind(value)} has no members")
                missing = [name for name in step.names if name not in value]
                if missing:
                    raise self._absent(f"there is no member {missing[0]!r}")
                if len(step.names) == 1:
                    return [value[step.names[0]]]
                return [{name: value[name] for name in step.names}]
            case _Indexes():
                elements = self._elements(value)
                for index in step.indexes:
                    if not -len(elements) <= index < len(elements):
                        raise self._absent(f"there is no element {index} among {len(elements)}")
                return [elements[index] for index in step.indexes]
            case _Slice():
                return self._elements(value)[step.start : step.stop]
            case _All():
                return list(value.values()) if isinstance(value, dict) else list(self._elements(value))
            case _:
                assert_never(step)

    def _elements(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self._absent(f"{_kind(value)} has no elements")
        return value

    def _absent(self, what: str) -> PathNotFound:
        return PathNotFound(
            f"The path {self.text} does not fit the record: {what}.", field="JSONPath", value=self.text
        )


def _parse(text: str) -> tuple[_Step, ...]:
    if not text.startswith("$"):
        raise _malformed(text, "it must begin with $")
    steps: list[_Step] = []
    at = 1
    while at < len(text):
        if steps and isinstance(steps[-1], _Names) and len(steps[-1].names) > 1:
            raise _malformed(text, "several names may only come last")
        if text[at] == "[":
            step, at = _bracket(text, at + 1)
        elif text.startswith(".*", at):
            step, at = _All(), at + 2
        elif text[at] == "." and (name := _NAME.match(text, at + 1)):
            step, at = _Names((name[0],)), name.end()
        else:
            raise _malformed(text, f"{text[at:]!r} is no step; write .name, .*, or [...]")
        steps.append(step)
    return tuple(steps)


def _bracket(text: str, at: int) -> tuple[_Step, int]:
    stop = at
    if text.startswith("*]", at):
        return _All(), at + 2
    if text[at : at + 1] in ("'", '"'):
        names = []
        while True:
            quoted = _QUOTED.match(text, stop)
            if quoted is None:
                raise _malformed(text, "a name in brackets needs quotes on both sides")
            names.append(re.sub(r"\\(.)", r"\1", quoted[1] if quoted[1] is not None else quoted[2]))
            stop = _spaces(text, quoted.end())
            if text[stop : stop + 1] != ",":
                break
            stop = _spaces(text, stop + 1)
        return _Names(tuple(dict.fromkeys(names))), _close(text, stop)
    stop = text.find("]", at)
    inside = text[at : stop if stop >= 0 else len(text)].replace(" ", "")
    if ":" in inside:
        ends = inside.split(":")
        if len(ends) != 2 or any(end and not _INDEX.fullmatch(end) for end in ends):
            raise _malformed(text, f"[{inside}] is no slice [start:end]")
        first, last = (int(end) if end else None for end in ends)
        return _Slice(first, last), _close(text, stop)
    parts = inside.split(",")
    if not all(_INDEX.fullmatch(part) for part in parts):
        raise _malformed(text, f"[{inside}] holds neither numbers, names in quotes, a slice nor *")
    return _Indexes(tuple(int(part) for part in parts)), _close(text, stop)


def _close(text: str, at: int) -> int:
    if at < 0 or text[at : at + 1] != "]":
        raise _malformed(text, "a bracket is not closed")
    return at + 1


def _spaces(text: str, at: int) -> int:
    while text[at : at + 1] == " ":
        at += 1
    return at


def _kind(value: Any) -> str:
    return {dict: "an object", list: "an array", str: "a string", type(None): "null"}.get(
        type(value), "a number or boolean"
    )


def _malformed(text: str, what: str) -> InvalidRequest:
    return InvalidRequest(
        f"{text!r} is not a JSONPath that filters understand: {what}. Supported are $, .name, ['a','b'], "
        "[0], [0,-1], [1:3] and *.",
        field="JSONPath",
        value=text,
    )
