"""From a decoded picture to the network's input: resize, crop, and the three documented augmentations.

====================== =============================================================================
none                   the middle of the picture
crop                   a random place, mirrored or not
crop_color             and hue, saturation and lightness moved by up to 36, 50 and 50
crop_color_transform   and turned by up to 10 degrees, sheared by up to 0.1, aspect changed by up to 0.25
====================== =============================================================================

Hue, saturation and lightness are counted as OpenCV does in 8 bits, which is what the original used: 180
steps of hue for a full turn, 255 of the other two from none to full.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from labelwright.train.toolkit.pictures import resized
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Cropping", "jitter_hsl"]

Pixels = npt.NDArray[np.uint8]

_HUE, _SATURATION, _LIGHTNESS = 36 / 180, 50 / 255, 50 / 255
_TURN_DEGREES, _SHEAR, _ASPECT = 10.0, 0.1, 0.25
_FILL = (124, 116, 104)  # the mean colour of photographs, where a turned crop reaches over the edge


@dataclasses.dataclass(frozen=True, slots=True)
class Cropping:
    """What becomes of every picture.

    Attributes
    ----------
    image_shape : tuple of int
        Channels, height, width.
    resize : int or None
        Length of the shorter side before cropping, pixels; None leaves pictures as they are.
    augmentation : {"crop", "crop_color", "crop_color_transform"} or None
        Of training pictures.
    """

    image_shape: tuple[int, int, int]
    resize: int | None = None
    augmentation: str | None = None

    def scaled(self, pixels: Pixels, key: str) -> Pixels:
        """The whole picture in the size from which is cropped, and in the network's channels.

        Raises
        ------
        CustomerError
            It is smaller than the image shape.
        """
        height, width = pixels.shape[:2]
        if self.resize is not None:
            factor = self.resize / min(height, width)
            size = (max(self.resize, round(width * factor)), max(self.resize, round(height * factor)))
            pixels = resized(pixels, size if width != height else (self.resize, self.resize))
        n_channels, crop_height, crop_width = self.image_shape
        if pixels.shape[0] < crop_height or pixels.shape[1] < crop_width:
            hint = (
                "The hyperparameter 'resize' makes pictures larger before they are cropped."
                if self.resize is None
                else "Give a larger 'resize'."
            )
            raise CustomerError(
                f"{key} is smaller than image_shape: it has {pixels.shape[1]} x {pixels.shape[0]} pixels "
                f"(width x height) and image_shape asks for at least {crop_width} x {crop_height}. {hint}"
            )
        if n_channels == 1:
            return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]
        return pixels

    def middle(self, pixels: Pixels) -> Pixels:
        """The crop from the middle of a scaled picture."""
        _, height, width = self.image_shape
        top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
        return pixels[top : top + height, left : left + width]

    def training(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """The crop of a scaled picture for training; colours are for `jitter_hsl`.

        Parameters
        ----------
        pixels : ndarray of shape (h, w, n_channels), uint8
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (height, width, n_channels), uint8
        """
        if self.augmentation is None:
            return self.middle(pixels)
        _, height, width = self.image_shape
        top = int(rng.integers(pixels.shape[0] - height + 1))
        left = int(rng.integers(pixels.shape[1] - width + 1))
        if self.augmentation == "crop_color_transform":
            crop = _warped(pixels, (left, top), (width, height), rng)
        else:
            crop = pixels[top : top + height, left : left + width]
        return crop[:, ::-1] if rng.random() < 0.5 else crop

    @property
    def changes_colors(self) -> bool:
        """Whether training batches go through `jitter_hsl`."""
        return self.augmentation in ("crop_color", "crop_color_transform") and self.image_shape[0] == 3


def _warped(
    pixels: Pixels, corner: tuple[int, int], size: tuple[int, int], rng: np.random.Generator
) -> Pixels:
    """A crop that is turned, sheared and stretched about its middle."""
    angle = math.radians(rng.uniform(-_TURN_DEGREES, _TURN_DEGREES))
    shear = rng.uniform(-_SHEAR, _SHEAR)
    aspect = 1 + rng.uniform(-_ASPECT, _ASPECT)
    # Sides change by reciprocal factors whose mean is one, so that the crop keeps about its area.
    tall = 2 / (1 + aspect)
    wide = aspect * tall
    a, b = math.cos(angle), math.sin(angle)
    # From the crop to the picture: stretch, shear along x, turn.
    xx, xy = a * wide, a * shear * tall - b * tall
    yx, yy = b * wide, b * shear * tall + a * tall
    middle_x, middle_y = corner[0] + size[0] / 2, corner[1] + size[1] / 2
    coefficients = (
        xx,
        xy,
        middle_x - xx * size[0] / 2 - xy * size[1] / 2,
        yx,
        yy,
        middle_y - yx * size[0] / 2 - yy * size[1] / 2,
    )
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    warped = image.transform(
        size,
        Image.Transform.AFFINE,
        coefficients,
        Image.Resampling.BILINEAR,
        fillcolor=_FILL if pixels.shape[2] == 3 else _FILL[1],
    )
    return np.asarray(warped).reshape(size[1], size[0], pixels.shape[2])


def jitter_hsl(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Move hue, saturation and lightness of each picture by amounts of its own.

    Parameters
    ----------
    pictures : Tensor of shape (n, 3, h, w), uint8
    generator : Generator
        On the CPU; the only source of randomness.

    Returns
    -------
    Tensor of shape (n, 3, h, w), float32, 0 to 255
    """
    n = len(pictures)
    reach = torch.tensor([_HUE, _SATURATION, _LIGHTNESS])
    moves = ((torch.rand(n, 3, generator=generator) * 2 - 1) * reach).to(pictures.device)
    hue_by, saturation_by, lightness_by = (moves[:, i].view(n, 1, 1) for i in range(3))
    rgb = pictures.float().div_(255)
    red, green, blue = rgb.unbind(dim=1)  # each (n, h, w)
    highest, lowest = rgb.amax(dim=1), rgb.amin(dim=1)
    spread = highest - lowest
    lightness = (highest + lowest) / 2
    saturation = spread / (1 - (2 * lightness - 1).abs()).clamp(min=1e-6)
    safe = spread.clamp(min=1e-6)
    hue = torch.where(
        highest == red,
        (green - blue) / safe,
        torch.where(highest == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = hue * 2 + hue_by * 12  # twelfths of a turn
    lightness = (lightness + lightness_by).clamp(0, 1)
    # A grey pixel has no hue; it stays grey.
    saturation = torch.where(spread > 0, (saturation + saturation_by).clamp(0, 1), spread)
    strength = saturation * torch.minimum(lightness, 1 - lightness)
    channels = []
    for offset in (0.0, 8.0, 4.0):
        place = (hue + offset).remainder(12)
        wave = torch.minimum(place - 3, 9 - place).clamp(-1, 1)
        channels.append(lightness - strength * wave)
    return torch.stack(channels, dim=1).mul_(255)
