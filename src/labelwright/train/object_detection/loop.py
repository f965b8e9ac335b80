"""The training loop: fetch, forward, loss, step; after each epoch score, report, keep.

Where a run is resumed it begins with the epoch after the last checkpoint, and every random choice depends on
seed, epoch and sample alone, so with files it ends where an unbroken one does.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from labelwright.errors import LabelwrightError
from labelwright.train.object_detection.batches import Batches, changed
from labelwright.train.object_detection.crops import Cropping
from labelwright.train.object_detection.detecting import Suppression
from labelwright.train.object_detection.evaluation import evaluate
from labelwright.train.object_detection.loss import detection_loss
from labelwright.train.object_detection.network import Detector
from labelwright.train.toolkit.checkpoints import Checkpoints
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.epochs import Epochs
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.optimizers import set_rate, step_rate
from labelwright.train.toolkit.precision import Precision
from labelwright.train.toolkit.samples import Share
from labelwright.train.toolkit.stopping import StopWish

__all__ = ["Channels", "Diverged", "Training"]

_LINE_EVERY = 10
"""Batches between two lines with losses."""
_WARM_UP_STEPS_MOST = 100
"""The rate rises from nothing over the first epoch, or over so many steps where that is longer."""
_LARGEST_GRADIENT_NORM = 10.0
_ASYNC_EVERY = 10
"""Steps between two averages of the weights with ``dist_async``."""


class Diverged(LabelwrightError):
    """The loss is no longer a number."""


@dataclasses.dataclass(frozen=True, slots=True)
class Channels:
    """Where the pictures come from.

    Attributes
    ----------
    training, validation : Batches
    training_share, validation_share : Share
        What this process takes of them.
    """

    training: Batches
    validation: Batches
    training_share: Share
    validation_share: Share


class Training:
    """One training run.

    Parameters
    ----------
    model : Detector
        On its device.
    optimizer : Optimizer
    values : mapping
        Parsed hyperparameters.
    channels : Channels
    processes : Processes
    precision : Precision
    checkpoints : Checkpoints
    log : JobLog
    seed : int
    cropping : Cropping or None
        None trains on whole pictures.
    """

    def __init__(
        self,
        model: Detector,
        optimizer: torch.optim.Optimizer,
        values: Mapping[str, Any],
        channels: Channels,
        *,
        processes: Processes,
        precision: Precision,
        checkpoints: Checkpoints,
        log: JobLog,
        seed: int = 0,
        cropping: Cropping | None = None,
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.epochs = Epochs(
            model,
            optimizer,
            values,
            processes=processes,
            precision=precision,
            checkpoints=checkpoints,
            log=log,
            score_name="validation mAP",
        )
        self._values, self._channels = values, channels
        self._processes, self._precision = processes, precision
        self._log = log
        self._seed, self._cropping = seed, cropping
        self._is_async = values["kv_store"] == "dist_async" and processes.n_ranks > 1
        self._batch_size = max(1, math.ceil(values["mini_batch_size"] / processes.n_local))
        n_steps = math.ceil(values["num_training_samples"] / (self._batch_size * processes.n_ranks))
        self._n_warm_up = min(_WARM_UP_STEPS_MOST, n_steps)
        self._suppression = Suppression(values["nms_threshold"], values["nms_topk"])

    def run(self, wish: StopWish) -> None:
        """Train until all epochs are done, nothing gets better any more, or somebody wishes to stop.

        The model has the best weights in the end.

        Raises
        ------
        Diverged
            The loss is infinite or no number; the last checkpoint stays.
        """
        self._processes.share_weights(self.model)
        for epoch in self.epochs.left(wish):
            if not self._train_epoch(epoch, wish):
                self._log.warn_of(f"Asked to stop: training ends within epoch {epoch}.")
                break
            score = self._score(epoch)
            self.epochs.take_score(score, {"validation:mAP": score})
        self.epochs.best.put_into(self.model)

    def _train_epoch(self, epoch: int, wish: StopWish) -> bool:
        """One epoch; False when it was broken off."""
        values = self._values
        rate = step_rate(
            values["learning_rate"], epoch, values["lr_scheduler_step"], values["lr_scheduler_factor"]
        )
        generator = torch.Generator().manual_seed(hash((self._seed, epoch, self._processes.rank)) % 2**63)
        self.model.train()
        started, n_seen, i_batch = time.time(), 0, 0
        batches = self._channels.training.training(
            epoch, size=self._batch_size, share=self._channels.training_share, cropping=self._cropping
        )
        while True:
            batch = next(batches, None)
            goes_on, goes_well = self._processes.agree(batch is not None, not wish.is_there)
            if not goes_well:
                batches.close()
                return False
            if batch is None or not goes_on:
                batches.close()
                break
            set_rate(self.optimizer, rate * min(1.0, (self.epochs.n_steps + 1) / self._n_warm_up))
            batch = changed(batch, self._precision.pictures(batch.pictures), generator)
            entropy, distance = self._step_on(batch.pictures, batch.boxes_xyxy, batch.class_ids)
            n_seen += len(batch)
            i_batch += 1
            if i_batch % _LINE_EVERY == 0 or i_batch == 1:
                self._report(epoch, i_batch, entropy, distance)
        if i_batch % _LINE_EVERY and i_batch > 1:
            self._report(epoch, i_batch, entropy, distance)
        # Statistics of norms differ between processes in any case, weights with ``dist_async``.
        self._processes.average_weights(self.model)
        n_records = sum(self._processes.gather(n_seen))
        rate_seen = n_records / max(time.time() - started, 1e-9)
        self._log.throughput(f"train throughput={rate_seen:.6g} records/second")
        self._log.metrics(
            {"train.throughput": rate_seen, "train.records": n_records},
            algorithm="object-detection",
            epoch=epoch,
            started=started,
            ended=time.time(),
        )
        return True

    def _step_on(
        self, pictures: torch.Tensor, boxes: torch.Tensor, class_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Forward, loss, backward, step."""
        precision, device = self._precision, self._precision.device
        with precision.autocast():
            scores, offsets = self.model(pictures)
        entropy, distance = detection_loss(
            scores.float(), offsets.float(), self.model.anchors, boxes.to(device), class_ids.to(device)
        )
        self.optimizer.zero_grad(set_to_none=True)
        precision.scaler.scale(entropy + distance).backward()  # type: ignore[no-untyped-call,unused-ignore]  # torch
        precision.scaler.unscale_(self.optimizer)
        if not self._is_async:
            self._processes.average_gradients(self.model)
        nn.utils.clip_grad_norm_(self.model.parameters(), _LARGEST_GRADIENT_NORM)
        precision.scaler.step(self.optimizer)
        precision.scaler.update()
        self.epochs.n_steps += 1
        if self._is_async and self.epochs.n_steps % _ASYNC_EVERY == 0:
            self._processes.average_weights(self.model)
        return entropy.detach(), distance.detach()

    def _score(self, epoch: int) -> float:
        found = evaluate(
            self.model,
            self._channels.validation,
            epoch=epoch,
            batch_size=self._batch_size,
            share=self._channels.validation_share,
            precision=self._precision,
            suppression=self._suppression,
            overlap_threshold=self._values["overlap_threshold"],
            processes=self._processes,
        )
        score = found.mean_average_precision
        self._log.quality(epoch, f"validation mAP <score>=({score:.6g})")
        return score

    def _report(self, epoch: int, i_batch: int, entropy: torch.Tensor, distance: torch.Tensor) -> None:
        """The lines with losses; a loss that is no number is found here, every few steps."""
        values = {"cross_entropy": float(entropy), "smooth_l1": float(distance)}
        if not all(math.isfinite(value) for value in values.values()):
            raise Diverged(
                f"The loss is {values} in batch {i_batch} of epoch {epoch}. Lower learning_rate (now "
                f"{self._values['learning_rate']:g}), or look for broken boxes in the labels."
            )
        for name, value in values.items():
            self._log.train_loss(epoch, i_batch, name, value)
