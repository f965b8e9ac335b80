"""Evaluation of expressions on one parsed row, by closures made once per query.

This is the definition of what a query means; the vectorised plan may only ever say the same, faster.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, assert_never

from labelwright.selection import functions, patterns
from labelwright.selection.tree import (
    Aggregate,
    Arithmetic,
    Between,
    Call,
    Case,
    Cast,
    Compare,
    Expression,
    In,
    Index,
    Is,
    Key,
    Like,
    Literal,
    Logic,
    Negative,
    Not,
    Path,
)
from labelwright.selection.values import MISSING, arithmetic, cast, compared, equal

__all__ = ["Evaluator", "compile_expression", "lookup"]

Evaluator = Callable[[Any], Any]
"""From a row to the value of an expression."""

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def lookup(container: Any, step: Key | Index) -> Any:
    """Follow one step of a path; MISSING where it leads nowhere.

    An unquoted name takes the key that is spelled the same, else the first one that differs in the case of
    the letters A to Z only.
    """
    if isinstance(step, Index):
        if isinstance(container, list) and step.position < len(container):
            return container[step.position]
        return MISSING
    if not isinstance(container, dict):
        return MISSING
    value = container.get(step.name, MISSING)
    if value is MISSING and not step.is_exact:
        wanted = step.name.translate(_LOWER)
        for key, other in container.items():
            if len(key) == len(wanted) and key.translate(_LOWER) == wanted:
                return other
    return value


def compile_expression(expression: Expression, *, now: float) -> Evaluator:
    """Make a function from a row to the expression's value.

    Parameters
    ----------
    expression : Expression
    now : float
        Epoch seconds, for UTCNOW.

    Returns
    -------
    callable
        Conditions give True, False or None for unknown; paths may give `MISSING`.
    """
    make = partial(compile_expression, now=now)
    match expression:
        case Literal(constant):
            return lambda row: constant
        case Path(steps):
            return _path(steps)
        case Negative(operand):
            inner = make(operand)
            return lambda row: arithmetic("-", 0, inner(row))
        case Arithmetic(operator, left, right):
            a, b = make(left), make(right)
            return lambda row: arithmetic(operator, a(row), b(row))
        case Compare(operator, left, right):
            return _compare(operator, make(left), make(right))
        case Logic(operator, operands):
            return (_all if operator == "and" else _any)([make(operand) for operand in operands])
        case Not(operand):
            inner = make(operand)
            return lambda row: None if (value := _truth(inner(row))) is None else not value
        case In(operand, items):
            inner = make(operand)
            choices = [make(item) for item in items]
            return lambda row: _in(inner(row), [choice(row) for choice in choices])
        case Between(operand, low, high):
            inner, a, b = make(operand), make(low), make(high)
            return _all(
                [
                    lambda row: compared(">=", inner(row), a(row)),
                    lambda row: compared("<=", inner(row), b(row)),
                ]
            )
        case Like(operand, pattern):
            inner, matches = make(operand), patterns.matcher(pattern)
            return lambda row: matches(value) if isinstance(value := inner(row), str) else None
        case Is(operand, what):
            inner = make(operand)
            if what == "missing":
                return lambda row: inner(row) is MISSING
            return lambda row: (value := inner(row)) is None or value is MISSING
        case Case(branches, otherwise):
            return _case([(make(when), make(then)) for when, then in branches], make(otherwise))
        case Cast(operand, kind, precision, scale):
            inner = make(operand)
            return lambda row: cast(inner(row), kind, precision, scale)
        case Call(name, arguments):
            return _call(name, [make(argument) for argument in arguments], now)
        case Aggregate(name):
            raise TypeError(f"{name} has no value on one row")
    assert_never(expression)


def _path(steps: tuple[Key | Index, ...]) -> Evaluator:
    if not steps:
        return lambda row: row
    if len(steps) == 1 and isinstance(steps[0], Key) and steps[0].is_exact:
        name = steps[0].name
        return lambda row: row.get(name, MISSING) if type(row) is dict else MISSING

    def follow(row: Any) -> Any:
        for step in steps:
            row = lookup(row, step)
            if row is MISSING:
                return MISSING
        return row

    return follow


def _compare(operator: str, left: Evaluator, right: Evaluator) -> Evaluator:
    if operator == "=":
        return lambda row: equal(left(row), right(row))
    if operator == "<>":
        return lambda row: None if (same := equal(left(row), right(row))) is None else not same
    return lambda row: compared(operator, left(row), right(row))


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _all(parts: list[Evaluator]) -> Evaluator:
    def every(row: Any) -> bool | None:
        result: bool | None = True
        for part in parts:
            value = part(row)
            if value is False:
                return False
            if value is not True:
                result = None
        return result

    return every


def _any(parts: list[Evaluator]) -> Evaluator:
    def some(row: Any) -> bool | None:
        result: bool | None = False
        for part in parts:
            value = part(row)
            if value is True:
                return True
            if value is not False:
                result = None
        return result

    return some


def _in(value: Any, choices: list[Any]) -> bool | None:
    result: bool | None = False
    for choice in choices:
        same = equal(value, choice)
        if same:
            return True
        if same is None:
            result = None
    return result


def _case(branches: list[tuple[Evaluator, Evaluator]], otherwise: Evaluator) -> Evaluator:
    def choose(row: Any) -> Any:
        for when, then in branches:
            if when(row) is True:
                return then(row)
        return otherwise(row)

    return choose


def _call(name: str, arguments: list[Evaluator], now: float) -> Evaluator:
    match name:
        case "UTCNOW":
            moment = datetime.fromtimestamp(now, UTC)
            return lambda row: moment
        case "COALESCE":
            return partial(_coalesce, arguments)
        case "NULLIF":
            first, second = arguments
            return lambda row: None if equal(value := first(row), second(row)) else value
    function = functions.apply(name)
    if len(arguments) == 1:
        (only,) = arguments
        return lambda row: function(only(row))
    return lambda row: function(*[argument(row) for argument in arguments])


def _coalesce(arguments: list[Evaluator], row: Any) -> Any:
    value = None
    for argument in arguments:
        value = argument(row)
        if value is not None and value is not MISSING:
            return value
    return value
