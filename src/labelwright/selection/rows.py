"""From one line to what a query answers for it: rows of FROM, WHERE, the SELECT list, aggregates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from labelwright.selection import moments
from labelwright.selection.evaluate import Evaluator, compile_expression, lookup
from labelwright.selection.problems import QueryError
from labelwright.selection.tree import (
    Aggregate,
    Arithmetic,
    Call,
    Cast,
    Compare,
    Expression,
    Is,
    Literal,
    Negative,
    Not,
    Query,
    Step,
    Wildcard,
)
from labelwright.selection.values import MISSING, compared, is_number

__all__ = ["RowPlan", "parse_line"]


def parse_line(line: bytes, line_number: int) -> Any:
    """The value of one line.

    Raises
    ------
    QueryError
        ``InvalidTextEncoding`` or ``JSONParsingError``, naming the line.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            line.decode()
        except UnicodeDecodeError as problem:
            raise QueryError(
                f"Line {line_number} of the input is not UTF-8 (byte {problem.start + 1} of the line). Save "
                "the file as UTF-8.",
                code="InvalidTextEncoding",
            ) from error
        reason = error.msg.partition(": line ")[0]
        raise QueryError(
            f"Line {line_number} of the input is not valid JSON: {reason} at column {error.colno}. Mend or "
            "remove the line.",
            code="JSONParsingError",
        ) from error


class RowPlan:
    """What a query does with one parsed line.

    Parameters
    ----------
    query : Query
    now : float
        Epoch seconds, for UTCNOW.
    """

    def __init__(self, query: Query, *, now: float) -> None:
        self._root = query.root
        self._where: Evaluator | None = None
        if query.where is not None:
            self._where = compile_expression(query.where, now=now)
        self._items = query.items
        self._columns: list[tuple[str, Evaluator]] = []
        self._totals: list[tuple[str, _Total]] = []
        if query.is_aggregate:
            self._totals = [(i.name, _Total(i.expression, now)) for i in query.items or ()]
        else:
            self._columns = [(i.name, compile_expression(i.expression, now=now)) for i in query.items or ()]

    def holds(self, row: Any) -> bool:
        """Whether WHERE is true of a row."""
        return self._where is None or self._where(row) is True

    def rows(self, line: Any) -> Iterator[Any]:
        """The rows that FROM makes of a line."""
        return _expand(line, self._root) if self._root else iter((line,))

    def answer(self, row: Any) -> bytes:
        """The row's place in the result: JSON, without a line end."""
        if self._items is None:
            if row is MISSING:
                return b"{}"
            return _json(row if isinstance(row, dict) else {"_1": row})
        values = ((name, column(row)) for name, column in self._columns)
        return _json({name: value for name, value in values if value is not MISSING})

    def add(self, row: Any) -> None:
        """Count a row into the aggregates."""
        for _, total in self._totals:
            total.add(row)

    def add_lines(self, n_lines: int) -> bool:
        """Count lines without looking into them; False when the aggregates need to see them."""
        if not all(total.counts_rows for _, total in self._totals):
            return False
        for _, total in self._totals:
            total.n_rows += n_lines
        return True

    def total(self) -> bytes:
        """The one row of an aggregate query."""
        return _json({name: total.value() for name, total in self._totals})


def _expand(value: Any, steps: Sequence[Step]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, Wildcard):
        # What is no array stands for itself, as an array of one.
        for element in value if isinstance(value, list) else (value,):
            yield from _expand(element, rest)
    else:
        yield from _expand(MISSING if value is MISSING else lookup(value, step), rest)


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=_other, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _other(value: Any) -> Any:
    if isinstance(value, datetime):
        return moments.iso(value)
    if isinstance(value, int):  # beyond 64 bits
        return float(value)
    if value is MISSING:
        return None
    raise TypeError(type(value).__name__)


class _Total:
    """An expression over aggregates, while rows are counted."""

    def __init__(self, expression: Expression, now: float) -> None:
        self._expression = expression
        self._now = now
        self._states: dict[Aggregate, _State] = {}
        self._collect(expression)
        self.n_rows = 0

    @property
    def counts_rows(self) -> bool:
        """Whether there is nothing but COUNT(*)."""
        return all(aggregate.operand is None for aggregate in self._states)

    def add(self, row: Any) -> None:
        self.n_rows += 1
        for state in self._states.values():
            state.add(row)

    def value(self) -> Any:
        expression = self._put_in(self._expression)
        return compile_expression(expression, now=self._now)({})

    def _collect(self, expression: Expression) -> None:
        if isinstance(expression, Aggregate):
            self._states.setdefault(expression, _State(expression, self._now))
        for part in _parts(expression):
            self._collect(part)

    def _put_in(self, expression: Expression) -> Expression:
        match expression:
            case Aggregate(_, None):
                return Literal(self.n_rows)
            case Aggregate():
                return Literal(self._states[expression].value())
            case Arithmetic(operator, left, right):
                return Arithmetic(operator, self._put_in(left), self._put_in(right))
            case Compare(operator, left, right):
                return Compare(operator, self._put_in(left), self._put_in(right))
            case Negative(operand):
                return Negative(self._put_in(operand))
            case Not(operand):
                return Not(self._put_in(operand))
            case Is(operand, what):
                return Is(self._put_in(operand), what)
            case Cast(operand, kind, precision, scale):
                return Cast(self._put_in(operand), kind, precision, scale)
            case Call(name, arguments):
                return Call(name, tuple(map(self._put_in, arguments)))
        return expression


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Arithmetic(_, left, right) | Compare(_, left, right):
            return (left, right)
        case Negative(operand) | Not(operand) | Is(operand, _) | Cast(operand):
            return (operand,)
        case Call(_, arguments):
            return arguments
    return ()


class _State:
    """One aggregate: nulls, MISSING and values of the wrong type do not count."""

    def __init__(self, aggregate: Aggregate, now: float) -> None:
        self._name = aggregate.name
        operand = aggregate.operand
        self._operand: Evaluator = (
            (lambda row: True) if operand is None else compile_expression(operand, now=now)
        )
        self._n = 0
        self._sum: int = 0
        self._parts: list[float] = []  # of the sum of floats, exact (Shewchuk)
        self._best: Any = None

    def add(self, row: Any) -> None:
        value = self._operand(row)
        if value is None or value is MISSING:
            return
        match self._name:
            case "COUNT":
                self._n += 1
            case "SUM" | "AVG":
                self._add_number(value)
            case _:
                operator = "<" if self._name == "MIN" else ">"
                if self._best is None or compared(operator, value, self._best):
                    if isinstance(value, list | dict):
                        return
                    self._best = value

    def _add_number(self, value: Any) -> None:
        if not is_number(value):
            return
        self._n += 1
        if isinstance(value, int):
            self._sum += value
            return
        self._parts.append(value)
        if len(self._parts) > 1024:
            self._parts = [math.fsum(self._parts)]

    def value(self) -> Any:
        match self._name:
            case "COUNT":
                return self._n
            case "SUM":
                return self._total() if self._n else None
            case "AVG":
                return self._total() / self._n if self._n else None
        return self._best

    def _total(self) -> int | float:
        return self._sum + math.fsum(self._parts) if self._parts else self._sum
