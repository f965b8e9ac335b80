"""Text in, tokens out."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, NoReturn

from labelwright.selection.problems import QueryError

__all__ = ["QUERY_BYTES_MAX", "Token", "tokenize"]

QUERY_BYTES_MAX: Final = 256 * 1024
"""S3's limit on the length of an expression."""

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|--[^\n]*)
  | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<string>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<symbol><=|>=|<>|!=|[-+*/%<>=(),.;\[\]])
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of the text.

    Attributes
    ----------
    kind : str
        ``number``, ``name``, ``string``, ``quoted`` (a name in double quotes), ``symbol`` or ``end``.
    text : str
        Quotes taken off and doubled ones undone.
    word : str
        A name in upper case, a symbol as it stands, else empty: what the grammar compares with.
    line, column : int
        1-based.
    """

    kind: str
    text: str
    word: str
    line: int
    column: int

    @property
    def shown(self) -> str:
        """How a message names it."""
        match self.kind:
            case "end":
                return "the end of the query"
            case "string":
                return f"the string '{self.text[:40]}'"
            case "quoted":
                return f'the name "{self.text[:40]}"'
            case _:
                return f"{self.text[:40]!r}"


def tokenize(text: str) -> list[Token]:
    """Cut a query into tokens, an ``end`` token last.

    Raises
    ------
    QueryError
        Too long, an open quote, or a character that no token begins with.
    """
    if len(text) > QUERY_BYTES_MAX or len(text.encode("utf-8", "surrogatepass")) > QUERY_BYTES_MAX:
        raise QueryError(
            f"The query is longer than {QUERY_BYTES_MAX // 1024} KiB. Shorten it, or select in two steps.",
            code="ExpressionTooLong",
        )
    tokens: list[Token] = []
    position, line, line_start = 0, 1, 0
    while position < len(text):
        column = position - line_start + 1
        found = _TOKEN.match(text, position)
        if found is None:
            _refuse(text[position], line, column)
        kind, raw = str(found.lastgroup), found.group()
        if kind == "string" or kind == "quoted":
            quote = raw[0]
            tokens.append(Token(kind, raw[1:-1].replace(quote * 2, quote), "", line, column))
        elif kind != "blank":
            word = raw.upper() if kind == "name" else raw if kind == "symbol" else ""
            tokens.append(Token(kind, raw, word, line, column))
        position = found.end()
        n_breaks = raw.count("\n")
        if n_breaks:
            line += n_breaks
            line_start = position - len(raw) + raw.rfind("\n") + 1
    tokens.append(Token("end", "", "", line, len(text) - line_start + 1))
    return tokens


def _refuse(character: str, line: int, column: int) -> NoReturn:
    if character == "'":
        message = "This string is not closed; end it with a single quote. Double a quote inside it: 'it''s'."
    elif character == '"':
        message = 'This name is not closed; end it with a double quote: s."source-ref".'
    elif character == "`":
        message = "Back quotes have no meaning here. Strings take single quotes, names double quotes."
    else:
        message = (
            f"The character {character!r} has no meaning here. Names with other characters than letters, "
            "digits and underscores go into double quotes, strings into single quotes."
        )
    raise QueryError(message, code="LexerInvalidChar", line=line, column=column)
