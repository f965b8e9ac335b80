"""Finding metrics in log lines by regular expressions, fast enough for logs that are mostly something else.

Before an expression is tried on a line, the line is searched for a text that every match must contain; that
costs a hundredth. Where no such text can be read off the expression, it is tried on every line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from labelwright.errors import InvalidRequest

__all__ = ["MetricScanner", "needed_text"]

_LINE_MAX = 20_000  # characters of a line that are searched
_QUANTIFIERS = "*?{"


class MetricScanner:
    """Searches lines for metrics.

    Parameters
    ----------
    definitions : iterable of (str, str)
        Name and regular expression; the first group is the value.

    Raises
    ------
    InvalidRequest
        An expression is none.
    """

    def __init__(self, definitions: Iterable[tuple[str, str]]) -> None:
        self._metrics: list[tuple[str, str, re.Pattern[str]]] = []
        for name, regex in definitions:
            try:
                pattern = re.compile(regex)
            except re.error as error:
                raise InvalidRequest(
                    f"Regex of the metric {name!r} is {regex!r}, which is no regular expression: {error}.",
                    field="Regex",
                    value=regex,
                ) from error
            if pattern.groups:
                self._metrics.append((name, needed_text(regex), pattern))

    def scan(self, lines: Sequence[str]) -> Iterator[tuple[str, float]]:
        """Name and value of each metric in the lines, line by line; what is no finite number is left out."""
        text = "\n".join(lines)
        wanted = [metric for metric in self._metrics if metric[1] in text]
        if not wanted:
            return
        for line in lines:
            for name, needed, pattern in wanted:
                if needed in line and (found := pattern.search(line[:_LINE_MAX])):
                    value = _number(found.group(1))
                    if value is not None:
                        yield name, value


def _number(text: str | None) -> float | None:
    """The number in a group, also in parentheses: ``(0.25)``."""
    try:
        value = float((text or "").strip().strip("()"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def needed_text(regex: str) -> str:
    r"""A text that every match of an expression contains, as long as it can be told; "" when it cannot.

    Examples
    --------
    >>> needed_text(r"Valid_error=(.*?);"), needed_text(r"#quality_metric.*validation mAP <loss>=\((.*)\)")
    ('Valid_error=', 'validation mAP <loss>=(')
    >>> needed_text("a|b")
    ''
    """
    if "|" in regex or "(?" in regex:
        return ""
    runs, run = [""], ""
    depth, i = 0, 0
    while i < len(regex):
        char, width, is_literal = regex[i], 1, False
        if char == "\\" and i + 1 < len(regex):
            width, char = 2, regex[i + 1]
            is_literal = not char.isalnum()
        elif char == "[":
            width = _class_width(regex, i)
        elif char in "()":
            depth += 1 if char == "(" else -1
        else:
            is_literal = char not in ".^$*+?{}"
        follower = regex[i + width : i + width + 1]
        if is_literal and depth == 0 and not (follower and follower in _QUANTIFIERS):
            run += char
            if follower == "+":
                runs, run = [*runs, run], ""
        else:
            runs, run = [*runs, run], ""
        if char == "{" and width == 1 and (end := regex.find("}", i)) > 0:
            width = end + 1 - i
        i += width
    return max([*runs, run], key=len)


def _class_width(regex: str, start: int) -> int:
    i = start + 1
    i += regex[i : i + 1] == "^"
    i += regex[i : i + 1] == "]"
    while i < len(regex) and regex[i] != "]":
        i += 2 if regex[i] == "\\" else 1
    return i + 1 - start
