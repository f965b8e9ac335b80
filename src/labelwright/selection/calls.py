"""Everything in a query that looks like a call, and CASE."""

from __future__ import annotations

from labelwright.selection import moments
from labelwright.selection.cursor import Cursor
from labelwright.selection.functions import AGGREGATES, DATE_PARTS, FUNCTIONS
from labelwright.selection.lexer import Token
from labelwright.selection.tree import Aggregate, Call, Case, Cast, Compare, Expression, Literal

__all__ = ["CallParser"]

_KINDS = {
    "BOOL": "bool", "BOOLEAN": "bool", "INT": "int", "INTEGER": "int", "STRING": "string", "FLOAT": "float",
    "DECIMAL": "decimal", "NUMERIC": "decimal", "TIMESTAMP": "timestamp",
}  # fmt: skip


class CallParser(Cursor):
    """The grammar of functions, CAST, CASE and aggregates."""

    def _call(self) -> Expression:
        token = self.advance()
        name = token.word
        self.advance()
        if name in AGGREGATES:
            return self._aggregate(name, token)
        if name not in FUNCTIONS:
            self.fail(
                f"There is no function {token.text}. These are: CAST, {', '.join(sorted(FUNCTIONS))}.",
                code="UnsupportedFunction",
                token=token,
            )
        arguments: list[Expression] = []
        if name in ("DATE_ADD", "DATE_DIFF"):
            arguments.append(self._date_part(DATE_PARTS[:6]))
            self.expect(",", f"{name} takes three arguments")
        if self.token.word != ")":
            arguments.append(self.expression())
            while self.accept(","):
                arguments.append(self.expression())
        self.expect(")", "arguments are parted by commas")
        self._check_count(name, arguments, token)
        if name == "TO_STRING":
            self._check_format(arguments[1], token)
        return Call(name, tuple(arguments))

    def _check_count(self, name: str, arguments: list[Expression], token: Token) -> None:
        least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            self.fail(
                f"{name} takes {wanted} arguments, not {len(arguments)}.",
                code="EvaluatorInvalidArguments",
                token=token,
            )

    def _check_format(self, pattern: Expression, token: Token) -> None:
        problem = None
        if isinstance(pattern, Literal) and isinstance(pattern.value, str):
            problem = moments.pattern_problem(pattern.value)
        if problem is not None:
            self.fail(
                f"The pattern of TO_STRING cannot be used: {problem}. Letters are {moments.PATTERN_LETTERS}; "
                "other text stands in doubled single quotes.",
                code="EvaluatorInvalidTimestampFormatPattern",
                token=token,
            )

    def _aggregate(self, name: str, token: Token) -> Aggregate:
        if not self.may_aggregate:
            self.fail(
                f"{name} counts over all rows and cannot be part of a condition on one row. It may stand in "
                "the SELECT list of a whole statement.",
                code="UnsupportedSyntax",
                token=token,
            )
        operand = None
        if name == "COUNT" and self.accept("*"):
            pass
        else:
            self.may_aggregate = False
            operand = self.expression()
            self.may_aggregate = True
        self.expect(")", f"{name} takes one argument")
        return Aggregate(name, operand)

    def _case(self) -> Case:
        self.advance()
        subject = None if self.token.word == "WHEN" else self.expression()
        branches: list[tuple[Expression, Expression]] = []
        while self.accept("WHEN"):
            condition = self.expression()
            if subject is not None:
                condition = Compare("=", subject, condition)
            self.expect("THEN", "CASE WHEN condition THEN value ... ELSE value END")
            branches.append((condition, self.expression()))
        if not branches:
            self.expect("WHEN", "CASE WHEN condition THEN value ... ELSE value END")
        otherwise = self.expression() if self.accept("ELSE") else Literal(None)
        self.expect("END", "CASE ends with END")
        return Case(tuple(branches), otherwise)

    def _cast(self) -> Cast:
        self.advance()
        self.advance()
        operand = self.expression()
        self.expect("AS", "CAST(value AS type)")
        kind = _KINDS.get(self.token.word)
        if kind is None:
            self.fail(
                f"{self.token.shown} is no type. Types are bool, int, integer, string, float, decimal, "
                "numeric and timestamp.",
                code="ParseExpectedTypeName",
            )
        self.advance()
        precision = scale = -1
        if kind == "decimal" and self.accept("("):
            precision, scale = self.whole_number("the precision"), 0
            if self.accept(","):
                scale = self.whole_number("the scale")
            self.expect(")", "decimal(precision, scale)")
            if not (1 <= precision <= 38 and scale <= precision):
                self.fail(
                    f"decimal({precision}, {scale}) cannot be: the precision is 1 to 38 and the scale at "
                    "most that.",
                    code="ParseInvalidTypeParam",
                    token=self.previous,
                )
        self.expect(")", "CAST(value AS type)")
        return Cast(operand, kind, precision, scale)

    def _date_part(self, parts: tuple[str, ...]) -> Literal:
        part = self.token.word.lower()
        if part not in parts:
            self.fail(
                f"{self.token.shown} is no part of a date. Parts are {', '.join(parts)}.",
                code="ParseExpectedDatePart",
            )
        self.advance()
        return Literal(part)

    def _extract(self) -> Call:
        self.advance()
        self.advance()
        part = self._date_part(DATE_PARTS)
        self.expect("FROM", "EXTRACT(year FROM timestamp)")
        at = self.expression()
        self.expect(")", "EXTRACT(year FROM timestamp)")
        return Call("EXTRACT", (part, at))

    def _trim(self) -> Call:
        rule = "TRIM([LEADING | TRAILING | BOTH] [characters] FROM text)"
        self.advance()
        self.advance()
        side, characters = "BOTH", Literal(" ")
        has_side = self.token.word in ("LEADING", "TRAILING", "BOTH")
        if has_side:
            side = self.advance().word
        if has_side and self.accept("FROM"):
            text = self.expression()
        else:
            text = self.expression()
            if self.accept("FROM"):
                if not isinstance(text, Literal) or not isinstance(text.value, str):
                    self.fail("The characters to trim are given as a string.", code="ParseUnexpectedToken")
                characters = text
                text = self.expression()
            elif has_side:
                self.expect("FROM", rule)
        self.expect(")", rule)
        return Call("TRIM", (Literal(side), characters, text))

    def _substring(self) -> Call:
        rule = "SUBSTRING(text FROM start FOR length) or SUBSTRING(text, start, length)"
        token = self.advance()
        self.advance()
        arguments = [self.expression()]
        if self.accept("FROM"):
            arguments.append(self.expression())
            if self.accept("FOR"):
                arguments.append(self.expression())
        else:
            while self.accept(","):
                arguments.append(self.expression())
        self.expect(")", rule)
        self._check_count("SUBSTRING", arguments, token)
        return Call("SUBSTRING", tuple(arguments))
