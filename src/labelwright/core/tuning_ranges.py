"""Hyperparameter ranges: from the strings of a request to the unit interval, and back to strings.

Search algorithms see every numeric hyperparameter as a number ``u`` in [0, 1]. With the lowest value *a* and
the highest *b*::

    Linear               x = a + u (b - a)
    Logarithmic          x = a (b / a)^u                        0 < a
    ReverseLogarithmic   1 - x = (1 - a) ((1 - b) / (1 - a))^u  0 <= a, b < 1; fine steps near 1
    Auto                 Logarithmic where 0 < a and b / a >= 100, else Linear

Integers are drawn from the same laws over [a - 1/2, b + 1/2] and rounded, so that the first and the last one
are as likely as those between them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from labelwright.errors import InvalidRequest

__all__ = [
    "Categorical",
    "Continuous",
    "Integer",
    "Range",
    "Scaling",
    "Space",
    "from_unit",
    "n_combinations",
    "parse_ranges",
    "to_unit",
]

Scaling = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]

_AUTO_LOGARITHMIC_RATIO = 100.0
_TUNABLE_MAX = 30


@dataclasses.dataclass(frozen=True, slots=True)
class Continuous:
    """Real numbers in [low, high]."""

    name: str
    low: float
    high: float
    scaling: Scaling


@dataclasses.dataclass(frozen=True, slots=True)
class Integer:
    """Whole numbers in [low, high]."""

    name: str
    low: int
    high: int
    scaling: Scaling


@dataclasses.dataclass(frozen=True, slots=True)
class Categorical:
    """One of some texts, as they are given."""

    name: str
    values: tuple[str, ...]


Range = Continuous | Integer | Categorical
Space = tuple[Range, ...]
"""The ranges of one training job definition, in the order in which they are listed."""


def parse_ranges(given: Mapping[str, Any]) -> Space:
    """Read ``ParameterRanges``.

    Raises
    ------
    InvalidRequest
        A number that is none, bounds in the wrong order, values that a scaling cannot take, a name that is
        there twice, or not between 1 and 30 hyperparameters.

    Examples
    --------
    >>> parse_ranges({"IntegerParameterRanges": [{"Name": "layers", "MinValue": "2", "MaxValue": "8"}]})
    (Integer(name='layers', low=2, high=8, scaling='Linear'),)
    """
    if given.get("AutoParameters"):
        raise InvalidRequest(
            "ParameterRanges.AutoParameters are not supported; give a range for each hyperparameter.",
            field="ParameterRanges.AutoParameters",
        )
    ranges: list[Range] = []
    for item in given.get("IntegerParameterRanges") or ():
        ranges.append(_integer(item))
    for item in given.get("ContinuousParameterRanges") or ():
        ranges.append(_continuous(item))
    for item in given.get("CategoricalParameterRanges") or ():
        values = tuple(item["Values"])
        if len(set(values)) < len(values):
            raise _broken(item["Name"], values, "must not list a value twice")
        ranges.append(Categorical(item["Name"], values))
    names = [each.name for each in ranges]
    for name in names:
        if names.count(name) > 1:
            raise _broken(name, None, "must have one range only")
    if not 1 <= len(ranges) <= _TUNABLE_MAX:
        raise InvalidRequest(
            f"ParameterRanges names {len(ranges)} hyperparameters; it must name 1 to {_TUNABLE_MAX}.",
            field="ParameterRanges",
            value=len(ranges),
        )
    return tuple(ranges)


def from_unit(each: Continuous | Integer, u: float) -> str:
    """The text of the value at ``u`` in [0, 1].

    Examples
    --------
    >>> from_unit(Continuous("lr", 1e-4, 1e-2, "Logarithmic"), 0.5)
    '0.001'
    >>> from_unit(Integer("layers", 2, 8, "Linear"), 1.0)
    '8'
    """
    low, high = _bounds(each)
    match each.scaling:
        case "Logarithmic":
            value = math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        case "ReverseLogarithmic":
            value = -math.expm1(math.log1p(-low) + u * (math.log1p(-high) - math.log1p(-low)))
        case _:
            value = low + u * (high - low)
    if isinstance(each, Integer):
        return str(min(max(round(value), each.low), each.high))
    # Twelve digits are more than anybody tunes, and keep 0.001 from becoming 0.0010000000000000002.
    return repr(min(max(float(f"{value:.12g}"), each.low), each.high))


def to_unit(each: Range, text: str) -> float | int | None:
    """Where a value lies: ``u`` in [0, 1], or the index of a category; None when it is not in the range."""
    if isinstance(each, Categorical):
        return each.values.index(text) if text in each.values else None
    try:
        value = float(text)
    except ValueError:
        return None
    if not each.low <= value <= each.high:
        return None
    low, high = _bounds(each)
    match each.scaling:
        case "Logarithmic":
            low, high, value = math.log(low), math.log(high), math.log(value)
        case "ReverseLogarithmic":
            low, high, value = math.log1p(-low), math.log1p(-high), math.log1p(-value)
        case _:
            pass
    return 0.0 if low == high else min(max((value - low) / (high - low), 0.0), 1.0)


def n_combinations(space: Sequence[Range]) -> int:
    """How many points a grid over categories has."""
    return math.prod(len(each.values) for each in space if isinstance(each, Categorical))


def _bounds(each: Continuous | Integer) -> tuple[float, float]:
    if isinstance(each, Integer):
        return each.low - 0.5, each.high + 0.5
    return each.low, each.high


def _integer(item: Mapping[str, str]) -> Integer:
    name = item["Name"]
    try:
        low, high = int(item["MinValue"]), int(item["MaxValue"])
    except ValueError as error:
        raise _broken(
            name, (item["MinValue"], item["MaxValue"]), "must have whole numbers as bounds"
        ) from error
    if item.get("ScalingType") == "ReverseLogarithmic":
        raise _broken(name, "ReverseLogarithmic", "is of whole numbers, so this ScalingType is not for it")
    return Integer(name, low, high, _scaling(name, item.get("ScalingType"), float(low), float(high)))


def _continuous(item: Mapping[str, str]) -> Continuous:
    name = item["Name"]
    try:
        low, high = float(item["MinValue"]), float(item["MaxValue"])
    except ValueError as error:
        raise _broken(name, (item["MinValue"], item["MaxValue"]), "must have numbers as bounds") from error
    if not (math.isfinite(low) and math.isfinite(high)):
        raise _broken(name, (item["MinValue"], item["MaxValue"]), "must have finite bounds")
    return Continuous(name, low, high, _scaling(name, item.get("ScalingType"), low, high))


def _scaling(name: str, asked: str | None, low: float, high: float) -> Scaling:
    if low > high:
        raise _broken(name, (low, high), "must have a MinValue that is not above its MaxValue")
    match asked:
        case "Logarithmic":
            if low <= 0:
                raise _broken(name, low, "must have values above 0 for the ScalingType Logarithmic")
            return "Logarithmic"
        case "ReverseLogarithmic":
            if low < 0 or high >= 1:
                raise _broken(
                    name, (low, high), "must lie in 0 <= x < 1 for the ScalingType ReverseLogarithmic"
                )
            return "ReverseLogarithmic"
        case "Linear":
            return "Linear"
        case _:
            return "Logarithmic" if low > 0 and high / low >= _AUTO_LOGARITHMIC_RATIO else "Linear"


def _broken(name: str, value: object, rule: str) -> InvalidRequest:
    shown = "" if value is None else f" (given: {value!r})"
    return InvalidRequest(
        f"The range of hyperparameter {name!r} {rule}{shown}.", field=name, value=value, rule=rule
    )
