"""The parsed form of a query: plain frozen values, made by the parser and read by both evaluators."""

from __future__ import annotations

import dataclasses

__all__ = [
    "Aggregate",
    "Arithmetic",
    "Between",
    "Call",
    "Case",
    "Cast",
    "Compare",
    "Expression",
    "In",
    "Index",
    "Is",
    "Item",
    "Key",
    "Like",
    "Literal",
    "Logic",
    "Negative",
    "Not",
    "Path",
    "Query",
    "Step",
    "Wildcard",
]


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A member of an object. Exact: as written in double quotes; otherwise letters match in any case."""

    name: str
    is_exact: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Index:
    """An element of an array, from 0."""

    position: int


@dataclasses.dataclass(frozen=True, slots=True)
class Wildcard:
    """Every element of an array; in FROM only."""


Step = Key | Index | Wildcard


@dataclasses.dataclass(frozen=True, slots=True)
class Literal:
    """NULL, a boolean, a number or a string."""

    value: bool | int | float | str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """A value of the row; without steps the row itself."""

    steps: tuple[Key | Index, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    operand: Expression


@dataclasses.dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left operator right`` with ``+ - * / %``."""

    operator: str
    left: Expression
    right: Expression


@dataclasses.dataclass(frozen=True, slots=True)
class Compare:
    """``left operator right`` with ``= <> < <= > >=``."""

    operator: str
    left: Expression
    right: Expression


@dataclasses.dataclass(frozen=True, slots=True)
class Logic:
    """``and`` or ``or`` of two or more operands."""

    operator: str
    operands: tuple[Expression, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    """NOT."""

    operand: Expression


@dataclasses.dataclass(frozen=True, slots=True)
class In:
    """``operand IN (items)``."""

    operand: Expression
    items: tuple[Expression, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Between:
    """``operand BETWEEN low AND high``, both ends included."""

    operand: Expression
    low: Expression
    high: Expression


@dataclasses.dataclass(frozen=True, slots=True)
class Like:
    """``operand LIKE pattern``; the pattern as pieces: text, ``%`` as None, ``_`` as True."""

    operand: Expression
    pattern: tuple[str | bool | None, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Is:
    """``operand IS NULL`` or ``IS MISSING``."""

    operand: Expression
    what: str


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """CASE WHEN ... THEN ... ELSE ... END."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression


@dataclasses.dataclass(frozen=True, slots=True)
class Cast:
    """``CAST(operand AS kind)``; precision and scale of decimals, -1 when not given."""

    operand: Expression
    kind: str
    precision: int = -1
    scale: int = -1


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A function by its upper-case name; date parts are literals."""

    name: str
    arguments: tuple[Expression, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Aggregate:
    """COUNT, SUM, AVG, MIN or MAX; no operand stands for ``COUNT(*)``."""

    name: str
    operand: Expression | None


Expression = (
    Literal
    | Path
    | Negative
    | Arithmetic
    | Compare
    | Logic
    | Not
    | In
    | Between
    | Like
    | Is
    | Case
    | Cast
    | Call
    | Aggregate
)


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One column of the SELECT list and its key in the result."""

    expression: Expression
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """A whole statement.

    Attributes
    ----------
    items : tuple of Item or None
        None for ``*``.
    root : tuple of Step
        Path of FROM after ``S3Object``; empty for the lines themselves.
    where : Expression or None
    limit : int or None
    is_aggregate : bool
        Whether the answer is one row over all.
    """

    items: tuple[Item, ...] | None
    root: tuple[Step, ...]
    where: Expression | None
    limit: int | None
    is_aggregate: bool = False

    @property
    def copies_lines(self) -> bool:
        """Whether the answer is lines of the input as they stand."""
        return self.items is None and not self.root
