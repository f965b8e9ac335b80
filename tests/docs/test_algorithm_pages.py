"""The pages on built-in algorithms name every hyperparameter, choice, metric and channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelwright import algorithms

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", ["image-classification", "semantic-segmentation", "blazingtext"])
def test_everything_is_named(name: str) -> None:
    page = (REFERENCE / f"{name}.md").read_text(encoding="utf-8")
    algorithm = algorithms.get(name)
    wanted = [each.name for each in algorithm.hyperparameters]
    wanted += [
        choice
        for each in algorithm.hyperparameters
        for choice in each.choices
        if choice != "device" and not choice.isdigit()
    ]
    wanted += [each.name for each in algorithm.metrics]
    wanted += [each.name for each in algorithm.channels]
    assert [each for each in wanted if f"`{each}`" not in page] == []
    for each in algorithm.hyperparameters:
        if each.default not in (None, "", "device"):
            assert str(each.default) in page, each.name
