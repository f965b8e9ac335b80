"""What ``python -m labelwright.train object-detection`` does, from the settings to the model folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from labelwright import algorithms
from labelwright.algorithms import Algorithm
from labelwright.train.object_detection.batches import Batches
from labelwright.train.object_detection.crops import Cropping
from labelwright.train.object_detection.detecting import Suppression
from labelwright.train.object_detection.export import export_onnx
from labelwright.train.object_detection.labels import LabelRules, annotated_files, class_names
from labelwright.train.object_detection.loop import Channels, Training
from labelwright.train.object_detection.network import Detector, DetectorShape
from labelwright.train.toolkit.artifact import Artifact, read_model_channel, write_artifact
from labelwright.train.toolkit.checkpoints import Checkpoints
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.optimizers import build_optimizer, freeze
from labelwright.train.toolkit.precision import precision_for
from labelwright.train.toolkit.pretrained import pretrained_weights
from labelwright.train.toolkit.problems import CustomerError
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
    algorithm = algorithms.get(ALGORITHM)
    given = environment.hyperparameters
    log = JobLog(environment.current_host, is_quiet="LABELWRIGHT_LOCAL_RANK" in os.environ)
    log.configuration(
        algorithms.effective_hyperparameters(algorithm, {}),
        {name: value for name, value in given.items() if not name.startswith("sagemaker_")},
        str(environment.base / "input" / "config" / "hyperparameters.json"),
    )
    values = algorithms.parse_hyperparameters(algorithm, given)
    algorithms.check_channels(
        algorithm,
        {name: channel.content_type or None for name, channel in environment.channels.items()},
        in_files=environment.channels["train"].mode != "Pipe" if "train" in environment.channels else True,
    )
    with StopWish() as wish:
        processes = Processes.join(environment, ALGORITHM)
        if not processes.is_first:
            log = JobLog(environment.current_host, is_quiet=True)
        _train(environment, algorithm, values, processes, log, wish)
        processes.leave()


def _train(
    environment: Environment,
    algorithm: Algorithm,
    values: Mapping[str, Any],
    processes: Processes,
    log: JobLog,
    wish: StopWish,
) -> None:
    seed = int(os.environ.get("LABELWRIGHT_SEED", "0"))
    torch.manual_seed(seed)
    precision = precision_for(processes.local_rank)
    if precision.device.type == "cpu":
        log.warn_of(f"There is no GPU; training on {torch.get_num_threads()} threads of the CPU.")
    effective = algorithms.effective_hyperparameters(algorithm, environment.hyperparameters)
    model, names = _model(environment, algorithm, values, effective, log)
    precision.put(model)
    optimizer = build_optimizer(
        values["optimizer"],
        model.parameters(),
        learning_rate=values["learning_rate"],
        momentum=values["momentum"],
        weight_decay=values["weight_decay"] if values["optimizer"] in ("sgd", "rmsprop") else 0.0,
    )
    channels, found_names = _channels(environment, values, processes, log, seed)
    training = Training(
        model,
        optimizer,
        values,
        channels,
        processes=processes,
        precision=precision,
        checkpoints=Checkpoints(
            environment.checkpoint_dir,
            {name: values[name] for name in ("base_network", "num_classes", "image_shape", "optimizer")},
        ),
        log=log,
        seed=seed,
        cropping=Cropping(),
    )
    training.run(wish)
    if processes.is_first:
        _leave_model(environment, training, values, effective, found_names or names, log)


def _model(
    environment: Environment,
    algorithm: Algorithm,
    values: Mapping[str, Any],
    effective: Mapping[str, str],
    log: JobLog,
) -> tuple[Detector, list[str] | None]:
    """The detector to begin with, and the names of its classes where they are known."""
    model = Detector(DetectorShape.of_hyperparameters(values))
    names: list[str] | None = None
    has_good_norms = False
    if "model" in environment.channels:
        with tempfile.TemporaryDirectory() as scratch:
            before = read_model_channel(environment.channels["model"], algorithm, effective, Path(scratch))
        _take_over(model, before)
        names = before.description.get("classes")
        has_good_norms = bool(before.description.get("network", {}).get("has_pretrained_base"))
        log.say("Going on from the model in channel 'model'; use_pretrained_model is ignored.")
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


def _take_over(model: Detector, before: Artifact) -> None:
    try:
        model.load_state_dict(before.weights)
    except RuntimeError as error:
        raise CustomerError(
            f"The model in channel 'model' does not fit: {str(error).splitlines()[0]} Give equal image_shape."
        ) from error


def _channels(
    environment: Environment, values: Mapping[str, Any], processes: Processes, log: JobLog, seed: int
) -> tuple[Channels, list[str] | None]:
    rules = LabelRules(values["num_classes"], values["label_width"])
    names: list[str] | None = None
    made = []
    for name in ("train", "validation"):
        channel = environment.channel(name)
        source: SampleSource
        if channel.mode != "Pipe" and channel.content_type in algorithms.CONTENT_TYPES_OF_IMAGES:
            annotations = environment.channel(f"{name}_annotation")
            source = annotated_files(channel, annotations, log)
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


def _leave_model(
    environment: Environment,
    training: Training,
    values: Mapping[str, Any],
    effective: Mapping[str, str],
    names: list[str] | None,
    log: JobLog,
) -> None:
    model, suppression = training.model, Suppression(values["nms_threshold"], values["nms_topk"])
    metrics = {"validation:mAP": training.best.score} if training.best.weights is not None else {}
    side = values["image_shape"]
    write_artifact(
        environment.model_dir,
        algorithm=ALGORITHM,
        hyperparameters=effective,
        network={
            "base_network": values["base_network"],
            "n_classes": values["num_classes"],
            "has_pretrained_base": model.has_pretrained_base,
            "nms_threshold": suppression.nms_threshold,
            "nms_topk": suppression.nms_topk,
            "mean": model.mean.flatten().tolist(),
            "deviation": model.deviation.flatten().tolist(),
        },
        classes=names,
        image_shape=[3, side, side],
        final_metrics=metrics,
        weights=model.state_dict(),
    )
    export_onnx(model, environment.model_dir / "model.onnx", suppression)
    best = f"epoch {training.best.epoch}, mAP {training.best.score:.6g}" if metrics else "no finished epoch"
    log.say(f"The model has the weights of {best}.")
