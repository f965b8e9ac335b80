"""Random changes to a training picture that leave its labels true: flip, zoom, shift, light and colour."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

__all__ = ["Augmentation"]


@dataclasses.dataclass(frozen=True, slots=True)
class Augmentation:
    """How far pictures may be changed.

    Attributes
    ----------
    zoom : tuple of float
        Least and largest factor about the middle of the picture.
    shift : float
        Largest move in each direction as a share of the picture's side.
    brightness, contrast, saturation : float
        Factors are drawn from ``[1 - x, 1 + x]``.
    least_side_px : float
        Boxes that end up smaller after cutting at the edge are dropped.
    least_left : float
        As are boxes of which less than this share is still in the picture.
    """

    zoom: tuple[float, float] = (0.75, 1.3)
    shift: float = 0.15
    brightness: float = 0.4
    contrast: float = 0.3
    saturation: float = 0.3
    least_side_px: float = 6.0
    least_left: float = 0.3

    def __call__(
        self, pixels: Tensor, boxes: Tensor, class_ids: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change one picture.

        Parameters
        ----------
        pixels : Tensor of shape (3, height, width), uint8
        boxes : Tensor of shape (n, 4), float32
            Left, top, right, bottom, pixels.
        class_ids : Tensor of shape (n,), int64
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        tuple of Tensor
            New tensors of the same kinds; the picture keeps its size.
        """
        height, width = pixels.shape[-2:]
        if rng.random() < 0.5:
            pixels = functional.horizontal_flip(pixels)
            boxes = torch.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], dim=1)
        zoom = float(rng.uniform(*self.zoom))
        dx, dy = (int(rng.uniform(-self.shift, self.shift) * side) for side in (width, height))
        pixels = functional.affine(
            pixels,
            angle=0.0,
            translate=[dx, dy],
            scale=zoom,
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
            fill=[110.0, 110.0, 110.0],
        )
        middle = boxes.new_tensor([width / 2, height / 2, width / 2, height / 2])
        moved = (boxes - middle) * zoom + middle + boxes.new_tensor([dx, dy, dx, dy])
        cut = moved.clone()
        cut[:, 0::2] = cut[:, 0::2].clamp(0, width)
        cut[:, 1::2] = cut[:, 1::2].clamp(0, height)
        sides = cut[:, 2:] - cut[:, :2]  # (n, 2)
        left_over = sides.prod(dim=1) / (moved[:, 2:] - moved[:, :2]).prod(dim=1).clamp(min=1e-6)
        keep = (
            (sides.amin(dim=1) >= self.least_side_px) & (left_over >= self.least_left)
            if len(cut)
            else sides[:, 0] > 0
        )
        for adjust, reach in (
            (functional.adjust_brightness, self.brightness),
            (functional.adjust_contrast, self.contrast),
            (functional.adjust_saturation, self.saturation),
        ):
            pixels = adjust(pixels, float(rng.uniform(1 - reach, 1 + reach)))
        return pixels, cut[keep], class_ids[keep]
