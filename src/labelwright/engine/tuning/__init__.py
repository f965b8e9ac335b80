"""What the engine does for tuning jobs: choose, start, compare and stop training jobs.

A tuning job has no program of its own. Its steps look at its training jobs, and whatever they decide is in
the database before the next step: a trial and its training job are made in one transaction.
"""

from __future__ import annotations

from typing import Final

__all__ = ["KIND"]

KIND: Final = "tuning-job"
"""The kind of row, for wake-ups."""
