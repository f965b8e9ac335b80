"""A segmentation model as it answers requests, and its graph in ONNX."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from labelwright.train.semantic_segmentation.networks import PICTURE_STEP_PX, Segmenter
from labelwright.train.toolkit.convolutions import prepare_for_export
from labelwright.train.toolkit.export import export_onnx

__all__ = ["ServedSegmenter", "export_segmenter"]


class ServedSegmenter(nn.Module):
    """From pixels as they are decoded to probabilities of every class at every pixel."""

    def __init__(self, network: Segmenter) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities (n, n_classes, h, w) of images (n, h, w, 3), uint8; h and w multiples of 16."""
        scores: Tensor = self.network(images.permute(0, 3, 1, 2).float())
        return scores.softmax(dim=1)


def export_segmenter(network: Segmenter, path: Path) -> None:
    """Write ``model.onnx``: ``images`` (n, h, w, 3) uint8 to ``probabilities`` (n, n_classes, h, w).

    Number, height and width of the pictures are free.
    """
    plain = copy.deepcopy(network).cpu().eval()
    prepare_for_export(plain)
    side = 6 * PICTURE_STEP_PX
    export_onnx(
        ServedSegmenter(plain),
        (torch.zeros(2, side, side + PICTURE_STEP_PX, 3, dtype=torch.uint8),),
        path,
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_axes={
            "images": {0: "n", 1: "height", 2: "width"},
            "probabilities": {0: "n", 2: "height", 3: "width"},
        },
    )
