"""Frozen features under box and mask models: a pretrained MobileNetV2, or filters that need no weights.

Both turn pictures into one map for each stride (4, 8, 16 and 32 pixels). Nothing in them is trained, so the
maps of a picture are computed once for all iterations of a job; what is trained on top is small
(`labelwright.autolabel.job_nets`).

References
----------
Sandler, Howard, Zhu, Zhmoginov, Chen (2018), MobileNetV2: Inverted residuals and linear bottlenecks, CVPR,
arXiv:1801.04381.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from labelwright.autolabel.features.backbone import load_backbone

__all__ = ["STRIDES", "FilterBank", "PretrainedTrunk", "Trunk", "trunk_for"]

STRIDES = (4, 8, 16, 32)
_ENDS = (3, 6, 13, 17)  # the last block of MobileNetV2 at each of these strides
_ENDS_CHANNELS = (24, 32, 96, 320)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_N_ORIENTATIONS = 8
_BANK_CHANNELS = 6 + _N_ORIENTATIONS
_PIXELS = 4  # values a side that the finest map keeps of each cell


class Trunk(Protocol):
    """Frozen features of pictures.

    Attributes
    ----------
    key : str
        Equal for equal features; part of file names.
    channels : tuple of int
        Of the maps, in the order of `STRIDES`.
    """

    key: str
    channels: tuple[int, ...]

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """Maps of (n, 3, h, w) pictures in [0, 1] whose sides are divisible by 32, one for each stride."""


def trunk_for(weights: str | None) -> Trunk:
    """The trunk of a job: pretrained where the operator names weights.

    Parameters
    ----------
    weights : str or None
        Path of a state dict of torchvision's ``mobilenet_v2``; none or empty for filters.
    """
    return PretrainedTrunk(Path(weights)) if weights else FilterBank()


class PretrainedTrunk:
    """MobileNetV2; its first map is joined by the colours of each 2 x 2 pixels.

    Raises
    ------
    labelwright.errors.InvalidRequest
        For weights that cannot be read or belong to another network.
    """

    channels: tuple[int, ...] = (_ENDS_CHANNELS[0] + 12, *_ENDS_CHANNELS[1:])

    def __init__(self, weights: Path) -> None:
        self._body = load_backbone(weights)
        self.key = "mobilenet-" + hashlib.sha256(weights.read_bytes()).hexdigest()[:16]

    @torch.inference_mode()
    def maps(self, pictures: Tensor) -> list[Tensor]:
        """One map for each stride."""
        x = (pictures - torch.tensor(_MEAN).view(1, 3, 1, 1)) / torch.tensor(_DEVIATION).view(1, 3, 1, 1)
        found = []
        for i, block in enumerate(self._body.children()):
            x = block(x)
            if i in _ENDS:
                found.append(x)
            if i == _ENDS[-1]:
                break
        colors = functional.pixel_unshuffle(functional.avg_pool2d(pictures, 2), 2)
        return [torch.cat([found[0], colors], dim=1), *found[1:]]


class FilterBank:
    """Mean and spread of the colours and the strength of edges by orientation in every cell.

    The finest map keeps the pixels themselves as well, so that what is trained on top may learn filters of
    its own.
    """

    key = "filters"
    channels: tuple[int, ...] = (
        _BANK_CHANNELS + 3 * _PIXELS**2,
        _BANK_CHANNELS,
        _BANK_CHANNELS,
        _BANK_CHANNELS,
    )

    @torch.inference_mode()
    def maps(self, pictures: Tensor) -> list[Tensor]:
        """One map for each stride."""
        found = [_cells(pictures)]
        found[0] = torch.cat([found[0], functional.pixel_unshuffle(pictures, _PIXELS)], dim=1)
        for _ in STRIDES[1:]:
            pictures = functional.avg_pool2d(pictures, 2)
            found.append(_cells(pictures))
        return found


def _cells(pictures: Tensor) -> Tensor:
    """Colours and edges in cells of 4 x 4 pixels, (n, 14, h / 4, w / 4)."""
    mean = functional.avg_pool2d(pictures, 4)
    spread = (functional.avg_pool2d(pictures**2, 4) - mean**2).clamp(min=0).sqrt()
    gray = functional.pad(pictures.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    dx = gray[:, :, 1:-1, 2:] - gray[:, :, 1:-1, :-2]
    dy = gray[:, :, 2:, 1:-1] - gray[:, :, :-2, 1:-1]
    angles = torch.arange(_N_ORIENTATIONS).view(1, -1, 1, 1) * (2 * math.pi / _N_ORIENTATIONS)
    edges = functional.avg_pool2d((dx * angles.cos() + dy * angles.sin()).clamp(min=0), 4)
    return torch.cat([mean, spread, edges], dim=1)
