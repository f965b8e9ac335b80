"""Image classification (ResNet): what it takes and reports.

https://docs.aws.amazon.com/sagemaker/latest/dg/image-classification.html

Beyond the documented values, ``base_network`` may be ``mobilenet`` (MobileNetV2): a network that trains and
answers in reasonable time without a GPU. ``num_layers`` has no meaning then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from labelwright.algorithms.channels import CONTENT_TYPES_OF_IMAGES, MODEL_CONTENT_TYPE
from labelwright.algorithms.description import Algorithm, ChannelRule, Hyperparameter, MetricDefinition
from labelwright.algorithms.hyperparameters import HyperparameterError

__all__ = ["ALGORITHM", "SMALL_IMAGE_LAYERS", "parse_image_shape", "parse_label_format"]

LARGE_IMAGE_LAYERS = (18, 34, 50, 101, 152, 200)
SMALL_IMAGE_LAYERS = (20, 32, 44, 56, 110)

_RECORDS_OR_IMAGES = ("application/x-recordio", *CONTENT_TYPES_OF_IMAGES)
_PRETRAINED_SHAPE = (3, 224, 224)
_SMALLEST_SIDE_PX = 8


def parse_image_shape(text: str) -> tuple[int, int, int]:
    """Channels, height and width.

    Raises
    ------
    ValueError
        Says what is wrong.

    Examples
    --------
    >>> parse_image_shape("3, 224,224")
    (3, 224, 224)
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(re.fullmatch(r"\d+", part) for part in parts):
        raise ValueError("it is not of the form 'channels,height,width' such as '3,224,224'")
    channels, height, width = (int(part) for part in parts)
    if channels not in (1, 3):
        raise ValueError(f"{channels} channels are given where 1 (grey) or 3 (RGB) can be")
    if min(height, width) < _SMALLEST_SIDE_PX:
        raise ValueError(f"height and width must be at least {_SMALLEST_SIDE_PX} pixels")
    return channels, height, width


def parse_label_format(content_type: str | None) -> str:
    """How a label of several classes is written: ``"multi-hot"`` (default) or ``"class-id"``.

    Parameters
    ----------
    content_type : str or None
        Of the channel, such as ``"application/x-recordio; label-format=class-id"``.

    Raises
    ------
    HyperparameterError
        The parameter has another value.

    Examples
    --------
    >>> parse_label_format("application/x-recordio;label-format = class-id")
    'class-id'
    """
    for part in (content_type or "").split(";")[1:]:
        name, _, value = (piece.strip().strip('"').lower() for piece in part.partition("="))
        if name == "label-format":
            if value not in ("multi-hot", "class-id"):
                raise HyperparameterError(
                    f"Unable to read data channel. The label-format {value!r} in the content type "
                    f"{content_type!r} is unknown; it must be 'multi-hot' or 'class-id'.",
                    field="ContentType",
                    value=value,
                )
            return value
    return "multi-hot"


def _check(values: Mapping[str, Any]) -> None:
    channels, height, width = values["image_shape"]
    if values["resize"] is not None and values["resize"] <= max(height, width):
        raise _error(
            "resize",
            values["resize"],
            f"The hyperparameter 'resize' is {values['resize']}; it must be larger than both the height and "
            f"the width of image_shape ({height} and {width}), or images are too small to be cropped.",
        )
    if values["use_weighted_loss"] and not values["multi_label"]:
        raise _error(
            "use_weighted_loss",
            "1",
            "The hyperparameter 'use_weighted_loss' is 1, but it is for multi-label classification only: "
            "set multi_label to 1 as well, or leave use_weighted_loss out.",
        )
    if values["top_k"] is not None and values["top_k"] > values["num_classes"]:
        raise _error(
            "top_k",
            values["top_k"],
            f"The hyperparameter 'top_k' is {values['top_k']}, but there are only {values['num_classes']} "
            "classes; it must be at least 2 and at most num_classes.",
        )
    if values["checkpoint_frequency"] is not None and values["checkpoint_frequency"] > values["epochs"]:
        raise _error(
            "checkpoint_frequency",
            values["checkpoint_frequency"],
            f"The hyperparameter 'checkpoint_frequency' is {values['checkpoint_frequency']}; it must not be "
            f"larger than epochs, which is {values['epochs']}.",
        )
    if values["use_pretrained_model"] and values["base_network"] == "resnet":
        if int(values["num_layers"]) in SMALL_IMAGE_LAYERS:
            raise _error(
                "use_pretrained_model",
                "1",
                f"There is no pretrained network with num_layers {values['num_layers']}; choose one of "
                f"{', '.join(map(str, LARGE_IMAGE_LAYERS))}, or set use_pretrained_model to 0.",
            )
        if (channels, height, width) != _PRETRAINED_SHAPE:
            raise _error(
                "image_shape",
                f"{channels},{height},{width}",
                f"The hyperparameter 'image_shape' is {channels},{height},{width}, but pretrained networks "
                "take images of 3,224,224 only: use that, or set use_pretrained_model to 0.",
            )
    if values["use_pretrained_model"] and channels != 3:
        raise _error(
            "image_shape",
            f"{channels},{height},{width}",
            "Pretrained networks take colour images: give an image_shape with 3 channels, or set "
            "use_pretrained_model to 0.",
        )


def _error(field: str, value: object, message: str) -> HyperparameterError:
    return HyperparameterError(message, field=field, value=str(value))


def _top_k_metric(given: Mapping[str, str]) -> tuple[MetricDefinition, ...]:
    """The metric whose name holds ``top_k``, where that is given."""
    k = given.get("top_k", "").partition(".")[0]
    if not k.isdigit():
        return ()
    regex = rf"Epoch\S* Validation-top_k_accuracy_{k}=(\S*)"
    return (MetricDefinition(f"validation:top_k_accuracy_{k}", regex),)


_HYPERPARAMETERS = (
    Hyperparameter("num_classes", "integer", required=True, minimum=1),
    Hyperparameter("num_training_samples", "integer", required=True, minimum=1),
    Hyperparameter(
        "num_layers", "choice", "152", choices=tuple(map(str, LARGE_IMAGE_LAYERS + SMALL_IMAGE_LAYERS))
    ),
    Hyperparameter("base_network", "choice", "resnet", choices=("resnet", "mobilenet")),
    Hyperparameter("image_shape", "text", "3,224,224", parse=parse_image_shape),
    Hyperparameter("use_pretrained_model", "boolean", "0"),
    Hyperparameter("mini_batch_size", "integer", "32", minimum=1, tunable=(8, 512)),
    Hyperparameter("epochs", "integer", "30", minimum=1),
    Hyperparameter("learning_rate", "number", "0.1", minimum=0, maximum=1, tunable=(1e-6, 0.5)),
    Hyperparameter("lr_scheduler_factor", "number", "0.1", minimum=0, maximum=1),
    Hyperparameter("lr_scheduler_step", "epochs", ""),
    Hyperparameter(
        "optimizer",
        "choice",
        "sgd",
        choices=("sgd", "adam", "rmsprop", "nag"),
        tunable=("sgd", "adam", "rmsprop", "nag"),
    ),
    Hyperparameter("momentum", "number", "0.9", minimum=0, maximum=1, tunable=(0.0, 0.999)),
    Hyperparameter("weight_decay", "number", "0.0001", minimum=0, maximum=1, tunable=(0.0, 0.999)),
    Hyperparameter("beta_1", "number", "0.9", minimum=0, maximum=1, tunable=(1e-6, 0.999)),
    Hyperparameter("beta_2", "number", "0.999", minimum=0, maximum=1, tunable=(1e-6, 0.999)),
    Hyperparameter("eps", "number", "1e-8", minimum=0, maximum=1, tunable=(1e-8, 1.0)),
    Hyperparameter("gamma", "number", "0.9", minimum=0, maximum=1, tunable=(1e-8, 0.999)),
    Hyperparameter("augmentation_type", "choice", "", choices=("crop", "crop_color", "crop_color_transform")),
    Hyperparameter("resize", "integer", "", minimum=1),
    Hyperparameter("top_k", "integer", "", minimum=2),
    Hyperparameter("multi_label", "boolean", "0"),
    Hyperparameter("use_weighted_loss", "boolean", "0"),
    Hyperparameter("checkpoint_frequency", "integer", "", minimum=1),
    Hyperparameter("precision_dtype", "choice", "float32", choices=("float32", "float16")),
    # "device" is what the original writes into hyperparams.json when nothing is given.
    Hyperparameter("kv_store", "choice", "device", choices=("dist_sync", "dist_async", "device")),
    Hyperparameter("early_stopping", "boolean", "False"),
    Hyperparameter("early_stopping_min_epochs", "integer", "10", minimum=1),
    Hyperparameter("early_stopping_patience", "integer", "5", minimum=1),
    Hyperparameter("early_stopping_tolerance", "number", "0.0", minimum=0, maximum=1),
)

ALGORITHM = Algorithm(
    name="image-classification",
    hyperparameters=_HYPERPARAMETERS,
    metrics=(
        MetricDefinition("train:accuracy", r"Epoch\S* Train-accuracy=(\S*)"),
        MetricDefinition("validation:accuracy", r"Epoch\S* Validation-accuracy=(\S*)"),
    ),
    more_metrics=_top_k_metric,
    objectives=MappingProxyType({"validation:accuracy": "Maximize"}),
    channels=(
        ChannelRule("train", content_types=_RECORDS_OR_IMAGES),
        ChannelRule("validation", content_types=_RECORDS_OR_IMAGES),
        ChannelRule("train_lst", "with-images"),
        ChannelRule("validation_lst", "with-images"),
        ChannelRule("model", "never", content_types=(MODEL_CONTENT_TYPE,)),
    ),
    can_checkpoint=True,
    can_continue=True,
    must_match=("base_network", "num_layers", "image_shape", "num_classes"),
    internal=MappingProxyType(
        {"_num_kv_servers": "auto", "_tuning_objective_metric": "", "_kvstore": "device"}
    ),
    check=_check,
)
