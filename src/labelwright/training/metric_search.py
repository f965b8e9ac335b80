"""The process that tries a user's expressions on log lines, so that a slow one cannot hold the job up.

``python -I -S metric_search.py``. It reads a line of JSON, ``[[name, expression], ...]``, then one for each
piece of the log, ``[line, ...]``, and answers each piece with ``{"found": [[name, value], ...], "slow":
[name, ...]}``. An expression that takes longer than a second of the processor's time on one line is slow, and
is tried no more: there are expressions that need years for a few words, and nothing else interrupts one.

This is a script that imports nothing of Labelwright, so that it starts in milliseconds.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from typing import Any

_SECONDS_MAX = 1.0


class _TooSlow(Exception):
    """Raised by the timer in the middle of a search."""


def _ring(*_: object) -> None:
    raise _TooSlow


def search(patterns: dict[str, re.Pattern[str]], lines: list[str]) -> dict[str, list[Any]]:
    """First groups of all matches, line by line; patterns that are too slow are taken out."""
    found: list[tuple[str, str]] = []
    slow: list[str] = []
    for line in lines:
        for name, pattern in list(patterns.items()):
            try:
                signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS_MAX)
                match = pattern.search(line)
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            except _TooSlow:
                del patterns[name]
                slow.append(name)
                continue
            if match is not None:
                found.append((name, match.group(1) or ""))
    return {"found": found, "slow": slow}


def main() -> None:
    """Answer until the other end is closed."""
    signal.signal(signal.SIGVTALRM, _ring)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # it ends with its input
        signal.signal(number, signal.SIG_IGN)
    patterns = {name: re.compile(regex) for name, regex in json.loads(sys.stdin.readline())}
    for line in sys.stdin:
        answer = search(patterns, json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
