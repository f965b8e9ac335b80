"""From conditions and values to DuckDB's SQL.

Only what DuckDB does exactly as `evaluate` does is translated; the rest raises `Untranslated`, and what may
differ for single lines is listed as a doubt: another spelling of an unquoted name in the line, an integer
beyond what a double holds exactly, a letter beyond ASCII that changes its case.

Values of the query go in as parameters; the SQL is made of our own words only.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from labelwright.selection.patterns import sql_pattern
from labelwright.selection.tree import (
    Arithmetic,
    Between,
    Call,
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

__all__ = ["Translator", "Untranslated"]

_EXACT_MAX = 2.0**53
_ITEMS_MAX = 100
# Keys that DuckDB's path syntax takes as they are between double quotes.
_PLAIN_KEY = re.compile(r'[^\x00-\x1f"\\*]+')
# Strings that are the same in JSON, but for the quotes around them.
_PLAIN_TEXT = re.compile(r'[^\x00-\x1f"\\\ud800-\udfff]*')


class Untranslated(Exception):
    """This part is for the row evaluator."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Value:
    """One value as SQL: a column for each kind it may have, NULL where it is of another."""

    text: str | None = None
    number: str | None = None
    flag: str | None = None
    is_null: str = "false"  # or MISSING
    is_missing: str = "false"
    raw: str | None = None  # its JSON text
    json: str | None = None  # a parameter: the JSON text of a constant string
    doubt: str | None = None  # when its number may not be exact


class Translator:
    """Translates the parts of one query.

    Attributes
    ----------
    paths : dict
        Path in DuckDB's syntax -> its number; its JSON text is the column ``r1`` and so on.
    parameters : list
        Of ``$2`` and so on; ``$1`` are the paths.
    unsure : list of str
        Conditions under which a line is for the row evaluator.
    """

    def __init__(self) -> None:
        self.paths: dict[str, int] = {}
        self.columns: dict[str, str] = {}  # SQL -> name
        self.parameters: list[Any] = []
        self.unsure: list[str] = []

    def columns_of(self, flag: str) -> list[tuple[str, str]]:
        """The columns that a flag needs, each after those that it needs itself."""
        needed: list[tuple[str, str]] = []
        text = flag
        for sql, name in reversed(self.columns.items()):
            if re.search(rf"\b{name}\b", text):
                needed.append((name, sql))
                text += sql
        return needed[::-1]

    def _column(self, sql: str) -> str:
        """A name for what is worked out once, however often it is used."""
        return self.columns.setdefault(sql, f"c{len(self.columns) + 1}")

    def condition(self, expression: Expression) -> str:
        """SQL of type BOOLEAN, NULL for unknown."""
        match expression:
            case Logic(operator, operands):
                inner = f" {operator.upper()} ".join(self.condition(operand) for operand in operands)
                return f"({inner})"
            case Not(operand):
                return f"(NOT {self.condition(operand)})"
            case Compare(operator, left, right):
                return self._compare(operator, self.value(left), self.value(right))
            case Between(operand, low, high):
                value = self.value(operand)
                above = self._compare(">=", value, self.value(low))
                return f"({above} AND {self._compare('<=', value, self.value(high))})"
            case In(operand, items):
                return self._in(self.value(operand), items)
            case Like(operand, pattern):
                text = self.value(operand).text
                if text is None:
                    return "CAST(NULL AS BOOLEAN)"
                return f"({text} LIKE {self._parameter(sql_pattern(pattern))} ESCAPE '!')"
            case Is(operand, what):
                value = self.value(operand)
                return value.is_missing if what == "missing" else value.is_null
        flag = self.value(expression).flag
        return flag if flag is not None else "CAST(NULL AS BOOLEAN)"

    def value(self, expression: Expression) -> _Value:
        """The value, or `Untranslated`."""
        match expression:
            case Literal(value):
                return self._literal(value)
            case Path(steps) if steps:
                return self._path(steps)
            case Negative(operand):
                return self._arithmetic("-", _Value(number="0.0::DOUBLE"), self.value(operand))
            case Arithmetic(operator, left, right):
                if operator == "/" or (operator == "%" and not _is_nonzero(right)):
                    raise Untranslated
                return self._arithmetic(operator, self.value(left), self.value(right))
            case Cast(operand, kind):
                return self._cast(self.value(operand), kind)
            case Call("LOWER" | "UPPER" as name, (operand,)):
                text = self._text(operand)
                self.unsure.append(f"strlen({text}) <> length({text})")
                return _derived(text=f"{name}({text})")
            case Call("CHAR_LENGTH" | "CHARACTER_LENGTH", (operand,)):
                return _derived(number=f"CAST(length({self._text(operand)}) AS DOUBLE)")
            case Compare() | Logic() | Not() | In() | Between() | Like() | Is():
                return _derived(flag=self.condition(expression))
        raise Untranslated

    def _text(self, expression: Expression) -> str:
        return self.value(expression).text or "CAST(NULL AS VARCHAR)"

    def _parameter(self, value: Any) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters) + 1}"

    def _literal(self, value: bool | int | float | str | None) -> _Value:
        match value:
            case None:
                return _Value(is_null="true")
            case bool():
                return _Value(flag="true" if value else "false")
            case str():
                if "\x00" in value:
                    raise Untranslated
                json = self._parameter(f'"{value}"') if _PLAIN_TEXT.fullmatch(value) else None
                return _Value(text=f"CAST({self._parameter(value)} AS VARCHAR)", json=json)
        if not abs(value) < _EXACT_MAX:
            raise Untranslated
        return _Value(number=f"({float(value)!r}::DOUBLE)")

    def _path(self, steps: tuple[Key | Index, ...]) -> _Value:
        text = "$"
        names: list[str] = []
        loose: list[str] = []
        for step in steps:
            if isinstance(step, Index):
                text += f"[{step.position}]"
                continue
            if not _PLAIN_KEY.fullmatch(step.name):
                raise Untranslated
            text += f'."{step.name}"'
            (names if step.is_exact else loose).append(step.name)
        raw = f"r{self.paths.setdefault(text, len(self.paths)) + 1}"
        if loose:
            # Every name of the path is in the line, perhaps spelled otherwise or with escapes.
            here = [f"contains(lower(line), {self._parameter(chr(34) + n.lower() + chr(34))})" for n in loose]
            self.unsure.append(f"({raw} IS NULL AND (contains(line, '\\') OR ({' AND '.join(here)})))")
        # Compared as texts, which is cheaper than looking at the first character: "-" to "9", and a quote.
        number = self._column(f"(CASE WHEN {raw} >= '-' AND {raw} < ':' THEN TRY_CAST({raw} AS DOUBLE) END)")
        return _Value(
            text=f"(CASE WHEN {raw} >= '\"' AND {raw} < '#' THEN json_extract_string({raw}, '$') END)",
            number=number,
            flag=f"(CASE {raw} WHEN 'true' THEN true WHEN 'false' THEN false END)",
            is_null=f"({raw} IS NULL OR {raw} = 'null')",
            is_missing=f"({raw} IS NULL)",
            raw=raw,
            doubt=f"abs({number}) >= {_EXACT_MAX!r}",
        )

    def _number(self, value: _Value) -> str | None:
        if value.doubt is not None:
            self.unsure.append(value.doubt)
        return value.number

    def _compare(self, operator: str, left: _Value, right: _Value) -> str:
        pairs: list[str] = []
        if operator in ("=", "<>"):
            for raw, json in ((left.raw, right.json), (right.raw, left.json)):
                if raw is not None and json is not None:
                    # DuckDB spells a string in one way, and that of a plain one is known.
                    return f"(CASE WHEN {raw} <> 'null' THEN {raw} {operator} {json} END)"
        if left.text is not None and right.text is not None:
            pairs.append(f"{left.text} {operator} {right.text}")
        if left.number is not None and right.number is not None:
            pairs.append(f"{self._number(left)} {operator} {self._number(right)}")
        if left.flag is not None and right.flag is not None:
            pairs.append(f"{left.flag} {operator} {right.flag}")
        if operator in ("=", "<>"):
            if left.raw is not None and right.raw is not None:  # arrays and objects can be equal, too
                both = (f"substr({raw}, 1, 1) IN ('[', '{{')" for raw in (left.raw, right.raw))
                self.unsure.append(f"({' AND '.join(both)})")
            pairs.append("false" if operator == "=" else "true")
            return (
                f"(CASE WHEN {left.is_null} OR {right.is_null} THEN CAST(NULL AS BOOLEAN) "
                f"ELSE COALESCE({', '.join(pairs)}) END)"
            )
        return f"COALESCE({', '.join(pairs)})" if pairs else "CAST(NULL AS BOOLEAN)"

    def _in(self, value: _Value, items: tuple[Expression, ...]) -> str:
        constants = [item.value for item in items if isinstance(item, Literal)]
        if len(constants) < len(items) or None in constants or len(constants) > _ITEMS_MAX:
            raise Untranslated
        texts = [item for item in constants if isinstance(item, str)]
        numbers = [item for item in constants if type(item) in (int, float)]
        flags = [item for item in constants if isinstance(item, bool)]
        if any(abs(item) >= _EXACT_MAX for item in numbers) or any("\x00" in item for item in texts):  # type: ignore[arg-type]  # numbers
            raise Untranslated
        if value.raw is not None and all(map(_PLAIN_TEXT.fullmatch, texts)) and not (numbers or flags):
            known = self._parameter([f'"{text}"' for text in texts])
            found = f"list_contains(CAST({known} AS VARCHAR[]), {value.raw})"
            return f"(CASE WHEN {value.raw} <> 'null' THEN {found} END)"
        tests: list[str] = []
        if texts and value.text is not None:
            tests.append(f"list_contains(CAST({self._parameter(texts)} AS VARCHAR[]), {value.text})")
        if numbers and value.number is not None:
            doubles = self._parameter([float(item) for item in numbers])  # type: ignore[arg-type]  # as above
            tests.append(f"list_contains(CAST({doubles} AS DOUBLE[]), {self._number(value)})")
        if flags and value.flag is not None:
            tests.append(f"list_contains(CAST({self._parameter(flags)} AS BOOLEAN[]), {value.flag})")
        found = " OR ".join(f"({test}) IS TRUE" for test in tests) or "false"
        return f"(CASE WHEN {value.is_null} THEN CAST(NULL AS BOOLEAN) ELSE ({found}) END)"

    def _arithmetic(self, operator: str, left: _Value, right: _Value) -> _Value:
        if left.number is None or right.number is None:
            return _derived(number="CAST(NULL AS DOUBLE)")
        result = self._column(f"({self._number(left)} {operator} {self._number(right)})")
        self.unsure.append(f"abs({result}) >= {_EXACT_MAX!r}")
        return _derived(number=result)

    def _cast(self, value: _Value, kind: str) -> _Value:
        text = value.text or "CAST(NULL AS VARCHAR)"
        flag = value.flag or "CAST(NULL AS BOOLEAN)"
        number = self._number(value) or "CAST(NULL AS DOUBLE)"
        match kind:
            case "int":
                simple = "'-?[0-9]{1,15}'"
                self.unsure.append(f"regexp_full_match({text}, '[+][0-9]+|-?[0-9]{{16,}}')")
                number = f"trunc({number})"
            case "float":
                simple = r"'-?[0-9]{1,15}([.][0-9]{1,15})?'"
                self.unsure.append(
                    f"(NOT regexp_full_match({text}, {simple}) AND regexp_full_match({text}, '[-+0-9.eE]+'))"
                )
            case "string" if value.raw is not None:
                simple = "'-?[1-9][0-9]*|0'"
                is_plain = f"regexp_full_match({value.raw}, {simple})"
                self.unsure.append(f"({number} IS NOT NULL AND NOT {is_plain})")
                shown = f"(CASE WHEN {number} IS NOT NULL AND {is_plain} THEN {value.raw} END)"
                return _derived(text=f"COALESCE({text}, {shown}, CAST({flag} AS VARCHAR))")
            case _:
                raise Untranslated
        read = f"(CASE WHEN regexp_full_match({text}, {simple}) THEN TRY_CAST({text} AS DOUBLE) END)"
        return _derived(number=f"COALESCE({number}, {read}, CAST(CAST({flag} AS INTEGER) AS DOUBLE))")


def _derived(*, text: str | None = None, number: str | None = None, flag: str | None = None) -> _Value:
    """The result of an operator: null when it is NULL, never MISSING."""
    only = text or number or flag
    return _Value(text=text, number=number, flag=flag, is_null=f"({only} IS NULL)")


def _is_nonzero(expression: Expression) -> bool:
    return (
        isinstance(expression, Literal) and type(expression.value) in (int, float) and expression.value != 0
    )
