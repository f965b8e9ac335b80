"""The recipe that puts data, model and loop together: train the small detector, apply it to pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from labelwright.errors import InvalidRequest
from labelwright.train.augment import Augmentation
from labelwright.train.callbacks import Deadline
from labelwright.train.checkpoint import load_checkpoint
from labelwright.train.dataset import DetectionDataset, Example, decode_image
from labelwright.train.detector import DetectorShape, build_detector, detect
from labelwright.train.evaluate import Boxes
from labelwright.train.loop import Batch, Callback, TrainState, fit
from labelwright.train.schedule import one_cycle_schedule

__all__ = ["Recipe", "batches", "detect_in_files", "train_detector"]


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """Hyperparameters of the small detector.

    Attributes
    ----------
    n_epochs, batch_size : int
    learning_rate : float
        Peak of a one-cycle schedule.
    weight_decay : float
    seed : int
        Decides initial weights, the order of pictures and the augmentation.
    augmentation : Augmentation or None
    """

    n_epochs: int = 16
    batch_size: int = 8
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    seed: int = 0
    augmentation: Augmentation | None = dataclasses.field(default_factory=Augmentation)


def train_detector(
    examples: Sequence[Example],
    read: Callable[[str], bytes],
    shape: DetectorShape,
    *,
    recipe: Recipe | None = None,
    callbacks: Sequence[Callback] = (),
    resume_from: Path | None = None,
    time_limit_s: float | None = None,
) -> nn.Module:
    """Train from random weights on the CPU.

    Parameters
    ----------
    examples : sequence of Example
        At least one batch of them.
    read : callable
        ``read(uri) -> bytes`` of the picture file.
    shape : DetectorShape
    recipe : Recipe, optional
    callbacks : sequence of Callback
    resume_from : Path, optional
        A checkpoint of a run with the same examples and recipe; the result equals that of an unbroken run.
    time_limit_s : float, optional
        Finish in good order when the time is up, with fewer epochs. A run that meets it cannot be repeated to
        the digit.

    Raises
    ------
    InvalidRequest
        When there are too few examples or a class index is outside the shape.
    TrainingFailed
        When the loss is no longer finite.
    """
    recipe = Recipe() if recipe is None else recipe
    if len(examples) < 2:
        raise InvalidRequest(
            f"{len(examples)} labeled pictures are too few to train from; label more.", field="examples"
        )
    largest = max((int(e.class_ids.max()) for e in examples if len(e.class_ids)), default=0)
    if largest >= shape.n_classes:
        raise InvalidRequest(
            f"class_id {largest} is in the manifest but the detector has {shape.n_classes} classes; give all "
            "labels of the label category file.",
            field="class_id",
            value=largest,
        )
    torch.manual_seed(recipe.seed)
    model = build_detector(shape)
    dataset = DetectionDataset(examples, read, augmentation=recipe.augmentation, seed=recipe.seed)
    n_steps = recipe.n_epochs * max(1, len(dataset) // recipe.batch_size)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    scheduler = one_cycle_schedule(optimizer, n_steps=n_steps, time_limit_s=time_limit_s)
    if time_limit_s is not None:
        callbacks = [*callbacks, Deadline(time_limit_s)]
    state = TrainState(model, optimizer, scheduler, n_epochs=recipe.n_epochs)
    if resume_from is not None:
        load_checkpoint(resume_from, state)
    fit(state, lambda epoch: batches(dataset, epoch, recipe.batch_size, recipe.seed), callbacks=callbacks)
    return model.eval()


def batches(dataset: DetectionDataset, epoch: int, batch_size: int, seed: int) -> Iterator[Batch]:
    """The batches of one epoch in an order that seed and epoch decide; a last, smaller batch is left out."""
    dataset.epoch = epoch
    order = np.random.default_rng([seed, epoch]).permutation(len(dataset))
    batch_size = min(batch_size, len(dataset))
    for i_first in range(0, len(order) - batch_size + 1, batch_size):
        items = [dataset[int(index)] for index in order[i_first : i_first + batch_size]]
        yield [picture for picture, _ in items], [target for _, target in items]


def detect_in_files(
    model: nn.Module, files: Iterable[bytes], *, least_score: float = 0.05
) -> Iterator[Boxes]:
    """Boxes found in JPEG or PNG files, in their order."""
    return detect(model, (decode_image(content).float() / 255 for content in files), least_score=least_score)
