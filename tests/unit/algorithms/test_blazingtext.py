"""BlazingText's table: defaults, what is refused, and the metrics its log lines give."""

from __future__ import annotations

import re

import pytest

from labelwright import algorithms
from labelwright.algorithms import HyperparameterError, parse_hyperparameters

ALGORITHM = algorithms.get("blazingtext")


def test_defaults_are_the_documented_ones() -> None:
    values = parse_hyperparameters(ALGORITHM, {"mode": "supervised"})
    wanted = {"epochs": 5, "learning_rate": 0.05, "min_count": 5, "vector_dim": 100, "word_ngrams": 2}
    wanted |= {"buckets": 2_000_000, "early_stopping": False, "patience": 4, "min_epochs": 5}
    wanted |= {"batch_size": 11, "negative_samples": 5, "sampling_threshold": 0.0001, "window_size": 5}
    assert {name: values[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "'mode' is a required property"),
        ({"mode": "unsupervised"}, "one of batch_skipgram, skipgram, cbow, supervised"),
        ({"mode": "supervised", "learning_rate": "0"}, "a number above 0"),
        ({"mode": "supervised", "epochs": "0"}, "at least 1"),
        ({"mode": "supervised", "min_count": "-1"}, "at least 0"),
        ({"mode": "skipgram", "sampling_threshold": "0.01"}, "above 0 and at most 0.001"),
        ({"mode": "skipgram", "min_char": "7"}, "at least min_char, which is 7"),
    ],
)
def test_wrong_values_are_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(HyperparameterError, match=re.escape(says)):
        parse_hyperparameters(ALGORITHM, given)


def test_metrics_read_the_documented_lines() -> None:
    regexes = {metric.name: metric.regex for metric in ALGORITHM.metrics}
    lines = {
        "train:accuracy": "#train_accuracy: 0.9888",
        "validation:accuracy": "#validation_accuracy: 0.9888",
    }
    for name, line in lines.items():
        found = re.search(regexes[name], line)
        assert found is not None and float(found.group(1)) == 0.9888
