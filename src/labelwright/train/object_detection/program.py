"""What ``python -m labelwright.train object-detection`` does, from the settings to the model folder."""

from __future__ import annotations

import torch

from labelwright.algorithms import CONTENT_TYPES_OF_IMAGES
from labelwright.train.object_detection.batches import Batches
from labelwright.train.object_detection.crops import Cropping
from labelwright.train.object_detection.detecting import Suppression
from labelwright.train.object_detection.export import export_onnx
from labelwright.train.object_detection.labels import LabelRules, annotated_files, class_names
from labelwright.train.object_detection.loop import Channels, Training
from labelwright.train.object_detection.network import Detector, DetectorShape
from labelwright.train.toolkit.beginning import Job, begin
from labelwright.train.toolkit.continuing import continue_from_channel
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.epochs import checkpoints_of, leave_model
from labelwright.train.toolkit.optimizers import build_optimizer, freeze
from labelwright.train.toolkit.precision import precision_for
from labelwright.train.toolkit.pretrained import pretrained_weights
from labelwright.train.toolkit.request import seed_of_run
from labelwright.train.toolkit.samples import SampleSource, records_of_channel
from labelwright.train.toolkit.stopping import StopWish

__all__ = ["train"]

ALGORITHM = "object-detection"


def train(environment: Environment) -> None:
    """Train as the environment says and leave the model.

    Raises
    ------
    HyperparameterError, InvalidRequest, CustomerError
        The user's settings or data are wrong.
    Diverged
        The loss is no longer a number.
    """
    with StopWish() as wish:
        job = begin(environment, ALGORITHM)
        training, names = _training(job)
        training.run(wish)
        if job.processes.is_first:
            _leave(job, training, names)
        job.processes.leave()


def _training(job: Job) -> tuple[Training, list[str] | None]:
    """The run to be done, and the names of the classes where they are known."""
    values, seed = job.values, seed_of_run()
    torch.manual_seed(seed)
    precision = precision_for(job.processes.local_rank)
    model, names = _model(job)
    precision.put(model)
    optimizer = build_optimizer(
        values["optimizer"],
        model.parameters(),
        learning_rate=values["learning_rate"],
        momentum=values["momentum"],
        weight_decay=values["weight_decay"] if values["optimizer"] in ("sgd", "rmsprop") else 0.0,
    )
    channels, found_names = _channels(job, seed)
    training = Training(
        model,
        optimizer,
        values,
        channels,
        processes=job.processes,
        precision=precision,
        checkpoints=checkpoints_of(job, "base_network", "num_classes", "image_shape", "optimizer"),
        log=job.log,
        seed=seed,
        cropping=Cropping(),
    )
    return training, found_names or names


def _model(job: Job) -> tuple[Detector, list[str] | None]:
    """The detector to begin with, and the names of its classes where they are known."""
    values, log = job.values, job.log
    model = Detector(DetectorShape.of_hyperparameters(values))
    names: list[str] | None = None
    has_good_norms = False
    before = continue_from_channel(job, model)
    if before is not None:
        names = before.description.get("classes")
        has_good_norms = bool(before.description.get("network", {}).get("has_pretrained_base"))
    elif values["use_pretrained_model"]:
        weights = pretrained_weights(model.base.torchvision_name, log)
        if weights is not None:
            model.base.take_pretrained(weights)
            has_good_norms = True
    frozen = freeze(model, values["freeze_layer_pattern"], name_of=model.public_name)
    if values["freeze_layer_pattern"]:
        log.say(f"freeze_layer_pattern freezes {len(frozen)} of {len(list(model.parameters()))} parameters.")
    model.fix_norms(frozen, whole_base=has_good_norms)
    model.has_pretrained_base = has_good_norms
    return model, names


def _channels(job: Job, seed: int) -> tuple[Channels, list[str] | None]:
    environment, values, processes = job.environment, job.values, job.processes
    rules = LabelRules(values["num_classes"], values["label_width"])
    names: list[str] | None = None
    made = []
    for name in ("train", "validation"):
        channel = environment.channel(name)
        source: SampleSource
        if channel.mode != "Pipe" and channel.content_type in CONTENT_TYPES_OF_IMAGES:
            annotations = environment.channel(f"{name}_annotation")
            source = annotated_files(channel, annotations, job.log)
            names = names or class_names(annotations, values["num_classes"])
        else:
            source = records_of_channel(channel, pipe=processes.pipe_of(channel))
        made.append(Batches(source, rules, side_px=values["image_shape"], seed=seed))
    return (
        Channels(
            training=made[0],
            validation=made[1],
            training_share=processes.share_of(environment.channel("train"), "drop"),
            validation_share=processes.share_of(environment.channel("validation"), "exact"),
        ),
        names,
    )


def _leave(job: Job, training: Training, names: list[str] | None) -> None:
    values, model = job.values, training.model
    suppression, side = Suppression(values["nms_threshold"], values["nms_topk"]), values["image_shape"]
    folder = leave_model(
        job,
        training.epochs,
        model,
        {
            "base_network": values["base_network"],
            "n_classes": values["num_classes"],
            "has_pretrained_base": model.has_pretrained_base,
            "nms_threshold": suppression.nms_threshold,
            "nms_topk": suppression.nms_topk,
            "mean": model.mean.flatten().tolist(),
            "deviation": model.deviation.flatten().tolist(),
        },
        image_shape=[3, side, side],
        classes=names,
    )
    export_onnx(model, folder / "model.onnx", suppression)
