"""How numbers and objects are written into manifests."""

from __future__ import annotations

import json

import orjson

__all__ = ["dumps", "number"]

_INTEGRAL_MAX = 2.0**53  # beyond it a float no longer stands for one integer


def number(value: float) -> int | float:
    """Return integral floats as integers, anything else unchanged.

    Box coordinates follow this rule: a mean of 859.0 is written ``859``. Confidences do not: they stay
    ``0.0``.

    Examples
    --------
    >>> number(859.0), number(164.60000000000002), number(-0.0)
    (859, 164.60000000000002, 0)
    """
    if isinstance(value, float) and value.is_integer() and abs(value) <= _INTEGRAL_MAX:
        return int(value)
    return value


def dumps(value: object) -> bytes:
    """Write compact UTF-8 JSON: no blanks, keys in their order, floats in their shortest round-trip form.

    Raises
    ------
    TypeError
        The value is not JSON (NaN and infinities are not either).

    Examples
    --------
    >>> dumps({"a": [1, 0.5, 0.0], "b": "é"}).decode()
    '{"a":[1,0.5,0.0],"b":"é"}'
    """
    try:
        text = orjson.dumps(value)
    except TypeError:
        # Integers beyond 64 bits, or lone surrogates, which are written escaped.
        try:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
        except ValueError as error:
            raise TypeError(str(error)) from error
    if b"null" in text:
        _refuse_nan(value)
    return text


def _refuse_nan(value: object) -> None:
    """Raise for NaN and infinities, which orjson writes as null."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, float) and not (abs(item) <= 1.7976931348623157e308):
            raise TypeError(f"{item} is not a JSON number")
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
