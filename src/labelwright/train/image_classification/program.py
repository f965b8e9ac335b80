"""The training program of image classification."""

from __future__ import annotations

import dataclasses
import math
import time

import torch
from safetensors.torch import save_file

from labelwright.algorithms.image_classification import parse_label_format
from labelwright.train.image_classification.data import ClassifiedPictures, LabelReader, open_channel
from labelwright.train.image_classification.losses import ClassificationLoss
from labelwright.train.image_classification.metrics import Scores
from labelwright.train.image_classification.pictures import Cropping
from labelwright.train.image_classification.serving import export_classifier
from labelwright.train.image_classification.starting import starting_network
from labelwright.train.toolkit.beginning import Job, begin
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.epochs import Epochs, checkpoints_of, leave_model
from labelwright.train.toolkit.normalization import keep_statistics, weigh_statistics
from labelwright.train.toolkit.optimizers import build_optimizer, set_rate, step_rate
from labelwright.train.toolkit.precision import Precision, precision_for
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.request import seed_of_run
from labelwright.train.toolkit.stepping import Stepper, in_step
from labelwright.train.toolkit.stopping import StopWish

__all__ = ["train"]

_LINE_EVERY = 20  # batches
_MODEL_FOLDER = "/opt/ml/model"


def train(environment: Environment) -> None:
    """Train, and leave the model in ``environment.model_dir``.

    Raises
    ------
    CustomerError, labelwright.errors.InvalidRequest
        Settings or data are wrong.
    """
    job = begin(environment, "image-classification")
    job.log.say("Creating checkpoint directory")
    if job.values["kv_store"] == "dist_async":
        job.log.warn_of(
            "kv_store=dist_async is not offered here; hosts average their gradients at every step."
        )
    with StopWish() as wish:
        run = _Run(job, wish)
        for epoch in run.epochs.left(wish):
            started = time.monotonic()
            accuracy = run.train_epoch(epoch)
            if wish.is_there:
                break
            for name, value in accuracy:
                job.log.say(f"Epoch[{epoch}] Train-{name}={value:.6f}")
            job.log.say(f"Epoch[{epoch}] Time cost={time.monotonic() - started:.3f}")
            run.validate(epoch)
        if job.processes.is_first:
            run.leave()
    job.processes.leave()


def _precision(job: Job) -> Precision:
    """float16 asks for mixed precision; on CPUs products are in whatever type the hardware is good at."""
    has_gpu = torch.cuda.is_available()
    return precision_for(job.processes.local_rank, wanted=job.values["precision_dtype"] if has_gpu else None)


@dataclasses.dataclass(slots=True)
class _Sides:
    """Both sides of the data."""

    train: ClassifiedPictures
    validation: ClassifiedPictures


def _open(job: Job, seed: int) -> _Sides:
    values, processes = job.values, job.processes
    cropping = Cropping(values["image_shape"], values["resize"], values["augmentation_type"])
    sides = []
    for name in ("train", "validation"):
        channel = job.environment.channel(name)
        if channel.mode != "Pipe" and channel.content_type.startswith(("image/", "application/x-image")):
            _need_resize(job)
        label_format = channel.parameters.get("label-format")
        reader = LabelReader(
            values["num_classes"],
            values["multi_label"],
            parse_label_format(f"{channel.content_type};label-format={label_format}")
            if label_format
            else "multi-hot",
        )
        source = open_channel(
            channel, job.environment.channels.get(f"{name}_lst"), pipe=processes.pipe_of(channel)
        )
        share = processes.share_of(channel, "drop" if name == "train" else "exact")
        sides.append(ClassifiedPictures(source, reader, cropping, share=share, seed=seed))
    return _Sides(*sides)


def _need_resize(job: Job) -> None:
    if job.values["resize"] is None:
        raise CustomerError(
            "'resize' is a required property (caused by ValidationError)\n\nCaused by: channels with image "
            "files need the hyperparameter 'resize': the length of the shorter side in pixels, larger than "
            "both sides of image_shape."
        )


class _Run:
    """Everything that changes while a job is trained."""

    def __init__(self, job: Job, wish: StopWish) -> None:
        values = job.values
        self.job, self.wish = job, wish
        self.seed = seed_of_run()
        self.sides = _open(job, self.seed)
        self.precision = _precision(job)
        self.start = starting_network(job, seed=self.seed)
        self.network = network = self.start.network
        self.precision.put(network)
        job.processes.share_weights(network)
        decays = values["optimizer"] in ("sgd", "nag")
        self.optimizer = build_optimizer(
            values["optimizer"],
            network.parameters(),
            learning_rate=values["learning_rate"],
            momentum=values["momentum"],
            weight_decay=values["weight_decay"] if decays else 0.0,
            betas=(values["beta_1"], values["beta_2"]),
            eps=values["eps"],
            gamma=values["gamma"],
        )
        self.step = Stepper(network, self.optimizer, self.precision, job.processes)
        self.loss = ClassificationLoss(
            values["num_classes"], multi_label=values["multi_label"], is_weighted=values["use_weighted_loss"]
        )
        self.scores = Scores(multi_label=values["multi_label"], top_k=values["top_k"])
        self.epochs = Epochs(
            network,
            self.optimizer,
            values,
            processes=job.processes,
            precision=self.precision,
            checkpoints=checkpoints_of(
                job, "base_network", "num_layers", "image_shape", "num_classes", "multi_label", "optimizer"
            ),
            log=job.log,
            score_name="validation accuracy",
            parts={"loss": self.loss},
        )

    def train_epoch(self, epoch: int) -> list[tuple[str, float]]:
        """All batches of an epoch; the names and values of its scores."""
        values, log, processes = self.job.values, self.job.log, self.job.processes
        rate = step_rate(
            values["learning_rate"], epoch, values["lr_scheduler_step"], values["lr_scheduler_factor"]
        )
        set_rate(self.optimizer, rate)
        torch.manual_seed(self.seed + epoch)  # dropout; so that a resumed run equals an unbroken one
        self.network.train()
        if self.start.keeps_statistics:
            keep_statistics(self.network)
        self.scores.reset()
        n_samples, line_started = 0, time.monotonic()
        batches = self.sides.train.training(epoch, max(1, values["mini_batch_size"] // processes.n_local))
        for i_batch, (pictures, truth) in enumerate(in_step(batches, processes, self.wish)):
            pictures, truth = self.precision.moved(pictures, truth)
            if not self.start.is_trained:
                weigh_statistics(self.network, self.epochs.n_steps)
            with self.precision.autocast():
                scores = self.network(pictures)
            self.step(self.loss(scores, truth))
            self.epochs.n_steps += 1
            self.scores.add(scores, truth)
            n_samples += len(truth) * processes.n_ranks
            if i_batch and i_batch % _LINE_EVERY == 0:
                speed = n_samples / max(1e-9, time.monotonic() - line_started)
                shown = "\t".join(f"{name}={value:.6f}" for name, value in self.scores.named())
                log.plain(
                    f"INFO:root:Epoch[{epoch}] Batch [{i_batch}]\tSpeed: {speed:.2f} samples/sec\t{shown}"
                )
                n_samples, line_started = 0, time.monotonic()
        processes.average_weights(self.network)
        return self._summed()

    def validate(self, epoch: int) -> None:
        """Score the network and write it if it is the best, or at the wanted epochs."""
        values, log = self.job.values, self.job.log
        self.network.eval()
        self.scores.reset()
        with torch.inference_mode(), self.precision.autocast():
            for pictures, truth in self.sides.validation.validation(epoch, values["mini_batch_size"]):
                pictures, truth = self.precision.moved(pictures, truth)
                self.scores.add(self.network(pictures), truth)
        named = self._summed()
        for name, value in named:
            log.say(f"Epoch[{epoch}] Validation-{name}={value:.6f}")
        accuracy = named[0][1] if math.isfinite(named[0][1]) else 0.0
        metrics = {f"validation:{name}": value for name, value in named}
        if self.epochs.take_score(accuracy, metrics) and values["checkpoint_frequency"] is None:
            self._save_weights("model.safetensors")
        if values["checkpoint_frequency"] and (epoch + 1) % values["checkpoint_frequency"] == 0:
            self._save_weights(f"image-classification-{epoch + 1:04d}.safetensors")

    def leave(self) -> None:
        """Write the best weights and their graph."""
        values = self.job.values
        folder = leave_model(
            self.job,
            self.epochs,
            self.network,
            {
                "base_network": values["base_network"],
                "num_layers": int(values["num_layers"]),
                "multi_label": values["multi_label"],
                "keeps_statistics": self.start.keeps_statistics,
            },
            image_shape=list(values["image_shape"]),
        )
        export_classifier(
            self.network,
            folder / "model.onnx",
            image_shape=values["image_shape"],
            multi_label=values["multi_label"],
        )

    def _summed(self) -> list[tuple[str, float]]:
        """The scores of all processes together."""
        self.scores.counts = torch.stack(self.job.processes.gather(self.scores.counts)).sum(dim=0)
        return self.scores.named()

    def _save_weights(self, name: str) -> None:
        if not self.job.processes.is_first:
            return
        temporary = self.job.environment.model_dir / f".{name}.tmp"
        save_file(
            {key: value.detach().cpu().contiguous() for key, value in self.network.state_dict().items()},
            temporary,
        )
        temporary.replace(self.job.environment.model_dir / name)
        self.job.log.say(f'Saved checkpoint to "{_MODEL_FOLDER}/{name}"')
