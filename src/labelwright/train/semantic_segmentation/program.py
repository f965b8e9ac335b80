"""The training program of semantic segmentation."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import nn

from labelwright.train.semantic_segmentation.data import SegmentedPictures, open_channel
from labelwright.train.semantic_segmentation.losses import segmentation_loss
from labelwright.train.semantic_segmentation.masks import LabelMap, read_label_map
from labelwright.train.semantic_segmentation.metrics import Confusion
from labelwright.train.semantic_segmentation.pictures import Framing
from labelwright.train.semantic_segmentation.serving import export_segmenter
from labelwright.train.semantic_segmentation.starting import starting_network
from labelwright.train.toolkit.beginning import Job, begin
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.epochs import Epochs, checkpoints_of, leave_model
from labelwright.train.toolkit.normalization import keep_statistics, weigh_statistics
from labelwright.train.toolkit.optimizers import build_optimizer, cosine_rate, poly_rate, step_rate
from labelwright.train.toolkit.precision import precision_for
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.request import seed_of_run
from labelwright.train.toolkit.stepping import Stepper, in_step
from labelwright.train.toolkit.stopping import StopWish

__all__ = ["learning_rate", "train"]

_NAME = "semantic-segmentation"
_CROP_STEP_PX = 8
_HEAD_RATE = 10.0
"""How much faster new layers learn than a pretrained backbone (Chen et al. 2017, DeepLab, section 4.1)."""


def train(environment: Environment) -> None:
    """Train, and leave the model in ``environment.model_dir``.

    Raises
    ------
    CustomerError, labelwright.errors.InvalidRequest
        Settings or data are wrong.
    """
    if len(environment.hosts) > 1:
        raise CustomerError(
            f"Semantic segmentation trains on one instance; InstanceCount is {len(environment.hosts)}, "
            "give 1."
        )
    job = begin(environment, _NAME)
    with StopWish() as wish:
        run = _Run(job, wish)
        for epoch in run.epochs.left(wish):
            run.train_epoch(epoch)
            if wish.is_there:
                break
            run.validate(epoch)
        if job.processes.is_first:
            run.leave()
    job.processes.leave()


def learning_rate(values: dict[str, Any], epoch: int, share_of_epoch: float) -> float:
    """The rate at a moment: by epoch for ``step``, falling with every batch for ``poly`` and ``cosine``.

    Parameters
    ----------
    values : dict
        Checked hyperparameters.
    epoch : int
        From 0.
    share_of_epoch : float
        From 0 to 1.
    """
    rate, progress = values["learning_rate"], (epoch + share_of_epoch) / values["epochs"]
    match values["lr_scheduler"]:
        case "step":
            return step_rate(rate, epoch, values["lr_scheduler_step"], values["lr_scheduler_factor"])
        case "cosine":
            return cosine_rate(rate, progress)
    return poly_rate(rate, progress)


def _open(job: Job, seed: int) -> tuple[SegmentedPictures, SegmentedPictures]:
    values, processes, channels = job.values, job.processes, job.environment.channels
    crop_size = math.ceil(values["crop_size"] / _CROP_STEP_PX) * _CROP_STEP_PX
    framing = Framing(values["base_size"], crop_size)
    maps = channels.get("label_map")
    sides = []
    for name in ("train", "validation"):
        channel = job.environment.channel(name)
        source = open_channel(channel, channels.get(f"{name}_annotation"), pipe=processes.pipe_of(channel))
        labels = (
            LabelMap.scaled(1, values["num_classes"])
            if maps is None
            else read_label_map(maps.folder, name, values["num_classes"])
        )
        share = processes.share_of(channel, "drop" if name == "train" else "exact")
        sides.append(
            SegmentedPictures(source, labels, framing, values["num_classes"], share=share, seed=seed)
        )
    return sides[0], sides[1]


class _Run:
    """Everything that changes while a job is trained."""

    def __init__(self, job: Job, wish: StopWish) -> None:
        values = job.values
        self.job, self.wish = job, wish
        self.seed = seed_of_run()
        self.train, self.validation = _open(job, self.seed)
        self.precision = precision_for(job.processes.local_rank)
        self.start = starting_network(job, seed=self.seed)
        self.network = self.start.network
        if values["syncbn"] and job.processes.n_ranks > 1 and torch.cuda.is_available():
            convert = nn.SyncBatchNorm.convert_sync_batchnorm
            self.network = convert(self.network)  # type: ignore[no-untyped-call,unused-ignore]  # torch's
        self.precision.put(self.network)
        job.processes.share_weights(self.network)
        self.optimizer = self._optimizer()
        self.step = Stepper(self.network, self.optimizer, self.precision, job.processes)
        self.confusion = Confusion(values["num_classes"])
        self.epochs = Epochs(
            self.network,
            self.optimizer,
            values,
            processes=job.processes,
            precision=self.precision,
            checkpoints=checkpoints_of(job, "backbone", "algorithm", "crop_size", "num_classes", "optimizer"),
            log=job.log,
            score_name="validation mIOU",
        )

    def _optimizer(self) -> torch.optim.Optimizer:
        """Groups of parameters; each has as ``scale`` how its rate compares to the learning rate."""
        values = self.job.values
        optimizer = build_optimizer(
            values["optimizer"],
            self.network.parameters(),
            learning_rate=values["learning_rate"],
            momentum=values["momentum"],
            weight_decay=values["weight_decay"] if values["optimizer"] in ("sgd", "nag") else 0.0,
            gamma=values["gamma1"],
        )
        if values["optimizer"] == "rmsprop":
            for group in optimizer.param_groups:
                group["momentum"] = values["gamma2"]
        of_backbone = {id(parameter) for parameter in self.network.backbone.parameters()}
        groups = []
        for group in optimizer.param_groups:
            for is_new in (False, True):
                chosen = [p for p in group["params"] if (id(p) not in of_backbone) == is_new]
                scale = _HEAD_RATE if is_new and self.start.origin == "pretrained" else 1.0
                groups.append({**group, "params": chosen, "scale": scale})
        optimizer.param_groups[:] = [group for group in groups if group["params"]]
        return optimizer

    def train_epoch(self, epoch: int) -> None:
        """All batches of an epoch."""
        values, log, processes = self.job.values, self.job.log, self.job.processes
        batch_size = max(1, values["mini_batch_size"] // processes.n_local)
        n_samples = self.train.n_samples or values["num_training_samples"]
        n_batches = max(1, math.ceil(n_samples / (batch_size * processes.n_ranks)))
        torch.manual_seed(self.seed + epoch)  # dropout; so that a resumed run equals an unbroken one
        self.network.train()
        if self.start.keeps_statistics:
            keep_statistics(self.network.backbone)
        started, total, n_seen = time.monotonic(), 0.0, 0
        batches = in_step(self.train.training(epoch, batch_size), processes, self.wish)
        for i_batch, (pictures, truth) in enumerate(batches):
            rate = learning_rate(values, epoch, min(1.0, i_batch / n_batches))
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            if self.start.origin != "continued":
                trained = self.network.backbone if self.start.origin == "pretrained" else None
                weigh_statistics(self.network, self.epochs.n_steps, unless_trained=trained)
            pictures, truth = self.precision.moved(pictures, truth)
            with self.precision.autocast():
                scores, auxiliary = self.network.maps(pictures)
            loss = self.step(segmentation_loss(scores, auxiliary, truth))
            self.epochs.n_steps += 1
            total += loss * len(truth)
            n_seen += len(truth)
        processes.average_weights(self.network)
        if self.wish.is_there:
            return
        seconds = max(1e-9, time.monotonic() - started)
        log.quality(epoch, f"train loss <loss>={total / max(1, n_seen):.6g}")
        log.throughput(
            f"epoch={epoch}, train throughput={n_seen * processes.n_ranks / seconds:.4g} samples/sec"
        )

    def validate(self, epoch: int) -> None:
        """Score the network and say how good it is."""
        log = self.job.log
        self.score(epoch)
        accuracy, mean_iou = self.confusion.pixel_accuracy, self.confusion.mean_iou
        log.quality(epoch, f"validation pixel_accuracy <score>={accuracy:.6f}")
        log.quality(epoch, f"validation mIOU <score>={mean_iou:.6f}")
        self.epochs.take_score(mean_iou, {"validation:pixel_accuracy": accuracy, "validation:mIOU": mean_iou})

    def score(self, epoch: int) -> None:
        """Compare with all masks of the validation channel."""
        batch_size = self.job.values["validation_mini_batch_size"]
        self.network.eval()
        self.confusion.reset()
        batches = (
            self.validation.wholes(epoch) if batch_size == 1 else self.validation.middles(epoch, batch_size)
        )
        with torch.inference_mode(), self.precision.autocast():
            for pictures, truth in batches:
                pictures, truth = self.precision.moved(pictures, truth)
                scores = self.network.maps(pictures)[0]
                full = nn.functional.interpolate(
                    scores.float().contiguous(), size=truth.shape[-2:], mode="bilinear", align_corners=False
                )
                self.confusion.add(full.argmax(dim=1), truth)
        gathered = self.job.processes.gather(self.confusion.counts)
        self.confusion.counts = torch.stack(gathered).sum(dim=0)

    def leave(self) -> None:
        """Write the best weights and their graph."""
        values = self.job.values
        folder = leave_model(
            self.job,
            self.epochs,
            self.network,
            {
                "backbone": values["backbone"],
                "algorithm": values["algorithm"],
                "base_size": values["base_size"],
                "keeps_statistics": self.start.keeps_statistics,
            },
            image_shape=[3, values["base_size"], values["base_size"]],
        )
        export_segmenter(self.network, folder / "model.onnx")
