"""Random changes to whole batches of pictures: flips, and colours by one matrix for each picture.

Brightness, saturation and hue are linear in RGB and contrast is affine, so all four together are one 3 x 3
matrix and an offset for each picture, applied to the batch at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["flip_horizontally", "jitter_colors"]

_TO_YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))


def flip_horizontally(pictures: Tensor, chosen: Tensor) -> Tensor:
    """Mirror some pictures left to right.

    Parameters
    ----------
    pictures : Tensor of shape (n, c, h, w)
    chosen : Tensor of shape (n,), bool

    Returns
    -------
    Tensor of shape (n, c, h, w)
    """
    return torch.where(chosen.view(-1, 1, 1, 1), pictures.flip(-1), pictures)


def jitter_colors(
    pictures: Tensor,
    generator: torch.Generator,
    *,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
    probability: float = 1.0,
) -> Tensor:
    """Change light and colours of each picture by random amounts.

    Parameters
    ----------
    pictures : Tensor of shape (n, 3, h, w), float in [0, 1]
    generator : Generator
        On the CPU; the only source of randomness.
    brightness : float
        Largest addition, as a share of white: drawn from [-x, x].
    contrast, saturation : float
        Factors are drawn from [1 - x, 1 + x]; contrast is about the picture's mean grey.
    hue : float
        Largest turn about the grey axis, as a share of a full turn, in the YIQ colour space.
    probability : float
        That any one of the four is applied to a picture at all.

    Returns
    -------
    Tensor of shape (n, 3, h, w), float in [0, 1]
    """
    n = len(pictures)

    def drawn(reach: float) -> Tensor:
        amount = (torch.rand(n, generator=generator) * 2 - 1) * reach
        return torch.where(torch.rand(n, generator=generator) < probability, amount, torch.zeros(n))

    light, scale, color = drawn(brightness), 1 + drawn(contrast), 1 + drawn(saturation)
    angle = drawn(hue) * 2 * math.pi
    to_yiq = torch.tensor(_TO_YIQ)
    turn = torch.zeros(n, 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = color * angle.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -color * angle.sin(), color * angle.sin()
    matrix = torch.linalg.inv(to_yiq) @ turn @ to_yiq * scale.view(-1, 1, 1)  # (n, 3, 3)
    matrix = matrix.to(pictures.device, pictures.dtype)
    grey = (pictures.mean(dim=(2, 3)) * to_yiq[0].to(pictures.device, pictures.dtype)).sum(dim=1)  # (n,)
    offset = ((1 - scale).to(grey.device) * grey + light.to(grey.device)).to(pictures.dtype)
    return _affine(pictures, matrix, offset).clamp_(0, 1)


def _affine(pictures: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """``matrix @ pixel + offset`` for every pixel of each picture, keeping the memory format."""
    pixels = pictures.permute(0, 2, 3, 1)  # (n, h, w, 3)
    changed = torch.matmul(pixels, matrix.transpose(1, 2).unsqueeze(1))  # (n, h, w, 3)
    return (changed + offset.view(-1, 1, 1, 1)).permute(0, 3, 1, 2)
