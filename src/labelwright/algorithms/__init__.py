"""What the built-in algorithms take and report: names, hyperparameters, channels, metrics. No training here.

The server reads these descriptions to check requests and to answer DescribeTrainingJob; `labelwright.train`
reads them inside the training program. So nothing here imports numpy, torch or the server.

>>> from labelwright import algorithms
>>> algorithms.algorithm_of("811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1")
'object-detection'
>>> algorithms.get("object-detection").objectives
mappingproxy({'validation:mAP': 'Maximize'})
"""

from __future__ import annotations

from labelwright.algorithms.catalog import NAMES, algorithm_of, get
from labelwright.algorithms.channels import CONTENT_TYPES_OF_IMAGES, check_channels, media_type
from labelwright.algorithms.description import (
    Algorithm,
    ChannelRule,
    Direction,
    Hyperparameter,
    MetricDefinition,
)
from labelwright.algorithms.hyperparameters import (
    HyperparameterError,
    effective_hyperparameters,
    parse_hyperparameters,
)

__all__ = [
    "Algorithm",
    "CONTENT_TYPES_OF_IMAGES",
    "ChannelRule",
    "Direction",
    "Hyperparameter",
    "HyperparameterError",
    "MetricDefinition",
    "NAMES",
    "algorithm_of",
    "check_channels",
    "effective_hyperparameters",
    "get",
    "media_type",
    "parse_hyperparameters",
]
