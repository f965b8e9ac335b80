"""The training loop: fetch, forward, loss, step, report. Everything optional is a callback.

The moments at which callbacks are called, and what they may rely on, are written at `Callback`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from labelwright.errors import LabelwrightError

__all__ = ["Batch", "Callback", "TrainState", "TrainingFailed", "fit"]

Batch = tuple[list[Tensor], list[dict[str, Tensor]]]


class TrainingFailed(LabelwrightError):
    """Training cannot go on; the message says at which step and why."""


@dataclasses.dataclass(slots=True)
class TrainState:
    """All that changes while training; callbacks read it and may set ``stop_reason``.

    Attributes
    ----------
    model, optimizer, scheduler
        The scheduler is stepped after every optimizer step.
    n_epochs : int
        How many are planned.
    epoch : int
        Epochs completed; the running one is number ``epoch`` from 0.
    step : int
        Optimizer steps done so far in all epochs.
    losses : dict of str to float
        Parts of the last step's loss; ``total`` is their sum.
    stop_reason : str
        Set by a callback to end after the current step; empty otherwise.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    n_epochs: int
    epoch: int = 0
    step: int = 0
    losses: dict[str, float] = dataclasses.field(default_factory=dict)
    stop_reason: str = ""


class Callback:
    """Base of callbacks: every hook does nothing.

    Order: ``on_train_begin``, then per epoch ``on_epoch_begin``, ``on_step_end`` after each optimizer step,
    ``on_epoch_end``; at last ``on_train_end``, also when training failed or was stopped. Several callbacks
    are called in the order given.
    """

    def on_train_begin(self, state: TrainState) -> None:
        """Before anything; ``state.epoch`` is above 0 when training is resumed."""

    def on_epoch_begin(self, state: TrainState) -> None:
        """Before the epoch's first batch is fetched."""

    def on_step_end(self, state: TrainState) -> None:
        """After an optimizer step; ``state.losses`` are that step's."""

    def on_epoch_end(self, state: TrainState) -> None:
        """After the epoch's last step; ``state.epoch`` already counts it."""

    def on_train_end(self, state: TrainState) -> None:
        """After everything."""


def fit(
    state: TrainState,
    batches_of_epoch: Callable[[int], Iterable[Batch]],
    *,
    callbacks: Sequence[Callback] = (),
    largest_gradient_norm: float = 5.0,
) -> TrainState:
    """Train until ``state.n_epochs`` epochs are done or a callback stops it.

    Parameters
    ----------
    state : TrainState
        Changed in place and returned. Starts at ``state.epoch``.
    batches_of_epoch : callable
        ``batches_of_epoch(epoch)`` gives the batches of that epoch, on the model's device.
    callbacks : sequence of Callback
    largest_gradient_norm : float
        Gradients are scaled down to this norm.

    Raises
    ------
    TrainingFailed
        When the loss is no longer finite. Callbacks have seen ``on_train_end`` then.
    """

    def tell(moment: str) -> None:
        for callback in callbacks:
            getattr(callback, moment)(state)

    tell("on_train_begin")
    try:
        while state.epoch < state.n_epochs and not state.stop_reason:
            state.model.train()
            tell("on_epoch_begin")
            for pictures, targets in batches_of_epoch(state.epoch):
                parts: dict[str, Tensor] = state.model(pictures, targets)
                loss = torch.stack(list(parts.values())).sum()
                state.losses = {name: float(part.detach()) for name, part in parts.items()}
                state.losses["total"] = float(loss.detach())
                if not math.isfinite(state.losses["total"]):
                    raise TrainingFailed(
                        f"The loss became {state.losses['total']} at step {state.step} of epoch "
                        f"{state.epoch} ({state.losses}). Lower the learning rate, or look for broken boxes "
                        "in the manifest."
                    )
                state.optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call,unused-ignore]  # torch's annotation differs by release
                nn.utils.clip_grad_norm_(state.model.parameters(), largest_gradient_norm)
                state.optimizer.step()
                state.scheduler.step()
                state.step += 1
                tell("on_step_end")
                if state.stop_reason:
                    break
            else:
                state.epoch += 1
                tell("on_epoch_end")
    finally:
        tell("on_train_end")
    return state
