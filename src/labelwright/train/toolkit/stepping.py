"""The two ends of every training step: which batch is next, and what to do with its loss."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.precision import Precision
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.stopping import StopWish

__all__ = ["Stepper", "in_step"]

Batch = TypeVar("Batch")


def in_step(batches: Iterable[Batch], processes: Processes, wish: StopWish) -> Iterator[Batch]:
    """Batches as long as every process has one and none was asked to stop; all end at the same step."""
    source = iter(batches)
    try:
        while True:
            batch = next(source, None)
            may_go_on, has_batch = processes.agree(not wish.is_there, batch is not None)
            if not may_go_on:
                wish.is_there = True
            if batch is None or not (may_go_on and has_batch):
                return
            yield batch
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


class Stepper:
    """Takes one step of the optimizer for each loss.

    Parameters
    ----------
    network : Module
    optimizer : Optimizer
    precision : Precision
    processes : Processes
        Gradients are averaged over them.
    """

    def __init__(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, precision: Precision, processes: Processes
    ) -> None:
        self._network = network
        self._optimizer = optimizer
        self._scaler = precision.scaler
        self._processes = processes

    def __call__(self, loss: Tensor) -> float:
        """Backward and step; the loss as a number.

        Raises
        ------
        CustomerError
            It is not finite.
        """
        value = float(loss.detach())
        if not math.isfinite(value):
            raise CustomerError(
                f"The loss became {value}; lower learning_rate, or look for broken labels in the data."
            )
        self._optimizer.zero_grad(set_to_none=True)
        scaled = self._scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call,unused-ignore]  # annotated in some releases only
        self._processes.average_gradients(self._network)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return value
