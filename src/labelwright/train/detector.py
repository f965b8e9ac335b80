"""A small object detector for the CPU: a residual backbone with a feature pyramid under torchvision's FCOS.

FCOS has no anchor boxes: every place of three feature maps (strides 8, 16, 32) says which class covers it,
how far away the box's four sides are, and how central the place is. Losses, target assignment, box decoding
and non-maximum suppression are torchvision's; the backbone is ours and starts from random weights, so
nothing is downloaded.

References
----------
Tian, Shen, Chen, He (2019), FCOS: Fully Convolutional One-Stage Object Detection, ICCV, arXiv:1904.01355.
Lin, Dollar, Girshick, He, Hariharan, Belongie (2017), Feature Pyramid Networks for Object Detection, CVPR,
arXiv:1612.03144.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS, FCOSHead
from torchvision.ops import Conv2dNormActivation, FeaturePyramidNetwork

from labelwright.train.evaluate import Boxes

__all__ = ["DetectorShape", "build_detector", "detect"]


@dataclasses.dataclass(frozen=True, slots=True)
class DetectorShape:
    """What must be equal for two detectors to share weights.

    Attributes
    ----------
    n_classes : int
    width : int
        Channels of the first layer; the others are multiples of it.
    image_sides_px : tuple of int
        Pictures are scaled so that the shorter side has the first length, but the longer side not more than
        the second.
    """

    n_classes: int
    width: int = 14
    image_sides_px: tuple[int, int] = (240, 320)


class _Residual(nn.Module):
    """Two 3 x 3 convolutions and a short cut; the first may halve the resolution."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Conv2dNormActivation(n_in, n_out, 3, stride),
            Conv2dNormActivation(n_out, n_out, 3, activation_layer=None),
        )
        self.shortcut = Conv2dNormActivation(n_in, n_out, 1, stride, activation_layer=None)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return out


class _Backbone(nn.Module):
    """Picture (n, 3, h, w) to three maps of 64 channels at strides 8, 16 and 32."""

    out_channels = 64

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(Conv2dNormActivation(3, width, 5, 2), _Residual(width, 2 * width, 2))
        self.stage8 = _Residual(2 * width, 4 * width, 2)
        self.stage16 = _Residual(4 * width, 6 * width, 2)
        self.stage32 = _Residual(6 * width, 8 * width, 2)
        self.pyramid = FeaturePyramidNetwork([4 * width, 6 * width, 8 * width], self.out_channels)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        at8 = self.stage8(self.stem(x))
        at16 = self.stage16(at8)
        at32 = self.stage32(at16)
        maps: dict[str, Tensor] = self.pyramid({"stride8": at8, "stride16": at16, "stride32": at32})
        return maps


def build_detector(shape: DetectorShape) -> nn.Module:
    """A detector with random weights (drawn from torch's global generator: seed it first).

    In training mode it is called with pictures and targets and returns a dict of losses; in evaluation mode
    with pictures alone, and returns per picture a dict of ``boxes``, ``labels`` and ``scores``.
    """
    # FCOS wants one square "anchor" per place, whose side says which box sizes this map is responsible for.
    anchors = AnchorGenerator(sizes=((8,), (16,), (32,)), aspect_ratios=((1.0,),) * 3)
    shorter, longer = shape.image_sides_px
    model: nn.Module = FCOS(
        _Backbone(shape.width),
        num_classes=shape.n_classes,
        min_size=shorter,
        max_size=longer,
        image_mean=[0.45, 0.45, 0.45],
        image_std=[0.25, 0.25, 0.25],
        anchor_generator=anchors,
        head=FCOSHead(_Backbone.out_channels, 1, shape.n_classes, num_convs=2),
        score_thresh=0.05,
        nms_thresh=0.5,
        detections_per_img=100,
    )
    return model


@torch.inference_mode()
def detect(
    model: nn.Module, pictures: Iterable[Tensor], *, least_score: float = 0.05, batch_size: int = 8
) -> Iterator[Boxes]:
    """Boxes found in pictures, in their order, highest score first.

    Parameters
    ----------
    model : Module
        From `build_detector`; is put into evaluation mode.
    pictures : iterable of Tensor of shape (3, height, width), float32 in [0, 1]
        Sizes may differ.
    least_score : float
        Boxes below are left out. Keep it low when average precision is measured.
    batch_size : int
    """
    model.eval()
    device = next(model.parameters()).device
    batch: list[Tensor] = []

    def flush() -> Iterator[Boxes]:
        for found in model(batch) if batch else ():
            keep = found["scores"] >= least_score
            yield Boxes(
                found["boxes"][keep].double().cpu().numpy(),
                found["labels"][keep].cpu().numpy(),
                found["scores"][keep].double().cpu().numpy(),
            )
        batch.clear()

    for picture in pictures:
        batch.append(picture.to(device))
        if len(batch) == batch_size:
            yield from flush()
    yield from flush()
