"""What values are and how they compare.

Values are those of JSON as Python holds them, `datetime` for timestamps, and `MISSING` for a key that is not
there. Whatever an operator cannot take (null, MISSING, another type) makes its result null; the only thing
that is ever MISSING is a path, or a CASE or COALESCE that passes one on.
"""

from __future__ import annotations

import enum
import math
import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from labelwright.selection import moments

__all__ = ["MISSING", "arithmetic", "as_integer", "cast", "compared", "equal", "is_number", "text_of"]


class _Missing(enum.Enum):
    MISSING = "MISSING"


MISSING: Final = _Missing.MISSING
"""The value of a key that is not there."""

_ORDERED = ((int, float), str, datetime)
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][+-]?[0-9]{1,4})?", re.ASCII
)


def is_number(value: object) -> bool:
    """Whether it is a number; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_integer(value: object) -> int | None:
    """An integer, or None for everything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def equal(left: object, right: object) -> bool | None:
    """Equality; None when either side is null or MISSING, False when the types differ.

    Examples
    --------
    >>> equal(1, 1.0), equal("1", 1), equal(True, 1), equal(None, None)
    (True, False, False, None)
    """
    if left is None or right is None or left is MISSING or right is MISSING:
        return None
    return _same(left, right)


def _same(left: object, right: object) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    return bool(left == right)


def compared(operator: str, left: object, right: object) -> bool | None:
    """``<``, ``<=``, ``>`` or ``>=``; None unless both are numbers, strings, booleans or timestamps.

    Strings compare by code point.
    """
    if not any(isinstance(left, kind) and isinstance(right, kind) for kind in _ORDERED):
        return None
    if isinstance(left, bool) is not isinstance(right, bool):
        return None
    a: Any = left
    b: Any = right
    match operator:
        case "<":
            return bool(a < b)
        case "<=":
            return bool(a <= b)
        case ">":
            return bool(a > b)
    return bool(a >= b)


def arithmetic(operator: str, left: object, right: object) -> int | float | None:
    """``+ - * / %`` of two numbers, else None; dividing by zero gives None.

    Two integers give an integer; their quotient is cut towards zero and the remainder has the sign of the
    left side. A result beyond the range of floats gives None.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return None
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    if operator in "/%" and right == 0:
        return None
    try:
        match operator:
            case "+":
                result = left + right
            case "-":
                result = left - right
            case "*":
                result = left * right
            case "/":
                if isinstance(left, int) and isinstance(right, int):
                    return _quotient(left, right)
                result = left / right
            case _:
                if isinstance(left, int) and isinstance(right, int):
                    return left - right * _quotient(left, right)
                result = math.fmod(left, right)
    except (OverflowError, ValueError):
        return None
    return result if isinstance(result, int) or math.isfinite(result) else None


def _quotient(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def cast(value: object, kind: str, precision: int, scale: int) -> object:
    """CAST; None where the value has no such form.

    Examples
    --------
    >>> cast("12", "int", -1, -1), cast(4.9, "int", -1, -1), cast("twelve", "int", -1, -1)
    (12, 4, None)
    >>> cast("2.345", "decimal", 5, 2)
    2.35
    """
    match kind:
        case "bool":
            return _as_bool(value)
        case "int":
            return _as_int(value)
        case "float":
            return _as_float(value)
        case "decimal":
            return _as_decimal(value, precision, scale)
        case "timestamp":
            return moments.parsed(value) if isinstance(value, str) else _timestamp(value)
    return text_of(value)


def _timestamp(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _as_bool(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return None


def _as_int(value: object) -> int | None:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else None
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return None


def _as_float(value: object) -> float | None:
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
            number = float(value)
        else:
            return None
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _as_decimal(value: object, precision: int, scale: int) -> int | float | None:
    number = _as_float(value)
    if number is None:
        return None
    if precision < 0:
        return number
    n_decimals = max(scale, 0)
    try:
        exact = Decimal(value) if isinstance(value, str) else Decimal(repr(number))
        rounded = exact.quantize(Decimal(1).scaleb(-n_decimals), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        return None
    if len(rounded.as_tuple().digits) > precision:
        return None
    return int(rounded) if n_decimals == 0 else float(rounded)


def text_of(value: object) -> str | None:
    """The text that CAST(x AS string) makes; None for null, MISSING, arrays and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return moments.iso(value)
    return None
