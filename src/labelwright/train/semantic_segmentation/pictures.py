"""From a picture and its mask to what the network sees: random scale and crop, the middle, or all of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelwright.inference.semantic_segmentation import working_size
from labelwright.train.semantic_segmentation.masks import IGNORED
from labelwright.train.toolkit.pictures import resized

__all__ = ["Framing"]

Pixels = npt.NDArray[np.uint8]

_SCALES = (0.5, 2.0)
_FILL = (124, 116, 104)  # the mean colour of photographs, beyond the edges of a picture


@dataclasses.dataclass(frozen=True, slots=True)
class Framing:
    """How pictures are cut.

    Attributes
    ----------
    base_size : int
        Length of the longer side before cropping, pixels.
    crop_size : int
        Side of the square crop, pixels; a multiple of 8.
    """

    base_size: int
    crop_size: int

    def training(self, pixels: Pixels, mask: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        """A random crop of a picture whose longer side is scaled to base_size times 0.5 to 2.

        Where the scaled picture is smaller than the crop, the rest is void. Mirrored or not.

        Parameters
        ----------
        pixels : ndarray of shape (h, w, 3), uint8
        mask : ndarray of shape (h', w'), uint8
            Of the same proportions; pixels may have been decoded at a reduced size.
        rng : numpy.random.Generator

        Returns
        -------
        tuple of ndarray of shape (crop_size, crop_size, 3) and (crop_size, crop_size), uint8
        """
        height, width = mask.shape
        longer = self.base_size * rng.uniform(*_SCALES)
        scale = longer / max(height, width)
        crop, mask_crop = self._crop(pixels, mask, scale, rng.random(), rng.random())
        if rng.random() < 0.5:
            return crop[:, ::-1], mask_crop[:, ::-1]
        return crop, mask_crop

    def middle(self, pixels: Pixels, mask: Pixels) -> tuple[Pixels, Pixels]:
        """The crop from the middle at the scale of `whole`: what validation in batches sees."""
        return self._crop(pixels, mask, self.base_size / max(mask.shape), 0.5, 0.5)

    def whole(self, pixels: Pixels, width: int, height: int) -> Pixels:
        """The whole picture in the size in which a finished model sees it; see `working_size`.

        ``width`` and ``height`` are those of the picture as stored.
        """
        return resized(pixels, working_size(width, height, self.base_size))

    def _crop(self, pixels: Pixels, mask: Pixels, scale: float, x: float, y: float) -> tuple[Pixels, Pixels]:
        """A square of the scaled picture; ``x`` and ``y`` from 0 to 1 say where between the edges."""
        height, width = mask.shape
        sides = (width, height)
        n_px = [min(self.crop_size, max(1, round(side * scale))) for side in sides]  # that show the picture
        starts, ends = [], []
        for side, n, share in zip(sides, n_px, (x, y), strict=True):
            length = min(float(side), n / scale)
            start = (side - length) * share
            starts.append(start)
            ends.append(start + length)
        box = (starts[0], starts[1], ends[0], ends[1])
        shrunk = pixels.shape[1] / width, pixels.shape[0] / height
        picture_box = tuple(
            min(edge * shrunk[i % 2], float(pixels.shape[1 - i % 2])) for i, edge in enumerate(box)
        )
        size = (n_px[0], n_px[1])
        part = resized(pixels, size, box=picture_box)
        part_mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST, box=box))
        if size == (self.crop_size, self.crop_size):
            return part, part_mask
        crop = np.empty((self.crop_size, self.crop_size, 3), dtype=np.uint8)
        crop[:] = _FILL
        crop_mask = np.full((self.crop_size, self.crop_size), IGNORED, dtype=np.uint8)
        crop[: size[1], : size[0]] = part
        crop_mask[: size[1], : size[0]] = part_mask
        return crop, crop_mask
