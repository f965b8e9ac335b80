"""What the engine does for transform jobs: queue them, run their programs, publish what comes out, clear up.

One step at a time, each safe to repeat. The program (`labelwright.hosting.transform`) outlives the server and
writes to a spool; a server that starts anew finds it by its name and publishes from where it was.
"""

from __future__ import annotations

from typing import Final

__all__ = ["KIND"]

KIND: Final = "transform-job"
"""The kind of row, for wake-ups."""
