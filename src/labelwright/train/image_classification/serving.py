"""A classifier as it answers requests, and its graph in ONNX."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from labelwright.train.image_classification.networks import Classifier
from labelwright.train.toolkit.convolutions import prepare_for_export
from labelwright.train.toolkit.export import export_onnx

__all__ = ["ServedClassifier", "export_classifier"]

_LUMA = (0.299, 0.587, 0.114)


class ServedClassifier(nn.Module):
    """From pixels as they are decoded to probabilities.

    Parameters
    ----------
    network : Classifier
    n_channels : int
        1: pictures are made grey (ITU-R 601, as Pillow does).
    multi_label : bool
        Independent sigmoids instead of a softmax.
    """

    def __init__(self, network: Classifier, n_channels: int, *, multi_label: bool) -> None:
        super().__init__()
        self.network = network
        self.n_channels = n_channels
        self.multi_label = multi_label

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities (n, n_classes) of images (n, height, width, 3), uint8."""
        data = images.permute(0, 3, 1, 2).float()
        if self.n_channels == 1:
            red, green, blue = data[:, :1], data[:, 1:2], data[:, 2:]
            data = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
        scores: Tensor = self.network(data)
        return scores.sigmoid() if self.multi_label else scores.softmax(dim=1)


def export_classifier(
    network: Classifier, path: Path, *, image_shape: tuple[int, int, int], multi_label: bool
) -> None:
    """Write ``model.onnx``: ``images`` (n, height, width, 3) uint8 to ``probabilities`` (n, n_classes).

    Parameters
    ----------
    network : Classifier
    path : Path
    image_shape : tuple of int
        Channels, height, width.
    multi_label : bool
    """
    n_channels, height, width = image_shape
    plain = copy.deepcopy(network).cpu().eval()
    prepare_for_export(plain)
    export_onnx(
        ServedClassifier(plain, n_channels, multi_label=multi_label),
        (torch.zeros(2, height, width, 3, dtype=torch.uint8),),
        path,
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_axes={"images": {0: "n"}, "probabilities": {0: "n"}},
    )
