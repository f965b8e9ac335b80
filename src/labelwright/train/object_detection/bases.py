"""Base networks: which maps the detector takes from them, and what their layers are called.

``vgg-16`` (Simonyan, Zisserman 2015, arXiv:1409.1556) with fc6 and fc7 as convolutions, as in the SSD paper;
``resnet-50`` and ``resnet-18`` (He et al. 2016, arXiv:1512.03385); ``mobilenet`` is MobileNetV2 (Sandler et
al. 2018, arXiv:1801.04381). The layers' public names, which ``freeze_layer_pattern`` is matched with, follow
the original's: ``conv4_3_weight``, ``stage2_unit1_conv1_weight``, ``bn0_gamma``.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision import models

from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Base", "build_base"]


class Base(nn.Module, abc.ABC):
    """A base network cut off behind its last map.

    Attributes
    ----------
    torchvision_name : str
        Whose pretrained weights fit.
    channels : tuple of int
        Of the maps.
    """

    torchvision_name: str
    channels: tuple[int, ...]

    @abc.abstractmethod
    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Maps of normalised pictures (n, 3, h, w), finest first."""

    @abc.abstractmethod
    def take_pretrained(self, state: Mapping[str, Tensor]) -> None:
        """Take over the weights of torchvision's classifier.

        Raises
        ------
        CustomerError
            They belong to another network.
        """

    @abc.abstractmethod
    def public_name(self, name: str) -> str:
        """The documented name of a parameter of this module."""


def build_base(name: str) -> Base:
    """The base of this ``base_network``, with random weights."""
    match name:
        case "vgg-16":
            return _Vgg()
        case "resnet-50":
            return _ResNet(models.resnet50(), "resnet50", first_stage=3)
        case "resnet-18":
            return _ResNet(models.resnet18(), "resnet18", first_stage=2)
        case "mobilenet":
            return _MobileNet()
    raise ValueError(f"there is no base network {name!r}")


class _ScaledNorm(nn.Module):
    """L2 norm over the channels, then a learnt scale; conv4_3 needs it (Liu, Rabinovich, Berg 2015)."""

    def __init__(self, n_channels: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((n_channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        scaled = wide * (wide.square().sum(dim=1, keepdim=True) + 1e-10).rsqrt()
        return (scaled * self.weight.view(1, -1, 1, 1)).to(x.dtype)


class _Vgg(Base):
    torchvision_name = "vgg16"
    channels = (512, 1024)

    def __init__(self) -> None:
        super().__init__()
        layers = _vgg_layers()
        self.to_conv4_3 = nn.Sequential(*layers[:23])
        self.norm4_3 = _ScaledNorm(512, 20.0)
        self.to_conv5_3 = nn.Sequential(*layers[23:30])
        self.to_fc7 = nn.Sequential(
            nn.MaxPool2d(3, 1, padding=1),
            nn.Conv2d(512, 1024, 3, padding=6, dilation=6),
            nn.ReLU(inplace=True),
            nn.Conv2d(1024, 1024, 1),
            nn.ReLU(inplace=True),
        )

    def forward(self, pictures: Tensor) -> list[Tensor]:
        fine = self.to_conv4_3(pictures)
        return [self.norm4_3(fine), self.to_fc7(self.to_conv5_3(fine))]

    def take_pretrained(self, state: Mapping[str, Tensor]) -> None:
        """The fully connected layers become convolutions by taking every third cell and fourth channel."""
        wanted = {}
        try:
            for i_layer in range(30):
                for kind in ("weight", "bias"):
                    name = f"features.{i_layer}.{kind}"
                    if name in state:
                        part, own = ("to_conv4_3", i_layer) if i_layer < 23 else ("to_conv5_3", i_layer - 23)
                        wanted[f"{part}.{own}.{kind}"] = state[name]
            if "classifier.0.weight" in state:
                fc6 = state["classifier.0.weight"].view(4096, 512, 7, 7)
                wanted["to_fc7.1.weight"] = fc6[::4, :, ::3, ::3].contiguous()
                wanted["to_fc7.1.bias"] = state["classifier.0.bias"][::4].contiguous()
                fc7 = state["classifier.3.weight"].view(4096, 4096, 1, 1)
                wanted["to_fc7.3.weight"] = fc7[::4, ::4].contiguous()
                wanted["to_fc7.3.bias"] = state["classifier.3.bias"][::4].contiguous()
        except (KeyError, RuntimeError) as error:
            raise _foreign(self, error) from error
        _load(self, wanted, may_lack=r"norm4_3\.|to_fc7\.")

    def public_name(self, name: str) -> str:
        part, index, *rest = name.split(".")
        kind = rest[0] if rest else index
        if part == "norm4_3":
            return "relu4_3_scale"
        if part == "to_fc7":
            return f"fc{6 if index == '1' else 7}_{kind}"
        number = int(index) + (0 if part == "to_conv4_3" else 23)
        block, within = _VGG_NAMES[number]
        return f"conv{block}_{within}_{kind}"


def _vgg_layers() -> list[nn.Module]:
    """The convolutions as torchvision numbers them; its whole network has 120 million weights more."""
    layers: list[nn.Module] = []
    n_in = 3
    for n_convolutions, n_channels in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(n_convolutions):
            convolution = nn.Conv2d(n_in, n_channels, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]  # it has one
            layers += [convolution, nn.ReLU(inplace=True)]
            n_in = n_channels
        # 75 cells become 38, as in the paper
        layers.append(nn.MaxPool2d(2, 2, ceil_mode=n_channels == 256))
    return layers


_VGG_NAMES = {
    0: (1, 1), 2: (1, 2), 5: (2, 1), 7: (2, 2), 10: (3, 1), 12: (3, 2), 14: (3, 3),
    17: (4, 1), 19: (4, 2), 21: (4, 3), 24: (5, 1), 26: (5, 2), 28: (5, 3),
}  # fmt: skip


class _ResNet(Base):
    def __init__(self, whole: models.ResNet, torchvision_name: str, *, first_stage: int) -> None:
        super().__init__()
        self.torchvision_name = torchvision_name
        self.stem = nn.Sequential(whole.conv1, whole.bn1, whole.relu, whole.maxpool)
        self.stages = nn.ModuleList([whole.layer1, whole.layer2, whole.layer3, whole.layer4])
        self._first = first_stage - 1
        widths = (64, 128, 256, 512) if torchvision_name == "resnet18" else (256, 512, 1024, 2048)
        self.channels = widths[self._first :]

    def forward(self, pictures: Tensor) -> list[Tensor]:
        x = self.stem(pictures)
        maps = []
        for i_stage, stage in enumerate(self.stages):
            x = stage(x)
            if i_stage >= self._first:
                maps.append(x)
        return maps

    def take_pretrained(self, state: Mapping[str, Tensor]) -> None:
        wanted = {}
        for name, value in state.items():
            if name.startswith("fc."):
                continue
            part, _, rest = name.partition(".")
            if part.startswith("layer"):
                wanted[f"stages.{int(part[5:]) - 1}.{rest}"] = value
            else:
                wanted[f"stem.{0 if part == 'conv1' else 1}.{rest}"] = value
        _load(self, wanted)

    def public_name(self, name: str) -> str:
        parts = name.split(".")
        kind = parts[-1]
        if parts[0] == "stem":
            return f"conv0_{kind}" if parts[1] == "0" else f"bn0_{_BN_NAMES[kind]}"
        unit = f"stage{int(parts[1]) + 1}_unit{int(parts[2]) + 1}"
        layer = parts[3]
        if layer == "downsample":
            return f"{unit}_sc_{kind}" if parts[4] == "0" else f"{unit}_sc_bn_{_BN_NAMES[kind]}"
        return f"{unit}_{layer}_{_BN_NAMES[kind] if layer.startswith('bn') else kind}"


_BN_NAMES = {"weight": "gamma", "bias": "beta"}


class _MobileNet(Base):
    """Maps are the expansions of the last two blocks that halve the picture, and the last layer."""

    torchvision_name = "mobilenet_v2"
    channels = (192, 576, 1280)
    _TAPS = (7, 14)

    def __init__(self) -> None:
        super().__init__()
        self.blocks = models.mobilenet_v2().features

    def forward(self, pictures: Tensor) -> list[Tensor]:
        x = pictures
        maps = []
        for i_block, block in enumerate(self.blocks):
            if i_block in self._TAPS:
                wide = block.conv[0](x)
                maps.append(wide)
                x = block.conv[1:](wide)
            else:
                x = block(x)
        return [*maps, x]

    def take_pretrained(self, state: Mapping[str, Tensor]) -> None:
        prefix = "features."
        _load(self, {f"blocks.{k.removeprefix(prefix)}": v for k, v in state.items() if k.startswith(prefix)})

    def public_name(self, name: str) -> str:
        _, index, *rest = name.split(".")
        kind = rest[-1]
        inner = rest[1:-1] if rest[0] == "conv" else rest[:-1]
        return "_".join([f"block{index}", *inner, kind])


def _load(base: Base, wanted: Mapping[str, Tensor], *, may_lack: str = "") -> None:
    try:
        missing, unexpected = base.load_state_dict(wanted, strict=False)
    except RuntimeError as error:
        raise _foreign(base, error) from error
    missing = [
        name
        for name in missing
        if not name.endswith("num_batches_tracked") and not (may_lack and re.match(may_lack, name))
    ]
    if missing or unexpected:
        raise _foreign(base, f"missing {missing[:3]}, unexpected {list(unexpected)[:3]}")


def _foreign(base: Base, why: object) -> CustomerError:
    return CustomerError(
        f"The pretrained weights do not fit {base.torchvision_name}: {str(why).splitlines()[0]}. Give "
        "torchvision's state dict of that network."
    )
