"""The engine: looks at the durable state of every unfinished job and does the next step (skeleton)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.store.db import Database

__all__ = ["Engine"]


class Engine:
    """Drives labeling jobs."""

    def __init__(
        self, database: Database, blobs: Blobs, settings: Settings, clock: Callable[[], float]
    ) -> None:
        self.database = database
        self.blobs = blobs
        self.settings = settings
        self.clock = clock

    def start(self) -> None:
        """Start the engine's thread."""

    def stop(self) -> None:
        """Finish the step in flight and end the thread."""

    def wake(self, job_id: int | None = None) -> None:
        """Have a look at this job (or all) soon. Cheap, from any thread."""
