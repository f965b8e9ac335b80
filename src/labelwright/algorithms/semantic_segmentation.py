"""Semantic segmentation (FCN, PSP, DeepLab): what it takes and reports.

https://docs.aws.amazon.com/sagemaker/latest/dg/semantic-segmentation.html

Beyond the documented values, ``backbone`` may be ``resnet-18`` or ``mobilenet`` (MobileNetV2): networks that
train and answer in reasonable time without a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from labelwright.algorithms.channels import CONTENT_TYPES_OF_IMAGES, MODEL_CONTENT_TYPE
from labelwright.algorithms.description import Algorithm, ChannelRule, Hyperparameter, MetricDefinition
from labelwright.algorithms.hyperparameters import HyperparameterError

__all__ = ["ALGORITHM"]

_RECORDS_OR_IMAGES = ("application/x-recordio", *CONTENT_TYPES_OF_IMAGES)


def _check(values: Mapping[str, Any]) -> None:
    if values["lr_scheduler"] == "step" and not values["lr_scheduler_step"]:
        raise HyperparameterError(
            "'lr_scheduler_step' is a required property (caused by ValidationError)\n\n"
            "Caused by: lr_scheduler is 'step', which lowers the learning rate after the epochs that "
            "lr_scheduler_step lists; give some, such as '10, 20', or choose 'poly' or 'cosine'.",
            field="lr_scheduler_step",
        )


_HYPERPARAMETERS = (
    Hyperparameter("num_classes", "integer", required=True, minimum=2, maximum=254),
    Hyperparameter("num_training_samples", "integer", required=True, minimum=1),
    Hyperparameter(
        "backbone", "choice", "resnet-50", choices=("resnet-50", "resnet-101", "resnet-18", "mobilenet")
    ),
    Hyperparameter("use_pretrained_model", "boolean", "True"),
    Hyperparameter("algorithm", "choice", "fcn", choices=("fcn", "psp", "deeplab")),
    Hyperparameter("base_size", "integer", "520", minimum=16, above_minimum=True),
    Hyperparameter("crop_size", "integer", "240", minimum=16, above_minimum=True),
    Hyperparameter("epochs", "integer", "10", minimum=1),
    Hyperparameter("mini_batch_size", "integer", "16", minimum=1, tunable=(1, 128)),
    Hyperparameter("validation_mini_batch_size", "integer", "16", minimum=1),
    Hyperparameter(
        "learning_rate", "number", "0.001", minimum=0, above_minimum=True, maximum=1, tunable=(1e-4, 1e-1)
    ),
    Hyperparameter("lr_scheduler", "choice", "poly", choices=("step", "poly", "cosine")),
    Hyperparameter("lr_scheduler_factor", "number", "0.1", minimum=0, maximum=1),
    Hyperparameter("lr_scheduler_step", "epochs", ""),
    # "adadelta" is not among the documented choices, but among the values that are documented for tuning.
    Hyperparameter(
        "optimizer",
        "choice",
        "sgd",
        choices=("adam", "adagrad", "nag", "rmsprop", "sgd", "adadelta"),
        tunable=("sgd", "adam", "adadelta"),
    ),
    Hyperparameter(
        "momentum", "number", "0.9", minimum=0, above_minimum=True, maximum=1, tunable=(0.9, 0.999)
    ),
    Hyperparameter(
        "weight_decay",
        "number",
        "0.0001",
        minimum=0,
        above_minimum=True,
        maximum=1,
        below_maximum=True,
        tunable=(1e-5, 1e-3),
    ),
    Hyperparameter("gamma1", "number", "0.9", minimum=0, maximum=1),
    Hyperparameter("gamma2", "number", "0.9", minimum=0, maximum=1),
    Hyperparameter("syncbn", "boolean", "False"),
    Hyperparameter("early_stopping", "boolean", "False"),
    Hyperparameter("early_stopping_min_epochs", "integer", "5", minimum=1),
    Hyperparameter("early_stopping_patience", "integer", "4", minimum=1),
    Hyperparameter("early_stopping_tolerance", "number", "0.0", minimum=0, maximum=1),
)

_EPOCH = r"#quality_metric: host=\S+, epoch=\S+, "

ALGORITHM = Algorithm(
    name="semantic-segmentation",
    hyperparameters=_HYPERPARAMETERS,
    metrics=(
        MetricDefinition("train:progress", r"#progress_metric: host=\S+, completed (\S+) %"),
        MetricDefinition("train:loss", _EPOCH + r"train loss <loss>=(\S+)"),
        MetricDefinition(
            "train:throughput",
            r"#throughput_metric: host=\S+, epoch=\S+, train throughput=(\S+) samples/sec",
        ),
        MetricDefinition("validation:pixel_accuracy", _EPOCH + r"validation pixel_accuracy <score>=(\S+)"),
        MetricDefinition("validation:mIOU", _EPOCH + r"validation mIOU <score>=(\S+)"),
    ),
    objectives=MappingProxyType({"validation:mIOU": "Maximize", "validation:pixel_accuracy": "Maximize"}),
    channels=(
        ChannelRule("train", content_types=_RECORDS_OR_IMAGES),
        ChannelRule("validation", content_types=_RECORDS_OR_IMAGES),
        ChannelRule("train_annotation", "with-images", content_types=CONTENT_TYPES_OF_IMAGES),
        ChannelRule("validation_annotation", "with-images", content_types=CONTENT_TYPES_OF_IMAGES),
        ChannelRule("label_map", "never"),
        ChannelRule("model", "never", content_types=(MODEL_CONTENT_TYPE,)),
    ),
    can_checkpoint=True,
    can_continue=True,
    must_match=("backbone", "algorithm", "crop_size", "num_classes"),
    internal=MappingProxyType(
        {"_num_kv_servers": "auto", "_tuning_objective_metric": "", "_kvstore": "device"}
    ),
    check=_check,
)
