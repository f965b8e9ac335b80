"""The desk: where workers take tasks and hand in answers (skeleton)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labelwright.engine.engine import Engine
from labelwright.engine.views import JobCard, RenderedTask, TaskView

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.store.db import Database

__all__ = ["Desk"]


class Desk:
    """Everything the portal may ask on a worker's behalf."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Settings,
        engine: Engine,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._settings = settings
        self._engine = engine
        self._clock = clock

    async def jobs(self, worker_id: str) -> list[JobCard]:
        raise NotImplementedError

    async def take(self, worker_id: str, job_name: str, *, ahead: bool = False) -> TaskView | None:
        raise NotImplementedError

    async def start(self, worker_id: str, task_id: str) -> TaskView:
        raise NotImplementedError

    async def view(self, worker_id: str, task_id: str) -> TaskView:
        raise NotImplementedError

    async def submit(
        self, worker_id: str, task_id: str, answer: bytes, *, time_spent_s: float | None = None
    ) -> None:
        raise NotImplementedError

    async def release(self, worker_id: str, task_id: str) -> None:
        raise NotImplementedError

    async def decline(self, worker_id: str, task_id: str) -> None:
        raise NotImplementedError

    async def pause(self, worker_id: str, task_id: str) -> None:
        raise NotImplementedError

    async def render(self, worker_id: str, task_id: str, *, base_url: str) -> RenderedTask:
        raise NotImplementedError
