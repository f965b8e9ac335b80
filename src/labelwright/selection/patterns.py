"""LIKE: patterns taken apart once, and matched in time that no pattern can blow up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

__all__ = ["matcher", "pieces_of", "sql_pattern"]

Piece = str | None | bool
"""Text, None for ``%``, True for ``_``."""


def pieces_of(pattern: str, escape: str | None) -> tuple[Piece, ...]:
    """Take a pattern apart.

    Raises
    ------
    ValueError
        The escape character stands before something else than ``%``, ``_`` or itself.

    Examples
    --------
    >>> pieces_of("%/night!_%", "!")
    (None, '/night_', None)
    """
    pieces: list[Piece] = []
    text = ""
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            character = next(characters, "")
            if character not in ("%", "_", escape):
                raise ValueError("the escape character must stand before %, _ or itself")
            text += character
        elif character in "%_":
            if text:
                pieces.append(text)
                text = ""
            piece: Piece = None if character == "%" else True
            if piece is True or not pieces or pieces[-1] is not None:
                pieces.append(piece)
        else:
            text += character
    if text:
        pieces.append(text)
    return tuple(pieces)


def matcher(pieces: Sequence[Piece]) -> Callable[[str], bool]:
    """A function that tells whether a text matches."""
    match list(pieces):
        case []:
            return lambda text: text == ""
        case [None]:
            return lambda text: True
        case [str(part)]:
            return lambda text: text == part
        case [None, str(part), None]:
            return lambda text: part in text
        case [str(part), None]:
            return lambda text: text.startswith(part)
        case [None, str(part)]:
            return lambda text: text.endswith(part)
    # Between two %, the first place that fits is as good as any: atomic groups never come back to it, so the
    # time is bounded by the text times the pattern.
    segments: list[str] = [""]
    for piece in pieces:
        if piece is None:
            segments.append("")
        else:
            segments[-1] += "." if piece is True else re.escape(str(piece))
    if len(segments) == 1:
        expression = segments[0]
    else:
        middle = "".join(f"(?>.*?{segment})" for segment in segments[1:-1] if segment)
        expression = f"{segments[0]}{middle}.*{segments[-1]}"
    compiled = re.compile(expression, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def sql_pattern(pieces: Sequence[Piece]) -> str:
    """The pattern again, for a LIKE whose escape character is ``!``."""
    return "".join(
        "%" if piece is None else "_" if piece is True else re.sub(r"([%_!])", r"!\1", str(piece))
        for piece in pieces
    )
