"""Which image is which algorithm, and which channels it must have."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright import algorithms
from labelwright.errors import InvalidRequest

DETECTION = algorithms.get("object-detection")
RECORDS = "application/x-recordio"


@given(
    st.sampled_from(algorithms.NAMES),
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.sampled_from(["us-east-1", "eu-central-2", "cn-north-1", "ap-southeast-4"]),
    st.sampled_from(["amazonaws.com", "amazonaws.com.cn"]),
    st.sampled_from(["", ":1", ":latest", "@sha256:" + "0" * 64]),
)
def test_repository_name_alone_decides(name: str, account: str, region: str, domain: str, tag: str) -> None:
    assert algorithms.algorithm_of(f"{account}.dkr.ecr.{region}.{domain}/{name}{tag}") == name


@pytest.mark.parametrize(
    "image",
    [
        "",
        "python:3.12",
        "local:python",
        "localhost:5000/me/object-detection:1",
        "object-detection-2:1",
        "a/b/c",
    ],
)
def test_other_images_are_nobodys(image: str) -> None:
    assert algorithms.algorithm_of(image) is None


def test_unknown_name_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no built-in algorithm 'xgboost'"):
        algorithms.get("xgboost")


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ({"train": RECORDS}, "Required channel 'validation' is missing"),
        ({"train": RECORDS, "validation": RECORDS, "test": None}, "Channel 'test' is unknown"),
        (
            {"train": "image/jpeg", "validation": "image/jpeg"},
            "Required channel 'train_annotation' is missing",
        ),
        ({"train": "text/csv", "validation": RECORDS}, "Unable to read data channel 'train'"),
        (
            {"train": RECORDS, "validation": RECORDS, "model": RECORDS},
            "Unable to read data channel 'model'",
        ),
    ],
)
def test_wrong_channels_are_refused(channels: dict[str, str | None], message: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(message)):
        algorithms.check_channels(DETECTION, channels)


def test_right_channels_pass() -> None:
    algorithms.check_channels(DETECTION, {"train": RECORDS, "validation": None})
    algorithms.check_channels(
        DETECTION, {"train": "image/jpeg", "validation": "application/x-recordio"}, in_files=False
    )
    algorithms.check_channels(
        DETECTION,
        {
            "train": "image/png",
            "validation": "image/png",
            "train_annotation": "image/png",
            "validation_annotation": "image/png",
            "model": "application/x-sagemaker-model",
        },
    )


def test_metric_definitions_are_the_documented_ones() -> None:
    line = "[12/04/2018 22:51:59 INFO 140512837289792] "
    found = {
        definition.name: match.group(1)
        for definition in DETECTION.metrics
        for text in (
            "#quality_metric: host=algo-1, epoch=0, batch=10 train cross_entropy <loss>=1.0234",
            "#quality_metric: host=algo-1, epoch=0, batch=10 train smooth_l1 <loss>=0.7251",
            "#quality_metric: host=algo-1, epoch=0, validation mAP <score>=(0.033)",
            "#progress_metric: host=algo-1, completed 3.3 % of epochs",
            "#throughput_metric: host=algo-1, train throughput=12.3 records/second",
        )
        if (match := re.search(definition.regex, line + text))
    }
    assert found == {
        "train:cross_entropy": "1.0234",
        "train:smooth_l1": "0.7251",
        "validation:mAP": "0.033",
        "train:progress": "3.3",
        "train:throughput": "12.3",
    }
