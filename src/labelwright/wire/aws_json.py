"""AWS JSON 1.0 and 1.1: bodies to input members, answers and errors to bodies.

Times are epoch seconds with a fraction, blobs base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from labelwright.wire.model import Operation, Shape
from labelwright.wire.validate import MalformedInput, validate

__all__ = ["parse", "serialise", "serialise_error", "writer_of"]

Writer = Callable[[Any], Any]


def parse(operation: Operation, body: bytes) -> dict[str, Any]:
    """The validated input members of a request, by wire name.

    Raises
    ------
    MalformedInput, ConstraintsBroken
    """
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise MalformedInput(
            f"The body is not valid JSON: {error}. Send one JSON object in UTF-8."
        ) from error
    if not isinstance(value, dict):
        raise MalformedInput("The body is not a JSON object; send the members of the operation as one.")
    return validate(operation.input, value) if operation.input is not None else {}


def serialise(operation: Operation, answer: Mapping[str, Any]) -> bytes:
    """The body of an answer; empty for an operation without output.

    Raises
    ------
    KeyError, TypeError
        The handler's answer does not fit the output shape: a bug of ours.
    """
    if operation.output is None:
        return b""
    return orjson.dumps(writer_of(operation.output)(answer))


def serialise_error(code: str, message: str) -> bytes:
    """The body of an error, with the message under both spellings, so that every client finds it."""
    return orjson.dumps({"__type": code, "message": message, "Message": message})


_writers: dict[Shape, Writer] = {}


def writer_of(shape: Shape) -> Writer:
    """The compiled writer of a shape: a handler's value to what goes into the JSON text."""
    writer = _writers.get(shape)
    if writer is None:
        _writers[shape] = lambda value: _writers[shape](value)  # shapes may contain themselves
        writer = _writers[shape] = _compile(shape)
    return writer


def _compile(shape: Shape) -> Writer:
    match shape.type:
        case "structure":
            return _structure(shape)
        case "list":
            write_item = writer_of(shape.member)
            return lambda value: [write_item(item) for item in value]
        case "map":
            write_value = writer_of(shape.value)
            return lambda value: {key: write_value(item) for key, item in value.items()}
        case "timestamp":
            return lambda value: round(float(value), 3)
        case "blob":
            return lambda value: base64.b64encode(value).decode()
        case "integer" | "long":
            return int
        case _:
            return lambda value: value


def _structure(shape: Shape) -> Writer:
    writers = {name: writer_of(member) for name, member in shape.members.items()}
    name_of_shape = shape.name

    def write(value: Any) -> Any:
        result = {}
        for name, member in value.items():
            if member is not None:
                writer = writers.get(name)
                if writer is None:
                    raise KeyError(f"{name_of_shape} has no member {name}")
                result[name] = writer(member)
        return result

    return write
