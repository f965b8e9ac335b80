"""torchvision's SSD at its defaults, with the networks that ours has.

``vgg-16`` is `torchvision.models.detection.ssd300_vgg16` as it comes. For ``mobilenet`` its `SSD` gets the
same base, extra maps, separable heads and anchors as ours, built from torchvision's parts.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import mobilenet_v2
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteHead, _extra_block
from torchvision.ops import FrozenBatchNorm2d
from torchvision.transforms.v2.functional import pil_to_tensor

NORM = partial(nn.BatchNorm2d)
SIZES = (0.06, 0.15, 0.3, 0.45, 0.6, 0.8, 1.04)  # the geometric means between them are our second squares
RATIOS = ([2], [2, 3], [2, 3], [2, 3], [2, 3], [2])


class Maps(nn.Module):
    """MobileNetV2 with a map before each of the last two halvings, its end, and three more."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = mobilenet_v2(norm_layer=FrozenBatchNorm2d).features
        self.extra = nn.ModuleList(
            [_extra_block(1280, 256, NORM), _extra_block(256, 128, NORM), _extra_block(128, 128, NORM)]
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps = []
        for i_block, block in enumerate(self.blocks):
            if i_block in (7, 14):
                wide = block.conv[0](x)
                maps.append(wide)
                x = block.conv[1:](wide)
            else:
                x = block(x)
        maps.append(x)
        for extra in self.extra:
            maps.append(extra(maps[-1]))
        return OrderedDict((str(i), each) for i, each in enumerate(maps))


def build(base: str, n_classes: int) -> nn.Module:
    """The detector with random weights; torchvision counts the background as a class."""
    if base == "vgg-16":
        return ssd300_vgg16(weights=None, weights_backbone=None, num_classes=n_classes + 1)
    anchors = DefaultBoxGenerator(RATIOS, scales=list(SIZES))
    channels = [192, 576, 1280, 256, 128, 128]
    head = SSDLiteHead(channels, anchors.num_anchors_per_location(), n_classes + 1, NORM)
    return SSD(Maps(), anchors, (300, 300), n_classes + 1, head=head)


def expect_background(head: nn.Module, n_scores: int) -> None:
    """Let an untrained head see nothing almost everywhere, as trained ones do."""
    last = [module for module in head.modules() if isinstance(module, nn.Conv2d)][-1]
    with torch.no_grad():
        last.bias.zero_()
        last.bias[::n_scores] = 6.0


def pictures(files: Sequence[bytes]) -> list[Tensor]:
    """Decoded as torchvision's references do."""
    return [pil_to_tensor(Image.open(io.BytesIO(each)).convert("RGB")).float() / 255 for each in files]


def targets(boxes: Sequence[Tensor], class_ids: Sequence[Tensor]) -> list[dict[str, Tensor]]:
    """Boxes in pixels."""
    return [{"boxes": each, "labels": ids + 1} for each, ids in zip(boxes, class_ids, strict=True)]


def step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: list[Tensor], wanted: list[dict[str, Tensor]]
) -> None:
    """One training step."""
    loss = torch.stack(list(model(batch, wanted).values())).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
