"""A query's statement: SELECT list, FROM, WHERE and LIMIT. Conditions and values are `expressions`'."""

from __future__ import annotations

import re

from labelwright.selection.expressions import ExpressionParser, has_aggregate
from labelwright.selection.tree import Expression, Index, Item, Key, Path, Query, Step, Wildcard

__all__ = ["parse_condition", "parse_query"]

_UNSUPPORTED = {
    "GROUP": "GROUP BY is not part of this dialect. Count one group at a time with WHERE.",
    "ORDER": "ORDER BY is not part of this dialect; rows keep the order of the manifest.",
    "HAVING": "HAVING is not part of this dialect; put the condition into WHERE.",
    "UNION": "UNION is not part of this dialect; join the conditions with OR.",
    "OFFSET": "OFFSET is not part of this dialect.",
    "JOIN": "Joins are not part of this dialect; a query reads one object.",
    "INNER": "Joins are not part of this dialect; a query reads one object.",
    "LEFT": "Joins are not part of this dialect; a query reads one object.",
    "RIGHT": "Joins are not part of this dialect; a query reads one object.",
    "CROSS": "Joins are not part of this dialect; a query reads one object.",
}
_NO_QUERY = re.compile(r"\s*(?:--[^\n]*\n\s*)*([A-Za-z]+)")


def parse_query(text: str) -> Query:
    """Parse a statement ``SELECT ... FROM S3Object[*] s WHERE ... LIMIT n``.

    Parameters
    ----------
    text : str

    Returns
    -------
    Query

    Raises
    ------
    QueryError
        With line and column of what is wrong.

    Examples
    --------
    >>> query = parse_query('SELECT * FROM s3object[*] s WHERE s."species" IS MISSING LIMIT 100')
    >>> query.limit, query.copies_lines
    (100, True)
    """
    return _StatementParser(text).statement()


def parse_condition(text: str) -> Query:
    """Parse what follows the fixed ``SELECT * FROM S3Object s WHERE``: a condition and, if wanted, LIMIT.

    Raises
    ------
    QueryError
        As for `parse_query`; aggregates are refused, for a line is no place for a sum over all of them.

    Examples
    --------
    >>> parse_condition('s."source-ref" LIKE \\'%/night/%\\'').copies_lines
    True
    """
    return _StatementParser(text).condition()


class _StatementParser(ExpressionParser):
    def condition(self) -> Query:
        self.alias = "s"
        first = self.token
        if first.word in ("SELECT", "WHERE"):
            self.fail(
                f"The box holds the condition alone, what follows WHERE; leave {first.text!r} out.",
                code="ParseUnexpectedToken",
            )
        if first.kind == "end" or first.word == "LIMIT":
            self.fail(
                "There is no condition. Write one, such as s.\"source-ref\" LIKE '%/night/%', or take the "
                "full manifest.",
                code="ParseExpectedExpression",
            )
        where = self.expression()
        limit = self._limit()
        self._end()
        return Query(None, (), where, limit)

    def statement(self) -> Query:
        if self.token.word != "SELECT":
            self.fail(
                f"A query begins with SELECT; here stands {self.token.shown}. Nothing but SELECT is allowed.",
                code="ParseSelectMissing" if self.token.kind == "end" else "UnsupportedSqlOperation",
            )
        self.advance()
        if self.token.word in ("DISTINCT", "ALL"):
            self.fail(f"SELECT {self.token.word} is not part of this dialect.", code="UnsupportedSyntax")
        # The alias that the list uses is named by FROM behind it.
        i_list = self.i_token
        self._skip_to_from()
        root = self._source()
        after_source = self.i_token
        self.i_token = i_list
        items = self._select_list()
        if self.token.word != "FROM":
            self.fail(
                f"Expected a comma or FROM after the SELECT list, found {self.token.shown}.",
                code="ParseMissingFrom" if self.token.kind == "end" else "ParseUnexpectedToken",
            )
        self.i_token = after_source
        where = None
        if self.accept("WHERE"):
            where = self.expression()
        limit = self._limit()
        self._end()
        n_aggregates = sum(has_aggregate(item.expression) for item in items or ())
        if n_aggregates and n_aggregates != len(items or ()):
            self.fail(
                "Aggregates (COUNT, SUM, AVG, MIN, MAX) and values of single rows cannot stand in one SELECT "
                "list without GROUP BY, which this dialect does not have. Ask for one or the other.",
                code="UnsupportedSyntax",
            )
        return Query(items, root, where, limit, is_aggregate=n_aggregates > 0)

    def _skip_to_from(self) -> None:
        depth = 0
        while True:
            token = self.token
            if token.kind == "end":
                self.fail("FROM S3Object is missing.", code="ParseMissingFrom")
            if token.word == "(":
                depth += 1
            elif token.word == ")":
                depth -= 1
            elif token.word == "SELECT":
                self.fail("Subqueries are not part of this dialect.", code="UnsupportedSyntax")
            elif token.word == "FROM" and depth == 0 and self.previous.word != ".":
                self.advance()
                return
            self.advance()

    def _source(self) -> tuple[Step, ...]:
        token = self.token
        if token.word != "S3OBJECT":
            what = "Subqueries are not part of this dialect; " if token.word == "(" else ""
            self.fail(
                f"{what}FROM must name S3Object, not {token.shown}: FROM S3Object s.",
                code="UnsupportedSyntax" if what else "InvalidDataSource",
            )
        self.advance()
        if self.accept("["):
            self.expect("*", "[*] is what may follow S3Object")
            self.expect("]", "[*] is what may follow S3Object")
        root: list[Step] = []
        while self.token.word in (".", "["):
            if self.accept("."):
                if self.token.word == "*":
                    self.fail(
                        "'.*' over the members of an object is not supported; name the member.",
                        code="UnsupportedSyntax",
                    )
                root.append(self.key())
            else:
                self.advance()
                if self.accept("*"):
                    root.append(Wildcard())
                else:
                    root.append(Index(self.whole_number("an element's index or *")))
                self.expect("]", "']' closes an index")
        if root and isinstance(root[-1], Key):
            self.alias = root[-1].name
        if self.accept("AS") or self.token.kind in ("name", "quoted"):
            if self.token.word in _UNSUPPORTED:
                self.fail(_UNSUPPORTED[self.token.word], code="UnsupportedSyntax")
            if self.token.word not in ("WHERE", "LIMIT"):
                self.alias = self.name("an alias")
        if self.token.word == ",":
            self.fail(_UNSUPPORTED["JOIN"], code="UnsupportedSyntax")
        if self.token.word in ("AT", "BY"):
            self.fail(f"{self.token.word} is not supported in FROM.", code="UnsupportedSyntax")
        return tuple(root)

    def _select_list(self) -> tuple[Item, ...] | None:
        if self.accept("*"):
            return None
        if self._is_alias(self.token) and self.peek(1).word == "." and self.peek(2).word == "*":
            for _ in range(3):
                self.advance()
            return None
        items: list[Item] = []
        while True:
            expression = self.select_expression()
            items.append(Item(expression, self._item_name(expression, len(items) + 1)))
            if not self.accept(","):
                return _distinct(items)

    def _item_name(self, expression: Expression, number: int) -> str:
        if self.accept("AS"):
            return self.name("a column name")
        if self.token.kind == "quoted" or (self.token.kind == "name" and self.token.word != "FROM"):
            return self.name("a column name")
        match expression:
            case Path((*_, Key(name, _))):
                return name
            case Path(()) if self.alias:
                return self.alias
        return f"_{number}"

    def _limit(self) -> int | None:
        if self.token.word in _UNSUPPORTED:
            self.fail(_UNSUPPORTED[self.token.word], code="UnsupportedSyntax")
        if not self.accept("LIMIT"):
            return None
        return self.whole_number("a whole number after LIMIT")

    def _end(self) -> None:
        self.accept(";")
        if self.token.word in _UNSUPPORTED:
            self.fail(_UNSUPPORTED[self.token.word], code="UnsupportedSyntax")
        if self.token.kind != "end":
            self.fail(
                f"{self.token.shown} is not expected here. Conditions are joined with AND or OR; LIMIT n "
                "comes last.",
                code="ParseUnexpectedToken",
            )


def _distinct(items: list[Item]) -> tuple[Item, ...]:
    """Columns of one name would hide each other in the result: later ones get their number as name."""
    seen: set[str] = set()
    result: list[Item] = []
    for number, item in enumerate(items, 1):
        name = item.name if item.name not in seen else f"_{number}"
        seen.add(name)
        result.append(Item(item.expression, name))
    return tuple(result)
