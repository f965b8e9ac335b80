"""AWS's REST-JSON protocol, which Lambda and the SageMaker runtime speak.

The operation is in the HTTP method and the path, and so are some members; others are in the query, in
headers, and the rest in a JSON body, or the whole body is one member. Where each one is, the model says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import orjson

from labelwright.wire.aws_json import writer_of
from labelwright.wire.model import Operation, Shape
from labelwright.wire.validate import MalformedInput, validate

__all__ = ["Answer", "Router", "parse", "path_query", "serialise", "serialise_error"]

_NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class _Route:
    """One URI template, cut at its slashes; a segment is a text, or the name of a label in a tuple."""

    name: str
    segments: tuple[str | tuple[str, bool], ...]  # (label, takes slashes too)
    constants: tuple[tuple[str, str], ...]  # of the query


class Router:
    """Finds the operation that a method and a path mean.

    Parameters
    ----------
    routes : Mapping
        Operation name to HTTP method and URI template, ``/functions/{FunctionName}/code``.
    """

    def __init__(self, routes: Mapping[str, tuple[str, str]]) -> None:
        self._by_method: dict[str, list[_Route]] = {}
        for name, (method, template) in routes.items():
            path, _, query = template.partition("?")
            pairs = tuple(_pair(part) for part in query.split("&") if part)
            route = _Route(name, tuple(map(_segment, _cut(path))), pairs)
            self._by_method.setdefault(method, []).append(route)
        for found in self._by_method.values():
            # The longer template wins, what is spelled out over a label, a query over none.
            found.sort(
                key=lambda r: (
                    -len(r.segments),
                    [isinstance(s, tuple) for s in r.segments],
                    -len(r.constants),
                )
            )

    def find(
        self, method: str, raw_path: bytes, query: Sequence[tuple[str, str]]
    ) -> tuple[str, dict[str, str]] | None:
        """The operation's name and the labels of its path, decoded; None when nothing fits.

        Parameters
        ----------
        method : str
        raw_path : bytes
            Still percent-encoded: a label may hold an encoded slash.
        query : sequence of pairs
        """
        given = _cut(raw_path.decode("latin-1"))
        for route in self._by_method.get(method, ()):
            labels = _fit(route.segments, given)
            if labels is not None and all(pair in query for pair in route.constants):
                return route.name, labels
        return None


def _cut(path: str) -> list[str]:
    return path.strip("/").split("/")


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _segment(text: str) -> str | tuple[str, bool]:
    if text.startswith("{"):
        name = text.strip("{}")
        return name.rstrip("+"), name.endswith("+")
    return text


def _fit(segments: tuple[str | tuple[str, bool], ...], given: list[str]) -> dict[str, str] | None:
    labels: dict[str, str] = {}
    for i, segment in enumerate(segments):
        if isinstance(segment, tuple) and segment[1]:  # the rest, but for what must follow
            behind = len(segments) - i - 1
            end = len(given) - behind
            if end <= i:
                return None
            rest = _fit(segments[i + 1 :], given[end:])
            if rest is None:
                return None
            return {**labels, segment[0]: unquote("/".join(given[i:end])), **rest}
        if i >= len(given):
            return None
        if isinstance(segment, tuple):
            if not given[i]:
                return None
            labels[segment[0]] = unquote(given[i])
        elif unquote(given[i]) != segment:
            return None
    return labels if len(given) == len(segments) else None


def parse(
    operation: Operation,
    *,
    labels: Mapping[str, str],
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, Any]:
    """The validated input members of a request, by wire name.

    Parameters
    ----------
    operation : Operation
    labels : Mapping
        From `Router.find`.
    query : sequence of pairs
        Decoded; names may repeat.
    headers : Mapping
        Lower-case names.
    body : bytes

    Raises
    ------
    MalformedInput, ConstraintsBroken
    """
    shape = operation.input
    if shape is None:
        return {}
    payload: str | None = shape.traits.get("payload")
    members = shape.members
    value: dict[str, Any] = {}
    located: set[str] = set()
    for name, ref in shape.traits.get("members", {}).items():
        location, wire = ref.get("location"), ref.get("locationName", name)
        if location is None:
            continue
        located.add(name)
        found = _located(members[name], location, wire, labels=labels, query=query, headers=headers)
        if found is not None:
            value[name] = found
    if payload is None:
        value |= {name: item for name, item in _object(body).items() if name not in located}
    elif members[payload].type == "blob":
        if body or payload in shape.required:
            value[payload] = body  # as it is: validation takes bytes for what base64 would mean
    elif members[payload].type == "string":
        value[payload] = body.decode("utf-8", "replace")
    elif body:
        value[payload] = _object(body)
    return validate(shape, value)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise MalformedInput(f"Could not parse request body into json: {error}") from error
    if not isinstance(value, dict):
        raise MalformedInput("The body is not a JSON object; send the members of the operation as one.")
    return value


def _located(
    shape: Shape,
    location: str,
    wire: str,
    *,
    labels: Mapping[str, str],
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
) -> Any:
    if location == "uri":
        return None if wire not in labels else _typed(shape, labels[wire], location)
    if location == "header":
        text = headers.get(wire.lower())
        return None if text is None else _typed(shape, text, location)
    if location == "headers":
        prefix = wire.lower()
        found = {k[len(prefix) :]: v for k, v in headers.items() if k.startswith(prefix)}
        return found or None
    if location == "querystring":
        if shape.type == "map":
            return dict(query) or None
        texts = [text for name, text in query if name == wire]
        if shape.type == "list":
            return [_typed(shape.member, text, location) for text in texts] or None
        return _typed(shape, texts[-1], location) if texts else None
    return None


def _typed(shape: Shape, text: str, location: str) -> Any:
    """Give a text the type its shape asks for; what does not fit stays a text and is refused later."""
    try:
        if shape.type in _NUMBERS:
            return _NUMBERS[shape.type](text)
        if shape.type == "timestamp":
            return _time(text, shape.traits.get("timestampFormat") or _default_format(location))
    except ValueError:
        return text
    if shape.type == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _default_format(location: str) -> str:
    return "rfc822" if location == "header" else "iso8601"


def _time(text: str, form: str) -> float:
    if form == "unixTimestamp":
        return float(text)
    moment = parsedate_to_datetime(text) if form == "rfc822" else datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def serialise(operation: Operation, answer: Mapping[str, Any]) -> Answer:
    """Status, headers and body of an answer.

    Raises
    ------
    KeyError, TypeError
        The handler's answer does not fit the output shape: a bug of ours.
    """
    shape = operation.output
    status, headers, body = operation.status, {"content-type": "application/json"}, b""
    if shape is None:
        return Answer(status, headers, body)
    payload: str | None = shape.traits.get("payload")
    refs, members = shape.traits.get("members", {}), shape.members
    in_body: dict[str, Any] = {}
    for name, value in answer.items():
        if value is None:
            continue
        location, wire = refs[name].get("location"), refs[name].get("locationName", name)
        if location == "statusCode":
            status = int(value)
        elif location == "header":
            headers[wire.lower()] = _header_text(members[name], value)
        elif location == "headers":
            headers.update({f"{wire}{key}".lower(): text for key, text in value.items()})
        elif name == payload:
            kind = members[name].type
            if kind == "blob":
                body = bytes(value)
            elif isinstance(value, bytes):  # events, framed already
                body, headers["content-type"] = value, "application/vnd.amazon.eventstream"
            else:
                body = value.encode() if kind == "string" else orjson.dumps(writer_of(members[name])(value))
        else:
            in_body[name] = value
    if payload is None and status != 204:
        body = orjson.dumps(writer_of(shape)(in_body))
    return Answer(status, headers, body)


def _header_text(shape: Shape, value: Any) -> str:
    if shape.type == "boolean":
        return "true" if value else "false"
    if shape.type == "timestamp":
        moment = datetime.fromtimestamp(value, UTC)
        is_iso = shape.traits.get("timestampFormat") == "iso8601"
        return moment.isoformat().replace("+00:00", "Z") if is_iso else format_datetime(moment, usegmt=True)
    return str(value)


def serialise_error(
    code: str, message: str, *, status: int, members: Mapping[str, object] | None = None
) -> bytes:
    """The body of an error; its code belongs into the header ``x-amzn-errortype`` as well."""
    kind = "Service" if status >= 500 else "User"
    common = {"__type": code, "Type": kind, "message": message, "Message": message}
    return orjson.dumps({**common, **(members or {})})


def path_query(raw: bytes) -> list[tuple[str, str]]:
    """Name and value of each part of a query, decoded."""
    pairs = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.replace(b"+", b" ").partition(b"=")
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode("utf-8", "replace")
