"""Object detection (SSD): what it takes and reports.

https://docs.aws.amazon.com/sagemaker/latest/dg/object-detection.html

Beyond the documented values, ``base_network`` may be ``resnet-18`` or ``mobilenet`` (MobileNetV2): networks
that train and answer in reasonable time without a GPU.
"""

from __future__ import annotations

from types import MappingProxyType

from labelwright.algorithms.channels import CONTENT_TYPES_OF_IMAGES, MODEL_CONTENT_TYPE
from labelwright.algorithms.description import Algorithm, ChannelRule, Hyperparameter, MetricDefinition

__all__ = ["ALGORITHM"]

_RECORDS_OR_IMAGES = ("application/x-recordio", *CONTENT_TYPES_OF_IMAGES)

_HYPERPARAMETERS = (
    Hyperparameter("num_classes", "integer", required=True, minimum=1),
    Hyperparameter("num_training_samples", "integer", required=True, minimum=1),
    Hyperparameter(
        "base_network", "choice", "vgg-16", choices=("vgg-16", "resnet-50", "resnet-18", "mobilenet")
    ),
    Hyperparameter("use_pretrained_model", "boolean", "1"),
    Hyperparameter("image_shape", "integer", "300", minimum=300),
    Hyperparameter("epochs", "integer", "30", minimum=1),
    Hyperparameter("mini_batch_size", "integer", "32", minimum=1, tunable=(8, 64)),
    Hyperparameter(
        "learning_rate", "number", "0.001", minimum=0, above_minimum=True, maximum=1, tunable=(1e-6, 0.5)
    ),
    Hyperparameter("lr_scheduler_step", "epochs", ""),
    Hyperparameter(
        "lr_scheduler_factor", "number", "0.1", minimum=0, above_minimum=True, maximum=1, below_maximum=True
    ),
    Hyperparameter(
        "optimizer",
        "choice",
        "sgd",
        choices=("sgd", "adam", "rmsprop", "adadelta"),
        tunable=("sgd", "adam", "rmsprop", "adadelta"),
    ),
    Hyperparameter(
        "momentum", "number", "0.9", minimum=0, above_minimum=True, maximum=1, tunable=(0.0, 0.999)
    ),
    Hyperparameter(
        "weight_decay",
        "number",
        "0.0005",
        minimum=0,
        above_minimum=True,
        maximum=1,
        below_maximum=True,
        tunable=(0.0, 0.999),
    ),
    Hyperparameter("overlap_threshold", "number", "0.5", minimum=0, above_minimum=True, maximum=1),
    Hyperparameter("nms_threshold", "number", "0.45", minimum=0, above_minimum=True, maximum=1),
    Hyperparameter("nms_topk", "integer", "400", minimum=1),
    Hyperparameter("label_width", "integer", "350", minimum=2),
    Hyperparameter("freeze_layer_pattern", "text", ""),
    # "device" is what the original writes into hyperparams.json when nothing is given.
    Hyperparameter("kv_store", "choice", "device", choices=("dist_sync", "dist_async", "device")),
    Hyperparameter("early_stopping", "boolean", "False"),
    Hyperparameter("early_stopping_min_epochs", "integer", "10", minimum=1),
    Hyperparameter("early_stopping_patience", "integer", "5", minimum=1),
    Hyperparameter("early_stopping_tolerance", "number", "0.0", minimum=0, maximum=1),
)

_METRICS = (
    MetricDefinition("train:progress", r"#progress_metric: host=\S+, completed (\S+) %"),
    MetricDefinition(
        "train:smooth_l1",
        r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train smooth_l1 <loss>=(\S+)",
    ),
    MetricDefinition(
        "train:cross_entropy",
        r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train cross_entropy <loss>=(\S+)",
    ),
    MetricDefinition(
        "train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second"
    ),
    MetricDefinition(
        "validation:mAP", r"#quality_metric: host=\S+, epoch=\S+, validation mAP <score>=\((\S+)\)"
    ),
)

ALGORITHM = Algorithm(
    name="object-detection",
    hyperparameters=_HYPERPARAMETERS,
    metrics=_METRICS,
    objectives=MappingProxyType({"validation:mAP": "Maximize"}),
    channels=(
        ChannelRule("train", content_types=_RECORDS_OR_IMAGES),
        ChannelRule("validation", content_types=_RECORDS_OR_IMAGES),
        ChannelRule("train_annotation", "with-images"),
        ChannelRule("validation_annotation", "with-images"),
        ChannelRule("model", "never", content_types=(MODEL_CONTENT_TYPE,)),
    ),
    can_checkpoint=True,
    can_continue=True,
    must_match=("base_network", "num_classes"),
    internal=MappingProxyType(
        {"_num_kv_servers": "auto", "_tuning_objective_metric": "", "_kvstore": "device"}
    ),
)
