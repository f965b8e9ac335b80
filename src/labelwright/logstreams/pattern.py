"""Filter patterns of log events: words, phrases, what must not be there, and alternatives.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re

from labelwright.errors import InvalidRequest

__all__ = ["FilterPattern"]

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')


class FilterPattern:
    """A condition on messages; letters' case counts.

    Parameters
    ----------
    text : str
        ``ERROR`` finds messages that hold the word, ``ERROR disk`` those that hold both, ``"no space"`` the
        phrase, ``-debug`` those without it, ``?ERROR ?WARN`` those with one of them. Empty finds all.

    Raises
    ------
    InvalidRequest
        A pattern on JSON or columns, or a regular expression, which there are not here; or no pattern at all.

    Examples
    --------
    >>> [FilterPattern('?mAP ?loss -train')(m) for m in ("validation mAP=1", "train loss=2", "start")]
    [True, False, False]
    """

    def __init__(self, text: str) -> None:
        self._all: list[str] = []
        self._none: list[str] = []
        self._any: list[str] = []
        stripped = text.strip()
        if stripped[:1] in ("{", "[", "%"):
            raise _refused(text, "patterns on JSON, on columns and regular expressions are not supported")
        position = 0
        while position < len(stripped):
            term = _TERM.match(stripped, position)
            if term is None:
                raise _refused(text, "a quotation mark is not closed, or stands within a word")
            position = term.end()
            quoted, word = term.group(2), term.group(3)
            found = word if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            {"": self._all, "-": self._none, "?": self._any}[term.group(1)].append(found)

    def __call__(self, message: str) -> bool:
        """Whether a message fits."""
        if self._all:  # alternatives count for nothing beside words that must be there
            fits = all(word in message for word in self._all)
        else:
            fits = not self._any or any(word in message for word in self._any)
        return fits and not any(word in message for word in self._none)


def _refused(text: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid filter pattern {text[:80]!r}: {why}. Give words or phrases in quotation marks, with - "
        "before what must not be there and ? before alternatives.",
        field="filterPattern",
        value=text,
    )
