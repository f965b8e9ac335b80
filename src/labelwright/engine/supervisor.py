"""The supervisor: looks after training jobs, tuning jobs, endpoints and transform jobs.

A *kind* says which rows still need somebody, and does one idempotent step for one of them;
`labelwright.engine.stepping` decides when, as it does for the engine's labeling jobs.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.engine import Connection

from labelwright.engine.stepping import Stepping
from labelwright.work import Runner

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.store.db import Database

__all__ = ["Kind", "SupervisedTools", "Supervisor"]


@dataclasses.dataclass(frozen=True, slots=True)
class SupervisedTools:
    """The parts a step may use.

    Attributes
    ----------
    database, blobs, settings
    clock : callable
        Epoch seconds.
    runners : Mapping of str to Runner
        Programs outside this process: ``training``, ``hosting`` and ``transform``.
    logs_root : Path
        Below it are the log streams.
    wake : callable
        ``wake(kind, key)``: have a look at another row soon.
    """

    database: Database
    blobs: Blobs
    settings: Settings
    clock: Callable[[], float]
    runners: Mapping[str, Runner]
    logs_root: Path
    wake: Callable[[str, int], None]


class Kind(Protocol):
    """One kind of row that is looked after."""

    name: str
    """As in an ARN: ``training-job``."""

    def unfinished(self, connection: Connection) -> Sequence[int]:
        """The keys of the rows that still need somebody."""

    def advance(self, tools: SupervisedTools, key: int) -> float | None:
        """Do one step, safe to repeat after a crash at any point.

        Returns
        -------
        float or None
            When to be called again, in epoch seconds; `NOW` for at once; None for when somebody wakes it.
        """


class Supervisor:
    """Looks after rows of several kinds.

    Parameters
    ----------
    database, blobs, settings
    clock : callable
        Returns epoch seconds.
    kinds : iterable of Kind
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Settings,
        clock: Callable[[], float],
        kinds: Iterable[Kind],
    ) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        self._stepping: Stepping[tuple[str, int]] = Stepping(self, clock, name="supervisor")
        programs = settings.data_dir / "programs"

        def runner(name: str, n_at_once: int) -> Runner:
            return Runner(
                programs / name, n_at_once=n_at_once, on_end=lambda _program: self._stepping.wake_all()
            )

        at_once = settings.training_jobs_at_once or max(1, (os.cpu_count() or 2) // 2)
        self.tools = SupervisedTools(
            database=database,
            blobs=blobs,
            settings=settings,
            clock=clock,
            runners={
                "training": runner("training", at_once),
                "hosting": runner("hosting", 1_000_000),
                "transform": runner("transform", at_once),
            },
            logs_root=settings.data_dir / "logs",
            wake=self.wake,
        )

    def start(self) -> None:
        """Start the supervisor's threads."""
        if self._kinds:
            self._stepping.start()

    def stop(self) -> None:
        """Finish the steps in flight and end the threads; programs go on and are found at the next start."""
        self._stepping.stop()

    def wake(self, kind: str, key: int) -> None:
        """Have a look at this row soon. Cheap, from any thread."""
        self._stepping.wake((kind, key))

    def settle(self, limit: int = 100_000) -> float | None:
        """Do everything that can be done now, in the caller's thread (without `start`).

        Returns
        -------
        float or None
            When the next timer is due, in epoch seconds.

        Raises
        ------
        RuntimeError
            When there is no end of it.
        """
        return self._stepping.settle(limit)

    # -- what `Stepping` asks for ---------------------------------------------------------------------

    def unfinished(self) -> Iterator[tuple[str, int]]:
        """The rows of all kinds that still need somebody, kind after kind."""
        for kind in self._kinds.values():
            for key in self.tools.database.read(kind.unfinished):
                yield kind.name, key

    def advance(self, row: tuple[str, int]) -> float | None:
        """Do a row's next step."""
        kind, key = row
        return self._kinds[kind].advance(self.tools, key)

    def before_round(self) -> None:
        """Nothing: all there is to do belongs to a row."""

    def rest_s(self, due: float | None, took_s: float) -> float:
        """None: rows of these kinds do not come by the hundred a second."""
        return 0.0
