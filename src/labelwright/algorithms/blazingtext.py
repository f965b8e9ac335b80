"""BlazingText: what it takes and reports.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html

Text classification (``mode`` supervised) and word vectors (skipgram, cbow, batch_skipgram) share one set of
hyperparameters here, as they share one image; those of the other modes are read and have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from labelwright.algorithms.description import Algorithm, ChannelRule, Hyperparameter, MetricDefinition
from labelwright.algorithms.hyperparameters import HyperparameterError

__all__ = ["ALGORITHM", "MODES", "WORD_VECTOR_MODES"]

WORD_VECTOR_MODES = ("batch_skipgram", "skipgram", "cbow")
MODES = (*WORD_VECTOR_MODES, "supervised")


def _check(values: Mapping[str, Any]) -> None:
    if values["max_char"] < values["min_char"]:
        raise HyperparameterError(
            f"The hyperparameter 'max_char' is {values['max_char']}; it must be at least min_char, which is "
            f"{values['min_char']}.",
            field="max_char",
            value=str(values["max_char"]),
        )


_HYPERPARAMETERS = (
    Hyperparameter("mode", "choice", required=True, choices=MODES, tunable=WORD_VECTOR_MODES),
    Hyperparameter("epochs", "integer", "5", minimum=1, tunable=(5, 15)),
    Hyperparameter("learning_rate", "number", "0.05", minimum=0, above_minimum=True, tunable=(0.005, 0.01)),
    Hyperparameter("min_count", "integer", "5", minimum=0, tunable=(0, 100)),
    Hyperparameter("vector_dim", "integer", "100", minimum=1, tunable=(32, 300)),
    Hyperparameter("buckets", "integer", "2000000", minimum=1, tunable=(1_000_000, 10_000_000)),
    # Text classification.
    Hyperparameter("word_ngrams", "integer", "2", minimum=1, tunable=(1, 3)),
    Hyperparameter("early_stopping", "boolean", "False"),
    Hyperparameter("patience", "integer", "4", minimum=1),
    Hyperparameter("min_epochs", "integer", "5", minimum=1),
    # Word vectors.
    Hyperparameter("batch_size", "integer", "11", minimum=1, tunable=(8, 32)),
    Hyperparameter("evaluation", "boolean", "True"),
    Hyperparameter("min_char", "integer", "3", minimum=1),
    Hyperparameter("max_char", "integer", "6", minimum=1),
    Hyperparameter("negative_samples", "integer", "5", minimum=1, tunable=(5, 25)),
    Hyperparameter(
        "sampling_threshold",
        "number",
        "0.0001",
        minimum=0,
        above_minimum=True,
        maximum=0.001,
        tunable=(0.0001, 0.001),
    ),
    Hyperparameter("subwords", "boolean", "False"),
    Hyperparameter("window_size", "integer", "5", minimum=1, tunable=(1, 10)),
)

ALGORITHM = Algorithm(
    name="blazingtext",
    hyperparameters=_HYPERPARAMETERS,
    metrics=(
        MetricDefinition("train:accuracy", r"#train_accuracy: (\S+)"),
        MetricDefinition("validation:accuracy", r"#validation_accuracy: (\S+)"),
        MetricDefinition("train:mean_rho", r"#mean_rho: (\S+)"),
    ),
    objectives=MappingProxyType({"validation:accuracy": "Maximize", "train:mean_rho": "Maximize"}),
    channels=(ChannelRule("train"), ChannelRule("validation", "never")),
    check=_check,
)
