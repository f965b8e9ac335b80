"""Recursive descent over conditions and values.

Precedence, high to low: unary minus; ``* / %``; ``+ -``; IN and IS; BETWEEN; LIKE; ``< <= > >=``;
``= <> !=``; NOT; AND; OR.
"""

from __future__ import annotations

from labelwright.selection.calls import CallParser
from labelwright.selection.cursor import RESERVED
from labelwright.selection.lexer import Token
from labelwright.selection.patterns import pieces_of
from labelwright.selection.problems import QueryError
from labelwright.selection.tree import (
    Aggregate,
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

__all__ = ["ExpressionParser", "has_aggregate"]

_DEPTH_MAX = 60
_CHAIN_MAX = 100


class ExpressionParser(CallParser):
    """The grammar of expressions.

    Parameters
    ----------
    text : str
        The query.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def select_expression(self) -> Expression:
        """A column of the SELECT list, where aggregates may stand."""
        self.may_aggregate = True
        try:
            return self.expression()
        finally:
            self.may_aggregate = False

    def expression(self) -> Expression:
        """OR, the loosest level."""
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            self.fail(
                f"The query is nested more than {_DEPTH_MAX} levels deep. Write it flatter.",
                code="UnsupportedSyntax",
            )
        operands = [self._and()]
        while self.accept("OR"):
            operands.append(self._and())
        self._depth -= 1
        return operands[0] if len(operands) == 1 else Logic("or", tuple(operands))

    def _and(self) -> Expression:
        operands = [self._not()]
        while self.accept("AND"):
            operands.append(self._not())
        return operands[0] if len(operands) == 1 else Logic("and", tuple(operands))

    def _not(self) -> Expression:
        n_not = 0
        while self.accept("NOT"):
            n_not += 1
        operand = self._equality()
        return Not(operand) if n_not % 2 else Not(Not(operand)) if n_not else operand

    def _equality(self) -> Expression:
        left = self._relational()
        for _ in range(_CHAIN_MAX):
            if self.token.word not in ("=", "<>", "!="):
                return left
            operator = self.advance().word
            left = Compare("=" if operator == "=" else "<>", left, self._relational())
        raise self._chain_too_long()

    def _relational(self) -> Expression:
        left = self._like()
        for _ in range(_CHAIN_MAX):
            if self.token.word not in ("<", "<=", ">", ">="):
                return left
            operator = self.advance().word
            left = Compare(operator, left, self._like())
        raise self._chain_too_long()

    def _like(self) -> Expression:
        left = self._between()
        for _ in range(_CHAIN_MAX):
            if not self._takes("LIKE"):
                return left
            is_negated = self._negated("LIKE")
            left = self._pattern(left)
            left = Not(left) if is_negated else left
        raise self._chain_too_long()

    def _pattern(self, operand: Expression) -> Like:
        token = self.token
        pattern = self._literal_string("The pattern of LIKE")
        escape = None
        if self.accept("ESCAPE"):
            escape_token = self.token
            escape = self._literal_string("ESCAPE")
            if len(escape) != 1:
                self.fail(
                    "ESCAPE takes one character: LIKE '10!%' ESCAPE '!'.",
                    code="LikeInvalidInputs",
                    token=escape_token,
                )
        try:
            return Like(operand, pieces_of(pattern, escape))
        except ValueError as error:
            self.fail(f"This pattern cannot be used: {error}.", code="LikeInvalidInputs", token=token)

    def _between(self) -> Expression:
        left = self._in()
        for _ in range(_CHAIN_MAX):
            if not self._takes("BETWEEN"):
                return left
            is_negated = self._negated("BETWEEN")
            low = self._in()
            self.expect("AND", "BETWEEN takes two values, as in BETWEEN 2 AND 4")
            left = Between(left, low, self._in())
            left = Not(left) if is_negated else left
        raise self._chain_too_long()

    def _in(self) -> Expression:
        left = self._additive()
        for _ in range(_CHAIN_MAX):
            if self.accept("IS"):
                is_negated = self.accept("NOT")
                if self.token.word not in ("NULL", "MISSING"):
                    self.fail(
                        f"IS takes NULL or MISSING, not {self.token.shown}. Compare values with =.",
                        code="ParseExpectedKeyword",
                    )
                left = Is(left, self.advance().word.lower())
                left = Not(left) if is_negated else left
            elif self._takes("IN"):
                is_negated = self._negated("IN")
                left = In(left, self._list())
                left = Not(left) if is_negated else left
            else:
                return left
        raise self._chain_too_long()

    def _list(self) -> tuple[Expression, ...]:
        self.expect("(", "IN takes a list of values, as in IN ('yes', 'no')")
        if self.token.word == "SELECT":
            self.fail("Subqueries are not part of this dialect.", code="UnsupportedSyntax")
        items = [self.expression()]
        while self.accept(","):
            items.append(self.expression())
        self.expect(")", "values in a list are parted by commas")
        return tuple(items)

    def _additive(self) -> Expression:
        left = self._multiplicative()
        for _ in range(_CHAIN_MAX):
            if self.token.word not in ("+", "-"):
                return left
            operator = self.advance().word
            left = Arithmetic(operator, left, self._multiplicative())
        raise self._chain_too_long()

    def _multiplicative(self) -> Expression:
        left = self._unary()
        for _ in range(_CHAIN_MAX):
            if self.token.word not in ("*", "/", "%"):
                return left
            operator = self.advance().word
            left = Arithmetic(operator, left, self._unary())
        raise self._chain_too_long()

    def _unary(self) -> Expression:
        n_minus = 0
        while self.token.word in ("-", "+"):
            n_minus += self.advance().word == "-"
        operand = self._primary()
        if n_minus % 2 == 0:
            return operand
        if isinstance(operand, Literal) and type(operand.value) in (int, float):
            return Literal(-operand.value)  # type: ignore[operator]  # a number, see above
        return Negative(operand)

    def _primary(self) -> Expression:
        token = self.token
        match token.kind:
            case "number":
                self.advance()
                return Literal(_number(token.text))
            case "string":
                self.advance()
                return Literal(token.text)
            case "quoted":
                return self._path()
            case "name":
                return self._named()
        if self.accept("("):
            if self.token.word == "SELECT":
                self.fail("Subqueries are not part of this dialect.", code="UnsupportedSyntax")
            inner = self.expression()
            if self.token.word == ",":
                self.fail("A list of values stands after IN only.", code="UnsupportedSyntax")
            self.expect(")", "every '(' needs its ')'")
            return inner
        raise self.problem(
            f'Expected a value here, found {token.shown}. Values are names such as s."source-ref", strings '
            "in single quotes, numbers, TRUE, FALSE, NULL, functions and expressions in parentheses.",
            code="ParseExpectedExpression" if token.kind == "end" else "ParseUnexpectedToken",
        )

    def _named(self) -> Expression:
        word, is_call = self.token.word, self.peek(1).word == "("
        match word:
            case "NULL":
                self.advance()
                return Literal(None)
            case "TRUE" | "FALSE" if self.peek(1).word not in (".", "["):
                self.advance()
                return Literal(word == "TRUE")
            case "MISSING":
                self.fail(
                    "MISSING stands after IS only: s.species IS MISSING.", code="ParseUnexpectedKeyword"
                )
            case "CASE":
                return self._case()
            case "CAST" if is_call:
                return self._cast()
            case "EXTRACT" if is_call:
                return self._extract()
            case "TRIM" if is_call:
                return self._trim()
            case "SUBSTRING" if is_call:
                return self._substring()
        if is_call:
            return self._call()
        if word in RESERVED:
            self.fail(
                f"{self.token.text!r} is not expected here. If a column is meant, put its name into double "
                "quotes.",
                code="ParseUnexpectedKeyword",
            )
        return self._path()

    def _is_alias(self, token: Token) -> bool:
        if token.kind == "quoted":
            return token.text == self.alias
        return bool(self.alias) and token.kind == "name" and token.text.lower() == self.alias.lower()

    def _path(self) -> Path:
        steps: list[Key | Index] = []
        first = self.advance()
        is_row = self._is_alias(first) or (not self.alias and first.word == "S3OBJECT")
        if not is_row:
            steps.append(Key(first.text, first.kind == "quoted"))
        while self.token.word in (".", "["):
            if self.accept("."):
                steps.append(self.key())
                continue
            self.advance()
            if self.token.word == "*":
                self.fail(
                    "[*] stands in FROM only, as in FROM S3Object[*].labels[*] l; here name one element: "
                    "labels[0].",
                    code="UnsupportedSyntax",
                )
            steps.append(Index(self.whole_number("an element's index, counted from 0,")))
            self.expect("]", "']' closes an index")
        return Path(tuple(steps))

    def _literal_string(self, what: str) -> str:
        token = self.token
        if token.kind != "string":
            self.fail(
                f"{what} must be a string in single quotes, not {token.shown}.", code="LikeInvalidInputs"
            )
        self.advance()
        return token.text

    def _takes(self, word: str) -> bool:
        return self.token.word == word or (self.token.word == "NOT" and self.peek(1).word == word)

    def _negated(self, word: str) -> bool:
        is_negated = self.accept("NOT")
        self.accept(word)
        return is_negated

    def _chain_too_long(self) -> QueryError:
        return self.problem(
            f"More than {_CHAIN_MAX} operators follow one another here. Break the expression up.",
            code="UnsupportedSyntax",
        )


def _number(text: str) -> int | float:
    if text.isdigit():
        return int(text) if len(text) <= 40 else float(text)
    return float(text)


def has_aggregate(expression: Expression) -> bool:
    """Whether there is an aggregate in a column of the SELECT list."""
    match expression:
        case Aggregate():
            return True
        case Arithmetic(_, left, right) | Compare(_, left, right):
            return has_aggregate(left) or has_aggregate(right)
        case Negative(operand) | Not(operand) | Is(operand, _) | Cast(operand):
            return has_aggregate(operand)
        case Call(_, arguments):
            return any(map(has_aggregate, arguments))
    return False
