"""AWS's query protocol, which STS, IAM and older CloudWatch clients speak: form fields in, XML out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from labelwright.wire.model import Operation, Shape
from labelwright.wire.validate import MalformedInput, validate

__all__ = ["fields", "parse", "serialise", "serialise_error"]


def fields(body: bytes) -> dict[str, str]:
    """The form fields of a body; the last one of a name counts.

    Raises
    ------
    MalformedInput
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=2000)
    except (UnicodeDecodeError, ValueError) as error:
        raise MalformedInput(
            f"The body is not application/x-www-form-urlencoded UTF-8 with at most 2000 fields: {error}."
        ) from error
    return dict(pairs)


def parse(operation: Operation, form: Mapping[str, str]) -> dict[str, Any]:
    """The validated input members of a request, by wire name.

    Parameters
    ----------
    form : mapping
        What `fields` returned: ``Tags.member.1.Key`` and so on.

    Raises
    ------
    MalformedInput, ConstraintsBroken
    """
    if operation.input is None:
        return {}
    tree: dict[str, Any] = {}
    for name, text in form.items():
        if name in ("Action", "Version"):
            continue
        node = tree
        *parents, last = name.split(".")
        if len(parents) > 16:
            raise MalformedInput(f"The parameter {name[:80]!r} is nested too deeply.")
        for parent in parents:
            child = node.setdefault(parent, {})
            if not isinstance(child, dict):
                raise MalformedInput(f"The parameter {name[:80]!r} contradicts another one.")
            node = child
        node[last] = text
    return validate(operation.input, _typed(operation.input, tree))


def _typed(shape: Shape, node: Any) -> Any:
    """Give the text of a form the types that the shape asks for; what does not fit stays text."""
    match shape.type:
        case "structure" if isinstance(node, dict):
            members = shape.members
            return {name: _typed(members[name], child) for name, child in node.items() if name in members}
        case "list" if isinstance(node, dict):
            items = node if shape.traits.get("flattened") else node.get("member", {})
            if not isinstance(items, dict):
                return items
            ordered = sorted((int(k), v) for k, v in items.items() if k.isascii() and k.isdigit())
            return [_typed(shape.member, item) for _, item in ordered]
        case "map" if isinstance(node, dict):
            entries = node if shape.traits.get("flattened") else node.get("entry", {})
            if not isinstance(entries, dict):
                return entries
            return {
                entry.get("key", ""): _typed(shape.value, entry.get("value"))
                for entry in entries.values()
                if isinstance(entry, dict)
            }
        case "list" if node == "":
            return []
        case "map" if node == "":
            return {}
        case "boolean":
            return {"true": True, "false": False}.get(node, node) if isinstance(node, str) else node
        case "integer" | "long" | "float" | "double":
            return _parsed_number(node, float if shape.type in ("float", "double") else int)
        case "timestamp":
            return _parsed_time(node)
        case _:
            return node


def _parsed_number(node: Any, kind: type[int] | type[float]) -> Any:
    try:
        return kind(node)
    except (TypeError, ValueError):
        return node


def _parsed_time(node: Any) -> Any:
    try:
        moment = datetime.fromisoformat(node)
    except (TypeError, ValueError):
        return node
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def serialise(operation: Operation, answer: Mapping[str, Any], request_id: str) -> bytes:
    """The XML body of an answer."""
    namespace = operation.service.xml_namespace
    result = "" if operation.output is None else "".join(_members(operation.output, answer))
    wrapper = operation.result_wrapper
    if wrapper:
        result = f"<{wrapper}>{result}</{wrapper}>"
    return (
        f'<{operation.name}Response xmlns="{namespace}">{result}<ResponseMetadata><RequestId>{request_id}'
        f"</RequestId></ResponseMetadata></{operation.name}Response>"
    ).encode()


def serialise_error(code: str, message: str, *, status: int, request_id: str, namespace: str = "") -> bytes:
    """The XML body of an error."""
    xmlns = f' xmlns="{namespace}"' if namespace else ""
    sender = "Receiver" if status >= 500 else "Sender"
    return (
        f"<ErrorResponse{xmlns}><Error><Type>{sender}</Type><Code>{code}</Code><Message>{_text(message)}"
        f"</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()


def _members(shape: Shape, value: Mapping[str, Any]) -> list[str]:
    members = shape.members
    return [_element(name, members[name], member) for name, member in value.items() if member is not None]


def _element(name: str, shape: Shape, value: Any) -> str:
    match shape.type:
        case "structure":
            inner = "".join(_members(shape, value))
        case "list":
            inner = "".join(_element("member", shape.member, item) for item in value)
        case "map":
            inner = "".join(
                f"<entry>{_element('key', shape.key, key)}{_element('value', shape.value, item)}</entry>"
                for key, item in value.items()
            )
        case "timestamp":
            inner = (
                datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            )
        case "blob":
            inner = base64.b64encode(value).decode()
        case "boolean":
            inner = "true" if value else "false"
        case _:
            inner = _text(str(value))
    return f"<{name}>{inner}</{name}>"


def _text(text: str) -> str:
    # XML 1.0 has no way at all to write most control characters.
    return escape("".join(c if c >= " " or c in "\t\n" else "�" for c in text))
