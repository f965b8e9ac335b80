"""The networks of image classification: residual networks of every documented depth, and MobileNetV2.

Networks take pixels as they are (0 to 255) and scale them themselves, so that what serves a model needs to
know nothing of it. Module names are torchvision's, so that its weights fit.

References
----------
He, Zhang, Ren, Sun (2016), Deep residual learning for image recognition, CVPR, arXiv:1512.03385: table 1 for
depths 18 to 152, section 4.2 for the small images' networks. Depth 200 repeats its blocks (3, 24, 36, 3)
times, after He et al. (2016), Identity mappings in deep residual networks, ECCV, arXiv:1603.05027.
Sandler et al. (2018), MobileNetV2, CVPR, arXiv:1801.04381.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import MobileNetV2, mobilenet_v2
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from labelwright.train.toolkit.convolutions import speed_up

__all__ = ["Classifier", "build_classifier", "head_parameter_names"]

_SMALL_IMAGE_PX = 32  # up to this side, a first layer of stride 4 would leave next to nothing
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_GREY_MEAN, _GREY_DEVIATION = (0.449,), (0.226,)

_BLOCKS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], list[int]]] = {
    18: (BasicBlock, [2, 2, 2, 2]),
    34: (BasicBlock, [3, 4, 6, 3]),
    50: (Bottleneck, [3, 4, 6, 3]),
    101: (Bottleneck, [3, 4, 23, 3]),
    152: (Bottleneck, [3, 8, 36, 3]),
    200: (Bottleneck, [3, 24, 36, 3]),
}


class SmallImageResNet(nn.Module):
    """Three stages of 16, 32 and 64 channels with (n_layers - 2) / 6 blocks each."""

    def __init__(self, n_layers: int, n_channels: int, n_classes: int) -> None:
        super().__init__()
        n_blocks = (n_layers - 2) // 6
        self.conv1 = nn.Conv2d(n_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _stage(16, 16, n_blocks, stride=1)
        self.layer2 = _stage(16, 32, n_blocks, stride=2)
        self.layer3 = _stage(32, 64, n_blocks, stride=2)
        self.fc = nn.Linear(64, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Scores (n, n_classes) of scaled pixels (n, n_channels, h, w)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        scores: Tensor = self.fc(x.mean(dim=(2, 3)))
        return scores


def _stage(n_in: int, n_out: int, n_blocks: int, *, stride: int) -> nn.Sequential:
    shortcut = None
    if stride != 1 or n_in != n_out:
        shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))
    first = BasicBlock(n_in, n_out, stride, shortcut)
    return nn.Sequential(first, *(BasicBlock(n_out, n_out) for _ in range(n_blocks - 1)))


class Classifier(nn.Module):
    """A network on raw pixels.

    Parameters
    ----------
    body : Module
        From scaled pixels to one score for each class.
    n_channels : int
        1 or 3.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, body: nn.Module, n_channels: int) -> None:
        super().__init__()
        self.body = body
        mean, deviation = (_MEAN, _DEVIATION) if n_channels == 3 else (_GREY_MEAN, _GREY_DEVIATION)
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("scale", 1 / (255 * torch.tensor(deviation).view(1, -1, 1, 1)), persistent=False)

    def forward(self, data: Tensor) -> Tensor:
        """Scores before softmax or sigmoid.

        Parameters
        ----------
        data : Tensor of shape (n, n_channels, height, width)
            RGB or grey, 0 to 255, any dtype.

        Returns
        -------
        Tensor of shape (n, n_classes)
        """
        scores: Tensor = self.body((data.float() - self.mean) * self.scale)
        return scores


def build_classifier(
    base_network: str, n_layers: int, image_shape: tuple[int, int, int], n_classes: int
) -> Classifier:
    """A network with weights drawn at random (from torch's generator).

    Parameters
    ----------
    base_network : {"resnet", "mobilenet"}
    n_layers : int
        Depth of a residual network; see `labelwright.algorithms.image_classification`.
    image_shape : tuple of int
        Channels, height, width. Where both sides are at most 32, the large residual networks begin with a
        3 x 3 layer of stride 1 instead of a 7 x 7 one of stride 2 and a pooling.
    n_classes : int
    """
    n_channels, height, width = image_shape
    if base_network == "mobilenet":
        mobile = mobilenet_v2(num_classes=n_classes)
        if n_channels != 3:
            first = mobile.get_submodule("features.0")
            first[0] = nn.Conv2d(n_channels, 32, 3, 2, 1, bias=False)
        speed_up(mobile)
        return Classifier(mobile, n_channels)
    if n_layers in _BLOCKS:
        block, n_blocks = _BLOCKS[n_layers]
        body = ResNet(block, n_blocks, num_classes=n_classes, zero_init_residual=True)
        if max(height, width) <= _SMALL_IMAGE_PX:
            body.conv1 = nn.Conv2d(n_channels, 64, 3, padding=1, bias=False)
            body.maxpool = nn.Identity()
        elif n_channels != 3:
            body.conv1 = nn.Conv2d(n_channels, 64, 7, 2, 3, bias=False)
        speed_up(body)
        return Classifier(body, n_channels)
    return Classifier(SmallImageResNet(n_layers, n_channels, n_classes), n_channels)


def head_parameter_names(network: Classifier) -> tuple[str, ...]:
    """Names of the last fully connected layer's parameters: what pretrained weights do not fill."""
    last = "body.classifier.1" if isinstance(network.body, MobileNetV2) else "body.fc"
    return (f"{last}.weight", f"{last}.bias")
