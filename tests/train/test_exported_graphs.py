"""Exported graphs are held against the network in PyTorch; one that answers otherwise is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from click.testing import CliRunner
from torch import nn

from labelwright import algorithms
from labelwright.cli import cli
from labelwright.exporting import export_graph
from labelwright.train.image_classification.networks import Classifier, build_classifier
from labelwright.train.image_classification.serving import export_classifier
from labelwright.train.toolkit.artifact import write_artifact

pytestmark = pytest.mark.train


GIVEN = {"num_classes": "4", "num_training_samples": "9", "num_layers": "20", "image_shape": "3,32,32"}


def keep(folder: Path, network: nn.Module) -> None:
    write_artifact(
        folder,
        algorithm="image-classification",
        hyperparameters=algorithms.effective_hyperparameters(algorithms.get("image-classification"), GIVEN),
        network={"multi_label": False},
        classes=None,
        image_shape=[3, 32, 32],
        final_metrics={},
        weights=network.state_dict(),
    )


def network_of(seed: int) -> Classifier:
    torch.manual_seed(seed)
    return build_classifier("resnet", 20, (3, 32, 32), 4)


def test_a_graph_is_held_against_its_network(tmp_path: Path) -> None:
    model, network = tmp_path / "model", network_of(0)
    keep(model, network)
    export_classifier(network, model / "model.onnx", image_shape=(3, 32, 32), multi_label=False)
    check = export_graph(model, tmp_path / "out.onnx")
    assert check.agreement is not None and check.is_good
    assert check.agreement.n_pictures == 4
    assert check.agreement.largest_difference < 1e-3
    # The same graph beside other weights.
    keep(model, network_of(1))
    found = CliRunner().invoke(cli, ["export", str(model), str(tmp_path / "out.onnx"), "--to", "onnx"])
    assert found.exit_code == 1
    assert "does not answer as the network in PyTorch does" in found.output
