"""Batch normalisation in short trainings: statistics that do not remember what they were set to at first."""

from __future__ import annotations

from torch import nn

__all__ = ["keep_statistics", "weigh_statistics"]

_MOMENTUM = 0.1
_N_STEPS = 10  # from here on the usual momentum is smaller than an equal share


def weigh_statistics(
    network: nn.Module, n_steps_done: int, *, unless_trained: nn.Module | None = None
) -> None:
    """Let the first batches count alike in the running statistics.

    With the usual momentum of 0.1 a third of the starting values, which mean nothing, is left after ten
    steps, and small data sets are evaluated after no more. Here the momentum is 1, 1/2, 1/3, ... down to 0.1.

    Parameters
    ----------
    network : Module
    n_steps_done : int
        Optimizer steps before this one.
    unless_trained : Module, optional
        A part whose statistics mean something from the beginning.
    """
    if n_steps_done > _N_STEPS:
        return
    trained = set(unless_trained.modules()) if unless_trained is not None else set()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module not in trained:
            module.momentum = max(_MOMENTUM, 1 / (n_steps_done + 1))


def keep_statistics(network: nn.Module) -> None:
    """Let batch normalisation use the statistics it has instead of those of small batches."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
