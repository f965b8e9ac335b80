"""The detector: a base network, extra maps behind it, and two small convolutions on every map.

At 300 pixels ``vgg-16`` is the SSD300 of the paper, at 448 and more it has a seventh map. ``resnet-50`` has
six maps from stride 16 on. The light bases begin at stride 8, so that small things are found with them too,
and their heads are separable convolutions in ``mobilenet`` (SSDLite: Sandler et al. 2018, section 6.2).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from labelwright.train.object_detection.anchors import MapAnchors, anchor_boxes
from labelwright.train.object_detection.bases import build_base
from labelwright.train.toolkit.convolutions import speed_up

__all__ = ["Detector", "DetectorShape"]

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_FEW = (1.0, 2.0, 0.5)
_MANY = (1.0, 2.0, 0.5, 3.0, 1 / 3)

_SIX = (
    MapAnchors((0.1, 0.14142136), _FEW),
    MapAnchors((0.2, 0.2720294), _MANY),
    MapAnchors((0.37, 0.44698992), _MANY),
    MapAnchors((0.54, 0.619193), _MANY),
    MapAnchors((0.71, 0.79044294), _FEW),
    MapAnchors((0.88, 0.9612492), _FEW),
)
_SEVEN = (
    MapAnchors((0.07, 0.1025), _FEW),
    MapAnchors((0.15, 0.2121), _MANY),
    MapAnchors((0.3, 0.3674), _MANY),
    MapAnchors((0.45, 0.5196), _MANY),
    MapAnchors((0.6, 0.6708), _MANY),
    MapAnchors((0.75, 0.8216), _FEW),
    MapAnchors((0.9, 0.9721), _FEW),
)
_LIGHT = (
    MapAnchors((0.06, 0.0949), _FEW),
    MapAnchors((0.15, 0.2121), _MANY),
    MapAnchors((0.3, 0.3674), _MANY),
    MapAnchors((0.45, 0.5196), _MANY),
    MapAnchors((0.6, 0.6928), _MANY),
    MapAnchors((0.8, 0.9121), _FEW),
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Extra:
    """One map behind the base: 1 x 1, then 3 x 3."""

    n_between: int
    n_channels: int
    stride: int = 2
    padding: int = 1


_RESNET_EXTRAS = (_Extra(256, 512), _Extra(128, 256), _Extra(128, 256), _Extra(128, 128))
_VGG300_EXTRAS = (_Extra(256, 512), _Extra(128, 256), _Extra(128, 256, 1, 0), _Extra(128, 256, 1, 0))
_VGG512_EXTRAS = (_Extra(256, 512), *[_Extra(128, 256)] * 3, _Extra(128, 256, 1, 1))
_LIGHT_EXTRAS = (_Extra(128, 256), _Extra(64, 128), _Extra(64, 128))


@dataclasses.dataclass(frozen=True, slots=True)
class DetectorShape:
    """What a detector is built from.

    Attributes
    ----------
    base_network : {"vgg-16", "resnet-50", "resnet-18", "mobilenet"}
    n_classes : int
        Without the background.
    image_side_px : int
    """

    base_network: str
    n_classes: int
    image_side_px: int = 300

    @classmethod
    def of_hyperparameters(cls, values: Mapping[str, Any]) -> DetectorShape:
        """From parsed hyperparameters."""
        return cls(values["base_network"], values["num_classes"], values["image_shape"])


class Detector(nn.Module):
    """SSD.

    Parameters
    ----------
    shape : DetectorShape

    Attributes
    ----------
    anchors : Tensor of shape (n_anchors, 4), float32
        Centre x, centre y, width, height as shares of the sides; made from the shape, not stored.
    has_pretrained_base : bool
        The base came with statistics that its norms keep.
    """

    anchors: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, shape: DetectorShape) -> None:
        super().__init__()
        self._fixed_norms: list[nn.Module] = []
        self.shape = shape
        self.base = build_base(shape.base_network)
        extras, maps = _plan(shape)
        is_light = shape.base_network == "mobilenet"
        has_norm = shape.base_network != "vgg-16"
        channels = list(self.base.channels)
        self.extras = nn.ModuleList()
        for extra in extras:
            self.extras.append(_extra_layers(channels[-1], extra, is_light=is_light, has_norm=has_norm))
            channels.append(extra.n_channels)
        n_scores = shape.n_classes + 1
        self.class_heads = nn.ModuleList(
            _head(n, spec.n_per_cell * n_scores, is_light=is_light)
            for n, spec in zip(channels, maps, strict=True)
        )
        self.box_heads = nn.ModuleList(
            _head(n, spec.n_per_cell * 4, is_light=is_light) for n, spec in zip(channels, maps, strict=True)
        )
        for part in (self.extras, self.class_heads, self.box_heads):
            part.apply(_initialise)
        speed_up(self)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("anchors", anchor_boxes(maps, self._cells()), persistent=False)
        self.has_pretrained_base = False

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and offsets of every anchor.

        Parameters
        ----------
        pictures : Tensor of shape (n, 3, side, side), float in [0, 1]

        Returns
        -------
        scores : Tensor of shape (n, n_anchors, n_classes + 1)
            Before softmax; index 0 is the background.
        offsets : Tensor of shape (n, n_anchors, 4)
        """
        maps = self._maps(pictures)
        n = pictures.shape[0]  # a symbol when the graph is exported; len() would be a number
        n_scores = self.shape.n_classes + 1
        scores = [
            head(x).permute(0, 2, 3, 1).reshape(n, -1, n_scores)
            for head, x in zip(self.class_heads, maps, strict=True)
        ]
        offsets = [
            head(x).permute(0, 2, 3, 1).reshape(n, -1, 4)
            for head, x in zip(self.box_heads, maps, strict=True)
        ]
        return torch.cat(scores, dim=1), torch.cat(offsets, dim=1)

    def train(self, mode: bool = True) -> Detector:
        """As usual, but norms whose statistics are to stay go on using them."""
        super().train(mode)
        for norm in self._fixed_norms:
            norm.eval()
        return self

    def fix_norms(self, frozen: Sequence[str], *, whole_base: bool) -> None:
        """Keep running statistics.

        Parameters
        ----------
        frozen : sequence of str
            Names of frozen parameters; norms with one of them are fixed.
        whole_base : bool
            Fix all norms of the base as well: ImageNet's statistics are better than those of small batches.
        """
        fixed = set(frozen)
        self._fixed_norms = [
            module
            for name, module in self.named_modules()
            if isinstance(module, nn.BatchNorm2d)
            and (f"{name}.weight" in fixed or (whole_base and name.startswith("base.")))
        ]
        self.train(self.training)

    def public_name(self, name: str) -> str:
        """The documented name of a parameter, which ``freeze_layer_pattern`` is matched with."""
        part, _, rest = name.partition(".")
        if part == "base":
            return self.base.public_name(rest)
        index, _, inner = rest.partition(".")
        i_map = int(index) + (len(self.base.channels) if part == "extras" else 0)
        kind = {"extras": "conv", "class_heads": "cls_pred_conv", "box_heads": "loc_pred_conv"}[part]
        return f"multi_feat_{i_map}_{kind}_{inner.replace('.', '_')}"

    def _maps(self, pictures: Tensor) -> list[Tensor]:
        maps = list(self.base((pictures - self.mean) / self.deviation))
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        return maps

    @torch.no_grad()
    def _cells(self) -> list[tuple[int, int]]:
        """Height and width of the maps, by the shapes alone: tensors on ``meta`` hold no numbers."""
        side = self.shape.image_side_px
        shapes = copy.deepcopy(self).to("meta").eval()
        maps = shapes._maps(torch.zeros(1, 3, side, side, device="meta"))
        return [(x.shape[2], x.shape[3]) for x in maps]


def _plan(shape: DetectorShape) -> tuple[tuple[_Extra, ...], tuple[MapAnchors, ...]]:
    if shape.base_network == "vgg-16":
        return (_VGG512_EXTRAS, _SEVEN) if shape.image_side_px >= 448 else (_VGG300_EXTRAS, _SIX)
    if shape.base_network == "resnet-50":
        return _RESNET_EXTRAS, _SIX
    return _LIGHT_EXTRAS, _LIGHT


def _extra_layers(n_in: int, extra: _Extra, *, is_light: bool, has_norm: bool) -> nn.Sequential:
    def unit(conv: nn.Conv2d) -> list[nn.Module]:
        norm = [nn.BatchNorm2d(conv.out_channels)] if has_norm else []
        return [conv, *norm, nn.ReLU6(inplace=True) if is_light else nn.ReLU(inplace=True)]

    between, out = extra.n_between, extra.n_channels
    first = unit(nn.Conv2d(n_in, between, 1, bias=not has_norm))
    if not is_light:
        return nn.Sequential(
            *first, *unit(nn.Conv2d(between, out, 3, extra.stride, extra.padding, bias=not has_norm))
        )
    depthwise = nn.Conv2d(between, between, 3, extra.stride, extra.padding, groups=between, bias=False)
    return nn.Sequential(*first, *unit(depthwise), *unit(nn.Conv2d(between, out, 1, bias=False)))


def _head(n_in: int, n_out: int, *, is_light: bool) -> nn.Module:
    if not is_light:
        return nn.Conv2d(n_in, n_out, 3, padding=1)
    return nn.Sequential(
        nn.Conv2d(n_in, n_in, 3, padding=1, groups=n_in, bias=False),
        nn.BatchNorm2d(n_in),
        nn.ReLU6(inplace=True),
        nn.Conv2d(n_in, n_out, 1),
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
