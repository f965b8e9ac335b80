"""Finding metrics in log lines by regular expressions, fast enough for logs that are mostly something else.

Before an expression is tried on a line, the line is searched for a text that every match must contain; that
costs a hundredth. Where no such text can be read off the expression, it is tried on every line. Expressions
of users are tried in a process of their own (`labelwright.training.metric_search`): some never end.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence

from labelwright.errors import InvalidRequest
from labelwright.training import metric_search

__all__ = ["MetricScanner", "needed_text"]

_LINE_MAX = 20_000  # characters of a line that are searched
_QUANTIFIERS = "*?{"


class MetricScanner:
    """Searches lines for metrics; from any thread.

    Parameters
    ----------
    definitions : iterable of (str, str)
        Name and regular expression; the first group is the value.
    is_trusted : bool
        Whether the expressions are known to be quick; others are tried in another process.

    Raises
    ------
    InvalidRequest
        An expression is none.
    """

    def __init__(self, definitions: Iterable[tuple[str, str]], *, is_trusted: bool = True) -> None:
        self._metrics: list[tuple[str, str, re.Pattern[str]]] = []
        for name, regex in definitions:
            try:
                pattern = re.compile(regex)
            except (re.error, OverflowError, RecursionError) as error:
                raise InvalidRequest(
                    f"Regex of the metric {name!r} is {regex!r}, which is no regular expression: {error}.",
                    field="Regex",
                    value=regex,
                ) from error
            if pattern.groups:
                self._metrics.append((name, needed_text(regex), pattern))
        self._apart = None if is_trusted else _SearchApart()
        self._lock = threading.Lock()
        self._warnings: list[str] = []

    def scan(self, lines: Sequence[str]) -> Iterator[tuple[str, float]]:
        """Name and value of each metric in the lines, line by line; what is no finite number is left out."""
        text = "\n".join(lines)
        wanted = [metric for metric in self._metrics if metric[1] in text]
        if not wanted:
            return
        for name, group in self._here(lines, wanted) if self._apart is None else self._there(lines, wanted):
            value = _number(group)
            if value is not None:
                yield name, value

    def warnings(self) -> list[str]:
        """What users should know, once."""
        found, self._warnings = self._warnings, []
        return found

    @property
    def pid(self) -> int:
        """Of the other process; -1 when there is none."""
        return -1 if self._apart is None else self._apart.pid

    def close(self) -> None:
        """End the other process. May be repeated."""
        if self._apart is not None:
            with self._lock:
                self._apart.close()

    def _here(
        self, lines: Sequence[str], wanted: Sequence[tuple[str, str, re.Pattern[str]]]
    ) -> Iterator[tuple[str, str | None]]:
        for line in lines:
            for name, needed, pattern in wanted:
                if needed in line and (found := pattern.search(line[:_LINE_MAX])):
                    yield name, found.group(1)

    def _there(
        self, lines: Sequence[str], wanted: Sequence[tuple[str, str, re.Pattern[str]]]
    ) -> list[tuple[str, str | None]]:
        assert self._apart is not None  # noqa: S101 - asked before
        few = [line[:_LINE_MAX] for line in lines if any(metric[1] in line for metric in wanted)]
        with self._lock:
            definitions = [(name, pattern.pattern) for name, _, pattern in self._metrics]
            found, slow = self._apart.search(definitions, few)
            for name in slow:
                self._metrics = [metric for metric in self._metrics if metric[0] != name]
                self._warnings.append(
                    f"WARNING: the Regex of the metric {name!r} took longer than a second on one line. It is "
                    "not searched for any more; write it without repetitions within repetitions."
                )
        return found


class _SearchApart:
    """The process that searches, started when there is something to search in."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        return -1 if self._process is None else self._process.pid

    def search(
        self, definitions: Sequence[tuple[str, str]], lines: Sequence[str]
    ) -> tuple[list[tuple[str, str | None]], list[str]]:
        """Names and groups found, and names of expressions that were too slow."""
        for _ in range(2):  # somebody may have killed it
            try:
                process = self._process or self._started(definitions)
                assert process.stdin is not None and process.stdout is not None  # noqa: S101
                process.stdin.write(json.dumps(lines) + "\n")
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
                return [(name, group) for name, group in answer["found"]], list(answer["slow"])
            except (OSError, ValueError):
                self.close()
        return [], []

    def _started(self, definitions: Sequence[tuple[str, str]]) -> subprocess.Popen[str]:
        process = self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-I", "-S", metric_search.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        assert process.stdin is not None  # noqa: S101 - asked for above
        process.stdin.write(json.dumps(definitions) + "\n")
        return process

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for end in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if end is not None:
                    end.close()
        process.kill()
        process.wait()


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
