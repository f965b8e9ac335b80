"""What semantic segmentation takes, and what it says to those who give something else."""

from __future__ import annotations

import re

import pytest

from labelwright.algorithms import HyperparameterError, check_channels, get, parse_hyperparameters
from labelwright.errors import InvalidRequest

SEGMENTATION = get("semantic-segmentation")
LEAST = {"num_classes": "4", "num_training_samples": "100"}


def test_defaults_are_the_documented_ones() -> None:
    values = parse_hyperparameters(SEGMENTATION, LEAST)
    assert (values["backbone"], values["algorithm"]) == ("resnet-50", "fcn")
    assert (values["base_size"], values["crop_size"], values["epochs"]) == (520, 240, 10)
    assert values["use_pretrained_model"] is True
    assert values["lr_scheduler"] == "poly"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_classes": "255"}, "'255' is not valid under any of the given schemas"),
        ({"num_classes": "1"}, "'1' is not valid"),
        ({"crop_size": "16"}, "'16' is not valid"),
        ({"learning_rate": "0"}, "'0' is not valid"),
        ({"algorithm": "unet"}, "'unet' is not valid.*one of fcn, psp, deeplab"),
        ({"lr_scheduler": "step"}, "'lr_scheduler_step' is a required property"),
        ({"early_stopping": "perhaps"}, "'perhaps' is not valid"),
    ],
)
def test_wrong_values_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(HyperparameterError, match=re.compile(message, re.DOTALL)):
        parse_hyperparameters(SEGMENTATION, LEAST | given)


def test_masks_are_required_beside_image_files_only() -> None:
    files = {"train": "image/jpeg", "validation": "image/jpeg", "train_annotation": "image/png"}
    with pytest.raises(InvalidRequest, match="Required channel 'validation_annotation' is missing"):
        check_channels(SEGMENTATION, files)
    check_channels(SEGMENTATION, files | {"validation_annotation": "image/png", "label_map": None})
    check_channels(SEGMENTATION, {"train": "application/x-recordio", "validation": "application/x-recordio"})


def test_metrics_read_the_lines_as_they_are_written() -> None:
    prefix = "[05/22/2019 06:11:09 INFO 140] "
    lines = [
        "#quality_metric: host=algo-1, epoch=0, train loss <loss>=0.6931",
        "#quality_metric: host=algo-1, epoch=0, validation pixel_accuracy <score>=0.8123",
        "#quality_metric: host=algo-1, epoch=0, validation mIOU <score>=0.4312",
        "#throughput_metric: host=algo-1, epoch=0, train throughput=10.2 samples/sec",
        "#progress_metric: host=algo-1, completed 10 % of epochs",
    ]
    found = {
        each.name: match[1]
        for each in SEGMENTATION.metrics_of(LEAST)
        for line in lines
        if (match := re.search(each.regex, prefix + line)) is not None
    }
    assert found == {
        "train:loss": "0.6931",
        "validation:pixel_accuracy": "0.8123",
        "validation:mIOU": "0.4312",
        "train:throughput": "10.2",
        "train:progress": "10",
    }
