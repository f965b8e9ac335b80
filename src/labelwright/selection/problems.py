"""What is wrong with a query, with its place in the text."""

from __future__ import annotations

from labelwright.errors import InvalidRequest

__all__ = ["QueryError"]


class QueryError(InvalidRequest):
    """A query that cannot be run.

    Parameters
    ----------
    message : str
        What is wrong there and what is allowed, without the place.
    code : str
        S3's code for it (``ParseUnexpectedToken``, ``LexerInvalidChar`` ...).
    line, column : int
        1-based place in the text that was given; 0 when no place is meant.
    """

    def __init__(self, message: str, *, code: str, line: int = 0, column: int = 0) -> None:
        place = f"Line {line}, column {column}: " if line else ""
        super().__init__(place + message, field="Expression")
        self.code = code
        self.line = line
        self.column = column
