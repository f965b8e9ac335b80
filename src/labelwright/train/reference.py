"""A trained network in PyTorch as it was before it became a graph; to check graphs against."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelwright import algorithms
from labelwright.train.toolkit.artifact import read_artifact

__all__ = ["reference_outputs"]

Outputs = npt.NDArray[np.float32]


def reference_outputs(model_dir: Path) -> Callable[[npt.NDArray[np.uint8]], Outputs]:
    """What the network of an artifact answers.

    Parameters
    ----------
    model_dir : Path
        With ``model.safetensors``.

    Returns
    -------
    callable
        Takes pictures (n, height, width, 3), uint8, and gives what the graph gives: ``detections`` padded
        with rows of class -1, or ``probabilities``.

    Raises
    ------
    CustomerError
        The artifact cannot be read.
    """
    artifact = read_artifact(model_dir)
    name = str(artifact.description["algorithm"])
    given = {
        key: value
        for key, value in json.loads((model_dir / "hyperparams.json").read_bytes()).items()
        if value != ""
    }
    values = algorithms.parse_hyperparameters(algorithms.get(name), given)
    return _BUILDERS[name](artifact.description, values, artifact.weights)


def _detector(
    description: dict[str, Any], values: dict[str, Any], weights: dict[str, torch.Tensor]
) -> Callable[[npt.NDArray[np.uint8]], Outputs]:
    from labelwright.train.object_detection.detecting import Suppression, detections
    from labelwright.train.object_detection.network import Detector, DetectorShape

    model = Detector(DetectorShape.of_hyperparameters(values))
    model.load_state_dict(weights)
    model.eval()
    network = description["network"]
    suppression = Suppression(network["nms_threshold"], network["nms_topk"])

    @torch.no_grad()
    def run(pictures: npt.NDArray[np.uint8]) -> Outputs:
        scores, offsets = model(torch.tensor(pictures).permute(0, 3, 1, 2).float() / 255)
        found = detections(scores, offsets, model.anchors, suppression)
        rows = np.full((len(pictures), max([1, *(len(each.scores) for each in found)]), 6), -1.0, np.float32)
        for i, each in enumerate(found):
            n = len(each.scores)
            rows[i, :n, 0], rows[i, :n, 1] = each.class_ids, each.scores
            rows[i, :n, 2:] = each.boxes_xyxy_px  # shares of the sides here
        return rows

    return run


def _classifier(
    description: dict[str, Any], values: dict[str, Any], weights: dict[str, torch.Tensor]
) -> Callable[[npt.NDArray[np.uint8]], Outputs]:
    from labelwright.train.image_classification.networks import build_classifier
    from labelwright.train.image_classification.serving import ServedClassifier

    shape = values["image_shape"]
    network = build_classifier(
        values["base_network"], int(values["num_layers"]), shape, int(values["num_classes"])
    )
    network.load_state_dict(weights)
    return _module(ServedClassifier(network, shape[0], multi_label=bool(values["multi_label"])))


def _segmenter(
    description: dict[str, Any], values: dict[str, Any], weights: dict[str, torch.Tensor]
) -> Callable[[npt.NDArray[np.uint8]], Outputs]:
    from labelwright.train.semantic_segmentation.networks import build_segmenter
    from labelwright.train.semantic_segmentation.serving import ServedSegmenter

    network = build_segmenter(values["backbone"], values["algorithm"], int(values["num_classes"]))
    network.load_state_dict(weights)
    return _module(ServedSegmenter(network))


def _module(module: torch.nn.Module) -> Callable[[npt.NDArray[np.uint8]], Outputs]:
    module.eval()

    @torch.no_grad()
    def run(pictures: npt.NDArray[np.uint8]) -> Outputs:
        answer: Outputs = module(torch.tensor(pictures)).numpy()
        return answer

    return run


_BUILDERS = {
    "object-detection": _detector,
    "image-classification": _classifier,
    "semantic-segmentation": _segmenter,
}
