"""Checkpoints of a training run, and finished models: plain tensors, read without unpickling."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from labelwright.errors import InvalidRequest
from labelwright.train.detector import DetectorShape, build_detector
from labelwright.train.loop import TrainState

__all__ = ["load_checkpoint", "load_detector", "save_checkpoint", "save_detector"]


def save_checkpoint(path: Path, state: TrainState) -> None:
    """Write all that a resumed run needs to equal an unbroken one: weights, optimizer, schedule, epoch."""
    _save(
        path,
        {
            "model": state.model.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "scheduler": state.scheduler.state_dict(),
            "epoch": state.epoch,
            "step": state.step,
        },
    )


def load_checkpoint(path: Path, state: TrainState) -> None:
    """Put a checkpoint's content into a state that was built the same way."""
    content = _load(path)
    state.model.load_state_dict(content["model"])
    state.optimizer.load_state_dict(content["optimizer"])
    state.scheduler.load_state_dict(content["scheduler"])
    state.epoch, state.step = int(content["epoch"]), int(content["step"])


def save_detector(path: Path, model: nn.Module, shape: DetectorShape, class_names: tuple[str, ...]) -> None:
    """Write a finished detector with what is needed to use it."""
    _save(
        path,
        {
            "model": model.state_dict(),
            "shape": {**dataclasses.asdict(shape), "image_sides_px": list(shape.image_sides_px)},
            "class_names": list(class_names),
        },
    )


def load_detector(path: Path) -> tuple[nn.Module, tuple[str, ...]]:
    """Read a detector written by `save_detector`.

    Returns
    -------
    tuple of (Module, tuple of str)
        The model in evaluation mode and its class names.

    Raises
    ------
    InvalidRequest
        When the file is no detector.
    """
    content = _load(path)
    try:
        sides = content["shape"]["image_sides_px"]
        shape = DetectorShape(
            n_classes=int(content["shape"]["n_classes"]),
            width=int(content["shape"]["width"]),
            image_sides_px=(int(sides[0]), int(sides[1])),
        )
        model = build_detector(shape)
        model.load_state_dict(content["model"])
        names = tuple(str(name) for name in content["class_names"])
    except (KeyError, TypeError, IndexError, RuntimeError) as error:
        raise InvalidRequest(
            f"{path} is no detector of ours ({error}); give a file that `labelwright demo` wrote.",
            field="path",
        ) from error
    return model.eval(), names


def _save(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise InvalidRequest(f"{path} cannot be read as a checkpoint: {error}", field="path") from error
    if not isinstance(content, dict):
        raise InvalidRequest(f"{path} holds a {type(content).__name__}, not a checkpoint.", field="path")
    return content
