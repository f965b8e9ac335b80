"""Callbacks of the training loop: keep the curve, show progress, stop in time, save checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from labelwright.train.checkpoint import save_checkpoint
from labelwright.train.loop import Callback, TrainState

__all__ = ["Checkpoint", "Deadline", "LossHistory", "OnStep"]


class LossHistory(Callback):
    """Keeps the mean loss of every epoch in ``epochs`` and of every step in ``steps``."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.epochs: list[float] = []
        self._i_first = 0

    def on_epoch_begin(self, state: TrainState) -> None:
        """Remember where the epoch starts."""
        self._i_first = len(self.steps)

    def on_step_end(self, state: TrainState) -> None:
        """Note the step's loss."""
        self.steps.append(state.losses["total"])

    def on_epoch_end(self, state: TrainState) -> None:
        """Note the epoch's mean."""
        losses = self.steps[self._i_first :]
        if losses:
            self.epochs.append(sum(losses) / len(losses))


class OnStep(Callback):
    """Calls ``act(state)`` after every step; for progress bars."""

    def __init__(self, act: Callable[[TrainState], None]) -> None:
        self._act = act

    def on_step_end(self, state: TrainState) -> None:
        """Pass it on."""
        self._act(state)


class Deadline(Callback):
    """Stops training when ``limit_s`` seconds have passed. Stopped runs are not repeatable to the digit.

    Parameters
    ----------
    limit_s : float
    clock : callable
        Seconds; a test passes its own.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit_s = limit_s
        self._clock = clock
        self._started = 0.0

    def on_train_begin(self, state: TrainState) -> None:
        """Start the clock."""
        self._started = self._clock()

    def on_step_end(self, state: TrainState) -> None:
        """Look at it."""
        if self._clock() - self._started > self.limit_s:
            state.stop_reason = f"the time limit of {self.limit_s:g} s was reached after {state.step} steps"


class Checkpoint(Callback):
    """Writes ``path`` after every epoch, replacing it atomically."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, state: TrainState) -> None:
        """Save."""
        save_checkpoint(self.path, state)
