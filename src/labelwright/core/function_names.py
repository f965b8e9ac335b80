"""What names a function: a name, an ARN or a part of one, with or without a qualifier."""

from __future__ import annotations

import dataclasses
import re

from labelwright.errors import InvalidRequest

__all__ = ["FUNCTION_NAME_CHARS_MAX", "FunctionName", "parse_function_name"]

FUNCTION_NAME_CHARS_MAX = 64

_NAME = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


@dataclasses.dataclass(frozen=True, slots=True)
class FunctionName:
    """A parsed name; ``region``, ``account`` and ``qualifier`` are None when they were not given."""

    name: str
    region: str | None = None
    account: str | None = None
    qualifier: str | None = None


def parse_function_name(text: str, *, field: str = "FunctionName") -> FunctionName:
    """Parse what names a function.

    Raises
    ------
    InvalidRequest
        When it is none of the forms, or the name is too long.

    Examples
    --------
    >>> parse_function_name("arn:aws:lambda:eu-west-1:000000000000:function:votes:live")
    FunctionName(name='votes', region='eu-west-1', account='000000000000', qualifier='live')
    >>> parse_function_name("votes").name
    'votes'
    """
    match = _NAME.fullmatch(text)
    if match is None or len(match["name"]) > FUNCTION_NAME_CHARS_MAX:
        raise InvalidRequest(
            f"{field} {text[:200]!r} names no function; give a name of at most {FUNCTION_NAME_CHARS_MAX} "
            "letters, digits, hyphens and underscores, or arn:aws:lambda:<region>:<account>:function:<name>.",
            field=field,
            value=text,
        )
    return FunctionName(match["name"], match["region"], match["account"], match["qualifier"])
