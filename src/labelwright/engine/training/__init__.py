"""What the engine does for training jobs: queue them, run their programs, follow, publish, clear up.

One step at a time, each safe to repeat: what a step has done is in the row, in the program's folder or in
the object store before the next one relies on it. The program outlives the server; a server that starts anew
finds it by its name and goes on.
"""

from __future__ import annotations

from typing import Final

__all__ = ["KIND"]

KIND: Final = "training-job"
"""The kind of row, for wake-ups and as the resource kind of metrics."""
