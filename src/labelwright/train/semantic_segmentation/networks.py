"""The networks of semantic segmentation: FCN, PSP and DeepLab on residual networks or MobileNetV2.

With resnet-50 and resnet-101 the networks are those of the papers: maps of stride 8 throughout, a head on
them, scores enlarged to the picture, and a second head half-way for the loss alone. With the light backbones
(resnet-18, mobilenet) the last map has stride 32, heads are narrow and separable, and their map is joined by
those of stride 16 and 4 before scores are given, as the decoder of DeepLabv3+ does with one: a small part of
the work, and sharper edges.

Networks take pixels as they are (0 to 255) and scale them themselves. The backbone's module names are
torchvision's below ``backbone.``, so that its weights fit.

References
----------
Long, Shelhamer, Darrell (2015), Fully convolutional networks for semantic segmentation, CVPR,
arXiv:1411.4038.
Zhao, Shi, Qi, Wang, Jia (2017), Pyramid scene parsing network, CVPR, arXiv:1612.01105, section 3.2 and the
auxiliary loss of section 3.3.
Chen, Papandreou, Schroff, Adam (2017), Rethinking atrous convolution for semantic image segmentation
(DeepLabv3), arXiv:1706.05587, section 3.3.
Chen, Zhu, Papandreou, Schroff, Adam (2018), Encoder-decoder with atrous separable convolution
(DeepLabv3+), ECCV, arXiv:1802.02611, section 3.1 (the decoder).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from labelwright.train.toolkit.convolutions import speed_up

__all__ = ["PICTURE_STEP_PX", "Segmenter", "build_segmenter"]

PICTURE_STEP_PX = 16
"""Pictures go through finished networks with sides that are multiples of this; while training with any."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BINS = (1, 2, 3, 6)
_LIGHT_WIDTH, _MIDDLE_WIDTH, _FINE_WIDTH = 128, 64, 32


_RESNETS = {"resnet-18": models.resnet18, "resnet-50": models.resnet50, "resnet-101": models.resnet101}


class _Residual(nn.Module):
    """Maps of the first stage, the last but one and the last, from a residual network."""

    def __init__(self, name: str) -> None:
        super().__init__()
        whole = _RESNETS[name]()
        self.is_light = name == "resnet-18"
        if not self.is_light:
            _dilate(whole.layer3, 1, 2)
            _dilate(whole.layer4, 2, 4)
        self.conv1, self.bn1, self.relu, self.maxpool = whole.conv1, whole.bn1, whole.relu, whole.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            whole.layer1,
            whole.layer2,
            whole.layer3,
            whole.layer4,
        )
        self.channels = (64, 256, 512) if self.is_light else (256, 1024, 2048)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of strides 4, 8 (light: 16) and 8 (light: 32)."""
        fine = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(x)))))
        middle = self.layer3(self.layer2(fine))
        return fine, middle, self.layer4(middle)


class _Mobile(nn.Module):
    """Maps of strides 4, 16 and 32 from MobileNetV2."""

    is_light = True
    channels = (24, 96, 320)

    def __init__(self) -> None:
        super().__init__()
        self.features = models.mobilenet_v2().features[:18]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of strides 4, 16 and 32."""
        fine = self.features[:4](x)
        middle = self.features[4:14](fine)
        return fine, middle, self.features[14:](middle)


def _dilate(stage: nn.Module, before: int, dilation: int) -> None:
    """Let a stage keep the size of its map, and its filters reach as far as with a stride.

    ``before`` is the dilation of the stage before it: what the layer with the stride still needs.
    """
    for module in stage.modules():
        if isinstance(module, nn.Conv2d):
            own = dilation if module.stride == (1, 1) else before
            module.stride = (1, 1)
            if module.kernel_size[0] > 1:
                module.dilation = (own, own)
                module.padding = (own, own)


def _filter(
    n_in: int, n_out: int, side: int = 3, *, dilation: int = 1, is_light: bool = False
) -> nn.Sequential:
    """Convolution, normalisation, rectifier; in two steps (depthwise, pointwise) for light networks."""
    padding = dilation * (side // 2)
    parts: list[nn.Module] = []
    if is_light and side > 1:
        parts += [
            nn.Conv2d(n_in, n_in, side, padding=padding, dilation=dilation, groups=n_in, bias=False),
            nn.BatchNorm2d(n_in),
        ]
        side = 1
        padding = 0
        dilation = 1
    parts += [
        nn.Conv2d(n_in, n_out, side, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*parts)


def _pooled(n_in: int, n_out: int) -> nn.Sequential:
    """On maps of a few places: without normalisation, whose statistics a small batch would not give."""
    return nn.Sequential(nn.Conv2d(n_in, n_out, 1), nn.ReLU(inplace=True))


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class _Plain(nn.Module):
    """The head of FCN."""

    def __init__(self, n_in: int, n_out: int, *, is_light: bool) -> None:
        super().__init__()
        self.filter = _filter(n_in, n_out, is_light=is_light)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.filter(x)
        return out


class _Pyramid(nn.Module):
    """The map beside its means over 1, 4, 9 and 36 regions."""

    def __init__(self, n_in: int, n_out: int, *, is_light: bool) -> None:
        super().__init__()
        width = n_out // 4 if is_light else n_in // 4
        self.levels = nn.ModuleList(_pooled(n_in, width) for _ in _BINS)
        self.filter = _filter(n_in + len(_BINS) * width, n_out, is_light=is_light)

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for n_bins, level in zip(_BINS, self.levels, strict=True):
            maps.append(_enlarged(level(_region_means(x, n_bins)), x))
        out: Tensor = self.filter(torch.cat(maps, dim=1))
        return out


def _region_means(x: Tensor, n_bins: int) -> Tensor:
    """Adaptive average pooling as two products of matrices, which also works on maps of any size in ONNX."""
    rows, columns = _bins(x.shape[2], n_bins, x), _bins(x.shape[3], n_bins, x)
    return torch.matmul(torch.matmul(rows, x), columns.transpose(0, 1))  # (n, c, n_bins, n_bins)


def _bins(length: int, n_bins: int, like: Tensor) -> Tensor:
    """Weights of the places in each of the bins, shape (n_bins, length)."""
    places = torch.arange(length, device=like.device)
    numbers = torch.arange(n_bins, device=like.device)
    starts = numbers * length // n_bins
    ends = ((numbers + 1) * length + n_bins - 1) // n_bins
    inside = ((places >= starts[:, None]) & (places < ends[:, None])).to(like.dtype)
    return inside / inside.sum(dim=1, keepdim=True)


class _Atrous(nn.Module):
    """Filters of several reaches, and the mean of the whole map."""

    def __init__(self, n_in: int, n_out: int, *, is_light: bool) -> None:
        super().__init__()
        rates = (3, 6, 9) if is_light else (12, 24, 36)  # in places of stride 32 and 8
        self.near = _filter(n_in, n_out, 1)
        self.far = nn.ModuleList(_filter(n_in, n_out, dilation=rate, is_light=is_light) for rate in rates)
        self.whole = _pooled(n_in, n_out)
        self.join = _filter(n_out * (len(rates) + 2), n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.whole(x.mean(dim=(2, 3), keepdim=True))
        maps = [self.near(x), *(each(x) for each in self.far), mean.expand(-1, -1, x.shape[2], x.shape[3])]
        out: Tensor = self.join(torch.cat(maps, dim=1))
        return out


_HEADS: dict[str, tuple[type[_Plain] | type[_Pyramid] | type[_Atrous], int]] = {
    "fcn": (_Plain, 512),
    "psp": (_Pyramid, 512),
    "deeplab": (_Atrous, 256),
}


class Segmenter(nn.Module):
    """A network that gives scores for every pixel.

    Parameters
    ----------
    backbone : {"resnet-50", "resnet-101", "resnet-18", "mobilenet"}
    algorithm : {"fcn", "psp", "deeplab"}
    n_classes : int
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, backbone: str, algorithm: str, n_classes: int) -> None:
        super().__init__()
        self.backbone = _Mobile() if backbone == "mobilenet" else _Residual(backbone)
        is_light = self.backbone.is_light
        fine, middle, last = self.backbone.channels
        head, width = _HEADS[algorithm]
        if is_light:
            width = _LIGHT_WIDTH
        self.head = head(last, width, is_light=is_light)
        if is_light:
            self.middle = _filter(middle, _MIDDLE_WIDTH, 1)
            self.coarse_decoder = _filter(width + _MIDDLE_WIDTH, width, is_light=True)
            self.fine = _filter(fine, _FINE_WIDTH, 1)
            self.fine_decoder = _filter(width + _FINE_WIDTH, width, is_light=True)
        else:
            self.auxiliary = nn.Sequential(
                _filter(middle, middle // 4), nn.Dropout2d(0.1), nn.Conv2d(middle // 4, n_classes, 1)
            )
        self.dropout = nn.Dropout2d(0.1)
        self.classes = nn.Conv2d(width, n_classes, 1)
        self.register_buffer("mean", 255 * torch.tensor(_MEAN).view(1, -1, 1, 1), persistent=False)
        scale = 1 / (255 * torch.tensor(_DEVIATION).view(1, -1, 1, 1))
        self.register_buffer("scale", scale, persistent=False)

    def maps(self, data: Tensor) -> tuple[Tensor, Tensor | None]:
        """Scores at stride 4 (light backbones) or 8, and those of the auxiliary head while training.

        Parameters
        ----------
        data : Tensor of shape (n, 3, h, w)
            RGB, 0 to 255, any dtype.

        Returns
        -------
        tuple of Tensor of shape (n, n_classes, h / stride, w / stride)
        """
        fine, middle, last = self.backbone((data.float() - self.mean) * self.scale)
        x = self.head(last)
        if self.backbone.is_light:
            x = self.coarse_decoder(torch.cat([_enlarged(x, middle), self.middle(middle)], dim=1))
            x = self.fine_decoder(torch.cat([_enlarged(x, fine), self.fine(fine)], dim=1))
        scores = self.classes(self.dropout(x))
        has_second = self.training and not self.backbone.is_light
        return scores, self.auxiliary(middle) if has_second else None

    def forward(self, data: Tensor) -> Tensor:
        """Scores of every pixel before the softmax, (n, n_classes, h, w)."""
        return _enlarged(self.maps(data)[0], data)


def build_segmenter(backbone: str, algorithm: str, n_classes: int) -> Segmenter:
    """A network with weights drawn at random (from torch's generator)."""
    network = Segmenter(backbone, algorithm, n_classes)
    speed_up(network)
    return network
