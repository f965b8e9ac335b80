"""When to end: no improvement any more, or a wish from outside; and which weights are the best so far."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Mapping
from types import FrameType
from typing import Any

from torch import Tensor, nn

__all__ = ["BestWeights", "EarlyStopping", "StopWish"]


@dataclasses.dataclass(slots=True)
class EarlyStopping:
    """Counts epochs without improvement of a score that should rise.

    Attributes
    ----------
    min_epochs : int
        Epochs that are trained in any case.
    patience : int
        Epochs in a row without improvement after which training ends.
    tolerance : float
        An improvement of less than this share of the best score so far is none.
    best : float
    n_waiting : int
    """

    min_epochs: int
    patience: int
    tolerance: float = 0.0
    best: float = float("-inf")
    n_waiting: int = 0

    def update(self, score: float, n_epochs_done: int) -> bool:
        """Take the score of an epoch; whether to stop now."""
        is_better = score > self.best
        if self.best > 0 and self.tolerance > 0:
            is_better = (score - self.best) / self.best >= self.tolerance
        self.n_waiting = 0 if is_better else self.n_waiting + 1
        self.best = max(self.best, score)
        return n_epochs_done >= self.min_epochs and self.n_waiting >= self.patience

    def state(self) -> dict[str, float]:
        """For a checkpoint."""
        return {"best": self.best, "n_waiting": self.n_waiting}

    def restore(self, state: Mapping[str, float]) -> None:
        """From a checkpoint."""
        self.best, self.n_waiting = float(state["best"]), int(state["n_waiting"])


class BestWeights:
    """A copy of the weights with the highest score; the later of two equal ones."""

    def __init__(self) -> None:
        self.score = float("-inf")
        self.epoch = -1
        self.weights: dict[str, Tensor] | None = None

    def offer(self, module: nn.Module, score: float, epoch: int) -> bool:
        """Keep a copy if it is the best; whether it is."""
        if score < self.score:
            return False
        self.score, self.epoch = score, epoch
        self.weights = {
            name: value.detach().to("cpu", copy=True) for name, value in module.state_dict().items()
        }
        return True

    def put_into(self, module: nn.Module) -> None:
        """Give the module the best weights; nothing happens when there are none."""
        if self.weights is not None:
            module.load_state_dict(self.weights)

    def state(self) -> dict[str, object]:
        """For a checkpoint."""
        return {"score": self.score, "epoch": self.epoch, "weights": self.weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """From a checkpoint."""
        self.score, self.epoch, self.weights = state["score"], state["epoch"], state["weights"]


class StopWish:
    """SIGTERM and SIGINT ask the loop to end after the step under way; a second one ends at once.

    Use as a context manager. ``is_there`` may also be set by hand.
    """

    def __init__(self) -> None:
        self.is_there = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopWish:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.is_there:
            raise SystemExit(128 + number)
        self.is_there = True
