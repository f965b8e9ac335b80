"""The epochs of a training: which are left, which was best, when to end, what a resumed run needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from labelwright.train.toolkit.artifact import write_artifact
from labelwright.train.toolkit.beginning import Job
from labelwright.train.toolkit.checkpoints import Checkpoints
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.precision import Precision
from labelwright.train.toolkit.stopping import BestWeights, EarlyStopping, StopWish

__all__ = ["Epochs", "HasState", "checkpoints_of", "leave_model"]


class HasState(Protocol):
    """What a program learns beside weights, such as a loss that weighs classes."""

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """From a checkpoint."""
        ...


class Epochs:
    """How far a training has come.

    The program walks over `left`, trains and scores in the body, and tells the score with `take_score`::

        for epoch in epochs.left(wish):
            train(epoch)
            if wish.is_there:
                break
            epochs.take_score(score(epoch), {"validation:accuracy": ...})

    Parameters
    ----------
    network : Module
        On its device.
    optimizer : Optimizer
    values : mapping of str to object
        Checked hyperparameters: ``epochs`` and those of early stopping.
    processes : Processes
    precision : Precision
    checkpoints : Checkpoints
    log : JobLog
    score_name : str
        For the line that says why training ends early, such as ``"validation mIOU"``.
    parts : mapping of str to HasState, optional
        What a checkpoint holds besides.

    Attributes
    ----------
    n_done : int
        Epochs that are trained and scored.
    n_steps : int
        Steps of the optimizer; the program counts them.
    best : BestWeights
    best_metrics : dict of str to float
        What was told with the best score.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        values: Mapping[str, Any],
        *,
        processes: Processes,
        precision: Precision,
        checkpoints: Checkpoints,
        log: JobLog,
        score_name: str,
        parts: Mapping[str, HasState] | None = None,
    ) -> None:
        self.n_done = 0
        self.n_steps = 0
        self.best = BestWeights()
        self.best_metrics: dict[str, float] = {}
        self._network, self._optimizer = network, optimizer
        self._n_epochs, self._may_end_early = int(values["epochs"]), bool(values["early_stopping"])
        self._processes, self._scaler = processes, precision.scaler
        self._checkpoints, self._log, self._score_name = checkpoints, log, score_name
        self._stopping = EarlyStopping(
            values["early_stopping_min_epochs"],
            values["early_stopping_patience"],
            values["early_stopping_tolerance"],
        )
        self._parts: dict[str, HasState] = {"best": self.best, "stopping": self._stopping, **(parts or {})}
        self._score = float("-inf")
        self._is_over = False

    def left(self, wish: StopWish) -> Iterator[int]:
        """Resume from the last checkpoint, then each epoch that is to be trained, from 0.

        After the body of an epoch its checkpoint is written; a body that ends with ``break`` leaves none.
        """
        self._resume()
        while self.n_done < self._n_epochs and not self._is_over and not wish.is_there:
            yield self.n_done
            self.n_done += 1
            if self._may_end_early and self._stopping.update(self._score, self.n_done):
                self._log.say(
                    f"Early stopping: no better {self._score_name} in {self._stopping.n_waiting} epochs."
                )
                self._is_over = True
            if self._processes.is_first:
                self._checkpoints.save(self.n_done, self._state())
            self._log.progress(self.n_done, self._n_epochs)

    def take_score(self, score: float, metrics: Mapping[str, float]) -> bool:
        """Tell how good the network is after the epoch under way; whether it is the best so far.

        Parameters
        ----------
        score : float
            Decides; larger is better.
        metrics : mapping of str to float
            Go into the model's description if it stays the best.
        """
        self._score = score
        is_best = self.best.offer(self._network, score, self.n_done)
        if is_best:
            self.best_metrics = dict(metrics)
        return is_best

    def _resume(self) -> None:
        # One process reads and tells the others, whose folders may hold less.
        found = self._checkpoints.latest() if self._processes.is_first else None
        found = self._processes.gather(found)[0]
        if found is None:
            return
        self.n_done, state = found
        self.n_steps, self._is_over = int(state["n_steps"]), bool(state["is_over"])
        self.best_metrics = dict(state["best_metrics"])
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        for name, part in self._parts.items():
            part.restore(state[name])
        self._log.say(f"Resuming from the checkpoint of epoch {self.n_done}.")

    def _state(self) -> dict[str, Any]:
        return {
            "n_steps": self.n_steps,
            "is_over": self._is_over,
            "best_metrics": self.best_metrics,
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            **{name: part.state() for name, part in self._parts.items()},
        }


def checkpoints_of(job: Job, *settings: str) -> Checkpoints:
    """The checkpoints of a job.

    Parameters
    ----------
    job : Job
    settings : str
        Hyperparameters that have to be equal for a checkpoint to fit.
    """
    return Checkpoints(job.environment.checkpoint_dir, {name: job.values[name] for name in settings})


def leave_model(
    job: Job,
    epochs: Epochs,
    network: nn.Module,
    description: Mapping[str, Any],
    *,
    image_shape: list[int],
    classes: list[str] | None = None,
) -> Path:
    """Write the best weights (the current ones, if none were ever scored); the folder, which lacks the graph.

    Parameters
    ----------
    job : Job
    epochs : Epochs
    network : Module
        Has the best weights afterwards and lies on the CPU, contiguous, ready for its export.
    description : mapping
        What is needed to build the network again; the best epoch is added.
    image_shape : list of int
        Channels, height, width of the input.
    classes : list of str, optional
        Names by class id, where they are known.
    """
    epochs.best.put_into(network)
    network.to("cpu")
    network.to(memory_format=torch.contiguous_format)
    write_artifact(
        job.environment.model_dir,
        algorithm=job.algorithm.name,
        hyperparameters=job.effective,
        network={**description, "best_epoch": epochs.best.epoch},
        classes=classes,
        image_shape=image_shape,
        final_metrics=epochs.best_metrics,
        weights=network.state_dict(),
    )
    job.log.say(f"Training is done after {epochs.n_done} epochs: {epochs.best_metrics}")
    return job.environment.model_dir
