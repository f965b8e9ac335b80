"""Optimizers by their documented names, frozen layers, learning rates by epoch or by progress."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import nn

from labelwright.train.toolkit.problems import CustomerError

__all__ = ["build_optimizer", "cosine_rate", "freeze", "poly_rate", "set_rate", "step_rate"]


def build_optimizer(
    name: str,
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    gamma: float = 0.9,
) -> torch.optim.Optimizer:
    """An optimizer for the parameters that are to be trained.

    Parameters
    ----------
    name : {"sgd", "nag", "adam", "rmsprop", "adadelta", "adagrad"}
    parameters : iterable of Parameter
        Those without gradient are left out. Weight decay is not applied to vectors (biases, normalisation).
    learning_rate : float
    momentum : float
        sgd and nag. 1 never forgets a gradient; it is allowed by the documentation and rarely useful.
    weight_decay : float
        L2 penalty; 0 where the algorithm's documentation does not name the optimizer.
    betas, eps : tuple of float, float
        adam; ``eps`` of rmsprop as well.
    gamma : float
        Smoothing constant of rmsprop.
    """
    wanted = [parameter for parameter in parameters if parameter.requires_grad]
    groups = [
        {"params": [p for p in wanted if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in wanted if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if not groups:
        raise CustomerError("freeze_layer_pattern freezes every layer; there is nothing left to train.")
    match name:
        case "sgd":
            return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum)
        case "nag":
            return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum, nesterov=momentum > 0)
        case "adam":
            return torch.optim.Adam(groups, lr=learning_rate, betas=betas, eps=eps)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=learning_rate, alpha=gamma, eps=eps)
        case "adadelta":
            return torch.optim.Adadelta(groups, lr=learning_rate)
        case "adagrad":
            return torch.optim.Adagrad(groups, lr=learning_rate)
    raise ValueError(f"there is no optimizer {name!r}")


def freeze(module: nn.Module, pattern: str, *, name_of: Callable[[str], str] | None = None) -> list[str]:
    """Stop training the parameters whose name matches.

    Parameters
    ----------
    module : Module
    pattern : str
        Regular expression, matched from the beginning of the parameter's name; ``""`` freezes nothing.

    name_of : callable, optional
        From the name of a parameter to the documented one, which is matched; default: the name itself.

    Returns
    -------
    list of str
        Names of the frozen parameters. Norms with one of them should keep their statistics as well.

    Raises
    ------
    CustomerError
        It is no regular expression.
    """
    if not pattern:
        return []
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise CustomerError(f"freeze_layer_pattern {pattern!r} is no regular expression: {error}.") from error
    named = name_of or str
    frozen = [name for name, _ in module.named_parameters() if wanted.match(named(name))]
    for name in frozen:
        module.get_parameter(name).requires_grad_(False)
    return frozen


def step_rate(learning_rate: float, epoch: int, steps: Sequence[int], factor: float) -> float:
    """The rate of an epoch (from 0) where it is multiplied by ``factor`` after each epoch in ``steps``.

    Examples
    --------
    >>> [round(step_rate(0.1, epoch, [2, 3], 0.5), 3) for epoch in range(4)]
    [0.1, 0.1, 0.05, 0.025]
    """
    return float(learning_rate * factor ** sum(epoch >= step for step in steps))


def poly_rate(learning_rate: float, progress: float, power: float = 0.9) -> float:
    """``learning_rate * (1 - progress) ** power`` for a progress from 0 to 1."""
    return float(learning_rate * (1 - min(max(progress, 0.0), 1.0)) ** power)


def cosine_rate(learning_rate: float, progress: float) -> float:
    """Half a cosine from ``learning_rate`` to 0 for a progress from 0 to 1."""
    return learning_rate * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0))) / 2


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of all groups."""
    for group in optimizer.param_groups:
        group["lr"] = rate
