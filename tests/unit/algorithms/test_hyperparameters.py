"""Hyperparameters as strings become values, with the documented defaults and messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright import algorithms
from labelwright.algorithms import (
    HyperparameterError,
    effective_hyperparameters,
    parse_hyperparameters,
)

DETECTION = algorithms.get("object-detection")
LEAST = {"num_classes": "3", "num_training_samples": "200"}


def test_defaults_are_the_documented_ones() -> None:
    values = parse_hyperparameters(DETECTION, LEAST)
    assert values == {
        "num_classes": 3,
        "num_training_samples": 200,
        "base_network": "vgg-16",
        "use_pretrained_model": True,
        "image_shape": 300,
        "epochs": 30,
        "mini_batch_size": 32,
        "learning_rate": 0.001,
        "lr_scheduler_step": (),
        "lr_scheduler_factor": 0.1,
        "optimizer": "sgd",
        "momentum": 0.9,
        "weight_decay": 0.0005,
        "overlap_threshold": 0.5,
        "nms_threshold": 0.45,
        "nms_topk": 400,
        "label_width": 350,
        "freeze_layer_pattern": "",
        "kv_store": "device",
        "early_stopping": False,
        "early_stopping_min_epochs": 10,
        "early_stopping_patience": 5,
        "early_stopping_tolerance": 0.0,
    }


def test_artifact_keeps_every_documented_key_as_a_string() -> None:
    effective = effective_hyperparameters(DETECTION, LEAST | {"sagemaker_region": "x", "epochs": "5"})
    documented = (
        "label_width early_stopping_min_epochs epochs overlap_threshold lr_scheduler_factor _num_kv_servers "
        "weight_decay mini_batch_size use_pretrained_model freeze_layer_pattern lr_scheduler_step "
        "early_stopping early_stopping_patience momentum num_training_samples optimizer "
        "_tuning_objective_metric early_stopping_tolerance learning_rate kv_store nms_threshold num_classes "
        "base_network nms_topk _kvstore image_shape"
    )
    assert set(effective) == set(documented.split())
    assert all(isinstance(value, str) for value in effective.values())
    assert effective["epochs"] == "5"
    assert effective["early_stopping"] == "False"
    assert effective["_num_kv_servers"] == "auto"


@pytest.mark.parametrize(
    ("given_values", "first_line", "later"),
    [
        (
            LEAST | {"foo": "1"},
            "Additional properties are not allowed ('foo' was unexpected)",
            "object-detection has no such hyperparameter",
        ),
        (
            LEAST | {"foo": "1", "epoch": "1"},
            "Additional properties are not allowed ('epoch', 'foo' were unexpected)",
            "Did you mean 'epochs'?",
        ),
        ({"num_classes": "3"}, "'num_training_samples' is a required property", "at least 1"),
        (LEAST | {"epochs": "abc"}, "'abc' is not valid under any of the given schemas", "'epochs'"),
        (LEAST | {"learning_rate": "0"}, "'0' is not valid under any", "above 0 and at most 1"),
        (LEAST | {"learning_rate": "1.5"}, "'1.5' is not valid under any", "'learning_rate'"),
        (LEAST | {"learning_rate": "nan"}, "'nan' is not valid under any", "'learning_rate'"),
        (LEAST | {"lr_scheduler_factor": "1"}, "'1' is not valid under any", "below 1"),
        (LEAST | {"image_shape": "299"}, "'299' is not valid under any", "at least 300"),
        (LEAST | {"base_network": "vgg"}, "'vgg' is not valid under any", "vgg-16, resnet-50"),
        (LEAST | {"optimizer": ""}, "'' is not valid under any", "sgd, adam"),
        (LEAST | {"early_stopping": "yes"}, "'yes' is not valid under any", "True or False"),
        (LEAST | {"lr_scheduler_step": "20,10"}, "'20,10' is not valid under any", "rising"),
        (LEAST | {"mini_batch_size": "2.5"}, "'2.5' is not valid under any", "whole number"),
    ],
)
def test_wrong_ones_are_refused_with_the_documented_line(
    given_values: dict[str, str], first_line: str, later: str
) -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse_hyperparameters(DETECTION, given_values)
    first, *rest = str(caught.value).splitlines()
    assert first.startswith(first_line)
    assert later in "\n".join(rest)


def test_unknown_names_are_told_before_missing_ones_and_those_before_wrong_ones() -> None:
    with pytest.raises(HyperparameterError, match="Additional"):
        parse_hyperparameters(DETECTION, {"foo": "1", "epochs": "x"})
    with pytest.raises(HyperparameterError, match="required"):
        parse_hyperparameters(DETECTION, {"epochs": "x"})


def test_lenient_forms() -> None:
    values = parse_hyperparameters(
        DETECTION,
        LEAST
        | {
            "epochs": "2.0",
            "early_stopping": "true",
            "use_pretrained_model": "0",
            "lr_scheduler_step": " 3, 7 ",
            "learning_rate": "1e-2",
            "_tuning_objective_metric": "validation:mAP",
            "_kvstore": "device",
            "_num_gpus": "1",
            "sagemaker_program": "x.py",
        },
    )
    assert values["epochs"] == 2
    assert values["early_stopping"] is True
    assert values["use_pretrained_model"] is False
    assert values["lr_scheduler_step"] == (3, 7)
    assert values["learning_rate"] == 0.01


@given(st.text(max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for name in ("epochs", "learning_rate", "early_stopping", "lr_scheduler_step", "optimizer"):
        try:
            values = parse_hyperparameters(DETECTION, LEAST | {name: text})
        except HyperparameterError as error:
            assert error.field == name
        else:
            assert set(values) == {each.name for each in DETECTION.hyperparameters}


@given(st.integers(1, 10**9))
def test_whole_numbers_in_range_are_taken_as_they_are(number: int) -> None:
    assert parse_hyperparameters(DETECTION, LEAST | {"epochs": str(number)})["epochs"] == number
