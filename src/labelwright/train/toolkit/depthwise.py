"""Depthwise convolutions with a stride, in the precision in which a CPU is quick at them.

oneDNN has no quick way back through a depthwise convolution of stride 2 in bfloat16: at 144 channels of
60 x 60 it takes 44 ms where float32 takes 7 (8 pictures, one core of an AMD EPYC with AVX512-BF16). Those few
layers leave mixed precision for a moment, which spares about a tenth of a training step of MobileNetV2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["quicken_depthwise"]


class _StridedDepthwise(nn.Conv2d):
    """A convolution that computes in float32 where mixed precision on a CPU would not."""

    def forward(self, x: Tensor) -> Tensor:
        """See `torch.nn.Conv2d`; the type of the result is the input's."""
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)


def quicken_depthwise(network: nn.Module) -> None:
    """Let the depthwise convolutions with a stride in a network be quick; names and weights stay."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1 and max(module.stride) > 1:
            module.__class__ = _StridedDepthwise
