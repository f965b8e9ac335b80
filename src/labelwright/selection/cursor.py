"""The place in a query's tokens, and what every rule of the grammar asks of it."""

from __future__ import annotations

from typing import NoReturn

from labelwright.selection.lexer import Token, tokenize
from labelwright.selection.problems import QueryError
from labelwright.selection.tree import Expression, Key

__all__ = ["RESERVED", "Cursor"]

RESERVED = frozenset(
    {
        "AND", "AS", "BETWEEN", "BY", "CASE", "ELSE", "END", "ESCAPE", "FROM", "GROUP", "HAVING", "IN", "IS",
        "JOIN", "LIKE", "LIMIT", "NOT", "OR", "ORDER", "SELECT", "THEN", "UNION", "WHEN", "WHERE",
    }
)  # fmt: skip


class Cursor:
    """The cursor over the tokens of one query.

    Parameters
    ----------
    text : str
        The query.

    Attributes
    ----------
    alias : str
        The name that stands for the row; empty when there is none.
    """

    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self.i_token = 0
        self.alias = ""
        self.may_aggregate = False

    def expression(self) -> Expression:
        """A condition or value; the grammar says how."""
        raise NotImplementedError

    @property
    def token(self) -> Token:
        """The token to be read next."""
        return self._tokens[self.i_token]

    @property
    def previous(self) -> Token:
        """The token before it."""
        return self._tokens[max(self.i_token - 1, 0)]

    def peek(self, n: int) -> Token:
        """The token ``n`` further on."""
        return self._tokens[min(self.i_token + n, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Take the token."""
        token = self.token
        if token.kind != "end":
            self.i_token += 1
        return token

    def accept(self, word: str) -> bool:
        """Take the token if it is this keyword or symbol."""
        if self.token.word != word:
            return False
        self.advance()
        return True

    def expect(self, word: str, rule: str) -> None:
        """Take this keyword or symbol, or fail."""
        if not self.accept(word):
            self.fail(f"Expected {word!r}, found {self.token.shown}: {rule}.", code="ParseExpectedTokenType")

    def fail(self, message: str, *, code: str, token: Token | None = None) -> NoReturn:
        """Refuse the query at a token, the next one by default."""
        raise self.problem(message, code=code, token=token)

    def problem(self, message: str, *, code: str, token: Token | None = None) -> QueryError:
        """What `fail` raises."""
        at = token or self.token
        return QueryError(message, code=code, line=at.line, column=at.column)

    def name(self, what: str) -> str:
        """Take a name, quoted or not."""
        if self.token.kind not in ("name", "quoted"):
            self.fail(f"Expected {what}, found {self.token.shown}.", code="ParseExpectedIdentForAlias")
        if self.token.word in RESERVED:
            self.fail(
                f"{self.token.text!r} is a word of the language; as {what} it goes into double quotes.",
                code="ParseExpectedIdentForAlias",
            )
        return self.advance().text

    def key(self) -> Key:
        """Take the name behind a dot; there even words of the language are names."""
        token = self.token
        if token.kind not in ("name", "quoted"):
            self.fail(
                f"Expected a name after '.', found {token.shown}. Names with other characters than letters, "
                'digits and underscores go into double quotes: s."source-ref".',
                code="ParseExpectedMember",
            )
        self.advance()
        return Key(token.text, token.kind == "quoted")

    def whole_number(self, what: str) -> int:
        """Take digits."""
        token = self.token
        if token.kind != "number" or not token.text.isdigit() or len(token.text) > 15:
            self.fail(f"Expected {what}, found {token.shown}.", code="ParseExpectedNumber")
        self.advance()
        return int(token.text)
