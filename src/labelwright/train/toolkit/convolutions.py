"""Convolutions that train faster on a CPU and compute the same.

Norms whose statistics are fixed
    ``norm(conv(x))`` is one convolution with weights ``w * s`` and bias ``b - m * s``, ``s = gamma / sqrt(v +
    eps)``. Here it is computed so while norms are in evaluation mode, in training too: gradients reach
    ``gamma``, ``b`` and ``w`` through the small weights instead of through whole maps. The parameters stay
    those of convolution and norm, so do their names.

ReLU6
    Where it works in place, torch keeps a copy of what it replaced for the backward pass. The result says as
    much: the gradient passes where it is between 0 and 6.

Depthwise convolutions with stride 2
    Their backward pass is several times slower in the CPU's kernels than that of stride 1. With padding 1
    and kernels of 3 they are every other value of one with stride 1, so their gradient is that one's with
    zeros in between.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["prepare_for_export", "speed_up"]


def speed_up(module: nn.Module) -> nn.Module:
    """Let the convolutions of a module compute as described above; the module itself.

    Pairs are a convolution and the norm that is defined right behind it in the same parent, as in
    torchvision's networks. Call it once, after building and before copying or training.
    """
    for parent in list(module.modules()):
        before: nn.Module | None = None
        for child in parent.children():
            if type(child) is nn.BatchNorm2d and type(before) is nn.Conv2d:
                before.__class__ = _Convolution
                child.__class__ = _Norm
                before.__dict__["_norm"] = child  # no submodule: it has its place already
            before = child
    for each in module.modules():
        if type(each) is nn.Conv2d and _is_strided_depthwise(each):
            each.__class__ = _Convolution
            each.__dict__["_norm"] = None
        if type(each) is nn.ReLU6 and each.inplace:
            each.__class__ = _ReLU6
    return module


@torch.no_grad()
def prepare_for_export(module: nn.Module) -> nn.Module:
    """Leave only what is cheap to export; for a copy that answers and is not trained any more.

    Norms that `speed_up` found are written into the convolutions before them, and activations no longer work
    in place: torch's exporter takes ten times as long for each one that does.
    """
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _Convolution) and (norm := child.__dict__["_norm"]) is not None:
                plain = nn.Conv2d(
                    child.in_channels,
                    child.out_channels,
                    child.kernel_size,  # type: ignore[arg-type]  # pairs, as they were given
                    child.stride,  # type: ignore[arg-type]  # pairs in 2-d
                    child.padding,  # type: ignore[arg-type]  # pairs in 2-d
                    child.dilation,  # type: ignore[arg-type]  # pairs in 2-d
                    child.groups,
                    device=child.weight.device,
                    dtype=child.weight.dtype,
                )
                weight, bias = _with_norm(child.weight, child.bias, norm)
                plain.weight.copy_(weight)
                if plain.bias is not None:
                    plain.bias.copy_(bias)
                setattr(parent, name, plain)
            elif isinstance(child, _Norm):
                setattr(parent, name, nn.Identity())
            elif isinstance(child, nn.ReLU6):
                setattr(parent, name, _Clamp())
            elif isinstance(child, nn.ReLU):
                child.inplace = False
    return module


class _ReLU6(nn.ReLU6):
    def forward(self, input: Tensor) -> Tensor:
        if not (torch.is_grad_enabled() and input.requires_grad):
            return super().forward(input)
        result: Tensor = _ClampInPlace.apply(input)  # type: ignore[no-untyped-call,unused-ignore]  # torch
        return result


class _ClampInPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        x.clamp_(0.0, 6.0)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (result,) = ctx.saved_tensors
        passed: Tensor = torch.ops.aten.hardtanh_backward(gradients[0], result, 0.0, 6.0)
        return passed


class _Clamp(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(0.0, 6.0)


class _Norm(nn.BatchNorm2d):
    """Does nothing where the convolution before it has done its work."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) if self.training else input


class _Convolution(nn.Conv2d):
    """A convolution that does the work of the norm behind it while that has fixed statistics."""

    def forward(self, input: Tensor) -> Tensor:
        norm: nn.BatchNorm2d | None = self.__dict__["_norm"]
        weight, bias = self.weight, self.bias
        if norm is not None and not norm.training:
            weight, bias = _with_norm(weight, bias, norm)
        if torch.is_grad_enabled() and input.device.type == "cpu" and _is_strided_depthwise(self):
            return _strided_depthwise(input, weight, bias)
        result: Tensor = self._conv_forward(input, weight, bias)
        return result


def _with_norm(weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weights and bias of convolution and norm together."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise ValueError("a norm without statistics cannot be fixed")
    scale = norm.weight * (variance + norm.eps).rsqrt()
    shift = norm.bias - mean * scale
    return weight * scale.view(-1, 1, 1, 1), shift if bias is None else bias * scale + shift


def _is_strided_depthwise(conv: nn.Conv2d) -> bool:
    return (
        conv.groups == conv.in_channels == conv.out_channels > 1
        and conv.stride == (2, 2)
        and conv.kernel_size == (3, 3)
        and conv.padding == (1, 1)
        and conv.dilation == (1, 1)
    )


def _strided_depthwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    result: Tensor = _StridedDepthwise.apply(x, weight, bias)  # type: ignore[no-untyped-call,unused-ignore]  # torch
    return result


class _StridedDepthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return functional.conv2d(x, weight, bias, stride=2, padding=1, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        wide = torch.zeros_like(x)
        wide[:, :, ::2, ::2] = gradients[0]
        needs = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            wide, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], len(weight), needs
        )
        return to_x, to_weight, gradients[0].sum(dim=(0, 2, 3)) if ctx.has_bias else None
