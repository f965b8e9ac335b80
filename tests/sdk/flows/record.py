"""What the scripts of this folder share; they run in the SDK's environment, without pytest.

Each step of a script leaves one line of JSON: whether it went well, what it printed, and the facts that it
noted. One script does everything with one SDK, because importing it takes longer than most of its steps.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Recorder:
    """Writes what became of the steps to the file that the script's first argument names."""

    def __init__(self) -> None:
        self._path = Path(sys.argv[1])
        self.done: set[str] = set()

    @contextlib.contextmanager
    def step(self, name: str, *needs: str) -> Iterator[dict[str, Any]]:
        """One step; one that needs a step that failed fails as well, at once."""
        facts: dict[str, Any] = {}
        printed, error, started = io.StringIO(), "", time.monotonic()
        try:
            with contextlib.redirect_stdout(printed):
                yield facts
            self.done.add(name)
        except Exception:
            missing = [need for need in needs if need not in self.done]
            error = f"needs {missing}, which failed" if missing else traceback.format_exc()
        line = {
            "step": name,
            "seconds": round(time.monotonic() - started, 1),
            "error": error,
            "printed": printed.getvalue(),
            "facts": facts,
        }
        with self._path.open("a") as file:
            file.write(json.dumps(line, default=str) + "\n")


class FastClock:
    """Put in place of a module's ``time``: its waiting takes a tenth of the time.

    The SDKs look after jobs every 5, 10 or 30 seconds. That alone is different here; whatever they send and
    receive is theirs.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def time(self) -> float:
        """Ten times as fast."""
        return time.time() * 10

    def sleep(self, seconds: float) -> None:
        """A tenth of it."""
        time.sleep(seconds / 10)
