"""The plan of a query: SQL that says a flag for each line.

A line is out (0), in (1), or to be *asked* about (2): the row evaluator then decides. So the plan is free to
be simple and never wrong.

The SQL is put together so that nothing is worked out twice for a line. Its levels, innermost first: the line;
its values at all paths, found in one parse; each of them by a name; its number, and what is calculated from
numbers; the flag.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

from labelwright.selection.tree import Expression, Logic, Query
from labelwright.selection.vectorized import Translator, Untranslated

__all__ = ["ASK", "YES", "Plan", "plan_of"]

YES: Final = 1
ASK: Final = 2

_PLACEHOLDER = re.compile(r"\$([0-9]+)")  # the first, $1, are the paths
_FEW_LINES = 100_000


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """SQL for the flag of a line.

    Attributes
    ----------
    flag : str
        An integer, over ``line``, ``r1``, ``r2`` ... (the JSON text at each path) and `columns`.
    paths : tuple of str
    columns : tuple of (name, SQL)
        Worked out for every line; each may use the ones before it.
    parameters : tuple
        Of ``$1``, ``$2`` ... in this order.
    asks_always : bool
        Whether YES does not occur: a part of the condition is left to the row evaluator.
    """

    flag: str
    paths: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    parameters: tuple[Any, ...]
    asks_always: bool

    def over(self, source: str) -> str:
        """The statement: four times the length of each line in bytes, plus its flag.

        Parameters
        ----------
        source : str
            SQL of a table with the one column ``line``.
        """
        is_one = len(self.paths) == 1  # costs less than a list of one
        kind = "VARCHAR" if is_one else "VARCHAR[]"
        found = f"CAST(json_extract(line, $1::{kind}) AS {kind})"
        names = ", ".join(f"p[{i}] AS r{i}" for i in range(1, len(self.paths) + 1))
        made = ", ".join(f"{sql} AS {name}" for name, sql in self.columns)
        # Our own words and numbers only; what the query says is in the parameters.
        table = source
        if self.paths:
            table = f"(SELECT line, {found} AS {'r1' if is_one else 'p'} FROM {table})"  # noqa: S608
        if len(self.paths) > 1:
            table = f"(SELECT line, {names} FROM {table})"  # noqa: S608
        if self.columns:
            table = f"(SELECT *, {made} FROM {table})"  # noqa: S608
        return f"SELECT CAST(COALESCE(strlen(line), 0) * 4 + ({self.flag}) AS BIGINT) FROM {table}"  # noqa: S608

    def values(self) -> list[Any]:
        """The parameters, the paths first."""
        if not self.paths:
            return list(self.parameters)
        return [self.paths[0] if len(self.paths) == 1 else list(self.paths), *self.parameters]


# What is no JSON is for the row evaluator, which says why.
_EVERY_LINE = Plan(
    f"CASE WHEN line IS NULL THEN 0 WHEN json_valid(line) THEN {YES} ELSE {ASK} END", (), (), (), False
)


def plan_of(query: Query) -> Plan | None:
    """The plan of a query's condition; None when nothing is gained by one."""
    if query.root:
        return None
    if query.where is None:
        # A short answer is found before DuckDB has started.
        return _EVERY_LINE if query.limit is None or query.limit > _FEW_LINES else None
    parts: tuple[Expression, ...] = (query.where,)
    if isinstance(query.where, Logic) and query.where.operator == "and":
        parts = query.where.operands
    translator = Translator()
    sure: list[str] = []  # conditions that are decided for every line
    others: list[str] = []
    doubts: list[str] = []
    for part in parts:
        translator.unsure = []
        try:
            condition = translator.condition(part)
        except Untranslated:
            continue
        (others if translator.unsure else sure).append(condition)
        doubts += translator.unsure
    if not (sure or others) or not translator.paths:
        return None
    asks_always = len(sure) + len(others) < len(parts)
    # The sure ones first: a line that fails one of them needs no look at the rest. Conditions stand bare
    # behind WHEN, where NULL counts as false, and parts of AND and OR are worked out only for the lines that
    # the parts before them leave open.
    rest = f"CASE WHEN {_all(others)} THEN {ASK if asks_always else YES} ELSE 0 END"
    if doubts:
        rest = f"CASE WHEN {' OR '.join(dict.fromkeys(doubts))} THEN {ASK} ELSE {rest} END"
    flag = f"CASE WHEN line IS NULL THEN 0 WHEN {_all(sure)} THEN {rest} ELSE 0 END"
    columns = translator.columns_of(flag)
    (flag, *made), parameters = _without_unused([flag, *(sql for _, sql in columns)], translator.parameters)
    named = tuple((name, sql) for (name, _), sql in zip(columns, made, strict=True))
    return Plan(flag, tuple(translator.paths), named, parameters, asks_always)


def _all(conditions: list[str]) -> str:
    return " AND ".join(conditions) or "true"


def _without_unused(texts: list[str], parameters: list[Any]) -> tuple[list[str], tuple[Any, ...]]:
    """The SQL with its parameters counted anew: DuckDB refuses those that do not occur."""
    used = sorted({int(number) for text in texts for number in _PLACEHOLDER.findall(text)})
    new = {number: i for i, number in enumerate(used, 2)}
    counted = [_PLACEHOLDER.sub(lambda found: f"${new[int(found[1])]}", text) for text in texts]
    return counted, tuple(parameters[number - 2] for number in used)
