"""What image classification takes, and what it says to those who give something else."""

from __future__ import annotations

import re

import pytest

from labelwright.algorithms import HyperparameterError, effective_hyperparameters, get, parse_hyperparameters
from labelwright.algorithms.image_classification import parse_image_shape, parse_label_format

CLASSIFICATION = get("image-classification")
LEAST = {"num_classes": "4", "num_training_samples": "100"}


def test_defaults_are_the_documented_ones() -> None:
    values = parse_hyperparameters(CLASSIFICATION, LEAST)
    assert values["num_layers"] == "152"
    assert values["image_shape"] == (3, 224, 224)
    assert (values["learning_rate"], values["momentum"], values["weight_decay"]) == (0.1, 0.9, 0.0001)
    assert values["augmentation_type"] is None
    assert values["checkpoint_frequency"] is None
    assert effective_hyperparameters(CLASSIFICATION, LEAST)["image_shape"] == "3,224,224"


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"num_layers": "19"}, "num_layers", "'19' is not valid under any of the given schemas"),
        ({"learning_rate": "1.5"}, "learning_rate", "'1.5' is not valid under any of the given schemas"),
        ({"image_shape": "224,224"}, "image_shape", "'224,224' is not valid under any"),
        ({"image_shape": "2,32,32"}, "image_shape", "'2,32,32' is not valid under any"),
        ({"top_k": "1"}, "top_k", "'1' is not valid under any"),
        ({"top_k": "5"}, "top_k", "only 4 classes"),
        ({"resize": "224"}, "resize", "larger than both the height and the width"),
        ({"use_weighted_loss": "1"}, "use_weighted_loss", "set multi_label to 1"),
        ({"epochs": "3", "checkpoint_frequency": "4"}, "checkpoint_frequency", "larger than epochs"),
        ({"use_pretrained_model": "1", "image_shape": "3,64,64"}, "image_shape", "3,224,224 only"),
        ({"use_pretrained_model": "1", "num_layers": "20"}, "use_pretrained_model", "no pretrained network"),
        (
            {"use_pretrained_model": "1", "base_network": "mobilenet", "image_shape": "1,96,96"},
            "image_shape",
            "3 channels",
        ),
        ({"widht": "3"}, "widht", r"Additional properties are not allowed \('widht' was unexpected\)"),
    ],
)
def test_wrong_values_are_refused(given: dict[str, str], field: str, message: str) -> None:
    with pytest.raises(HyperparameterError, match=message) as caught:
        parse_hyperparameters(CLASSIFICATION, LEAST | given)
    assert caught.value.field == field


def test_layers_may_be_written_as_a_float() -> None:
    assert parse_hyperparameters(CLASSIFICATION, LEAST | {"num_layers": "50.0"})["num_layers"] == "50"


def test_missing_class_count_is_named() -> None:
    with pytest.raises(HyperparameterError, match="'num_classes' is a required property"):
        parse_hyperparameters(CLASSIFICATION, {"num_training_samples": "5"})


def test_light_network_may_be_pretrained_at_any_size() -> None:
    given = LEAST | {"use_pretrained_model": "1", "base_network": "mobilenet", "image_shape": "3,96,96"}
    assert parse_hyperparameters(CLASSIFICATION, given)["image_shape"] == (3, 96, 96)


def test_metrics_read_the_documented_lines() -> None:
    lines = [
        "[03/07/2018 22:31:52 INFO 140] Epoch[0] Train-accuracy=0.916667",
        "[03/07/2018 22:31:52 INFO 140] Epoch[0] Validation-accuracy=0.850000",
        "[03/07/2018 22:31:52 INFO 140] Epoch[0] Validation-top_k_accuracy_3=0.990000",
    ]
    definitions = CLASSIFICATION.metrics_of(LEAST | {"top_k": "3"})
    found = {
        each.name: match[1]
        for each in definitions
        for line in lines
        if (match := re.search(each.regex, line)) is not None
    }
    assert found == {
        "train:accuracy": "0.916667",
        "validation:accuracy": "0.850000",
        "validation:top_k_accuracy_3": "0.990000",
    }
    assert len(CLASSIFICATION.metrics_of(LEAST)) == 2


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, "multi-hot"),
        ("application/x-recordio", "multi-hot"),
        ("application/x-recordio; label-format=multi-hot", "multi-hot"),
        ("application/x-recordio;label-format=class-id", "class-id"),
        ("application/x-recordio ;  label-format = class-id ", "class-id"),
    ],
)
def test_label_format_is_read_from_the_content_type(content_type: str | None, expected: str) -> None:
    assert parse_label_format(content_type) == expected


def test_unknown_label_format_is_refused() -> None:
    with pytest.raises(HyperparameterError, match=r"'names' .* must be 'multi-hot' or 'class-id'"):
        parse_label_format("application/x-recordio; label-format=names")


def test_image_shape_allows_spaces() -> None:
    assert parse_image_shape(" 1, 28 ,28") == (1, 28, 28)
