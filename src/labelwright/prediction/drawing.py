"""Small pictures for reports, and masks in colours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from labelwright.core.limits import IMAGE_FORMATS
from labelwright.prediction.palette import colour_of, rgb_of

__all__ = ["jpeg_bytes", "mask_overlay", "small_picture"]


def small_picture(path: Path, longest_px: tuple[int, int]) -> Image.Image:
    """A picture scaled down to fit a width and height; never enlarged.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with Image.open(path, formats=IMAGE_FORMATS) as image:
        image.draft("RGB", (2 * longest_px[0], 2 * longest_px[1]))
        small = image.convert("RGB")
    small.thumbnail(longest_px, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return small


def mask_overlay(path: Path, size: tuple[int, int], *, opacity: float = 0.55) -> Image.Image:
    """A mask of class indexes as RGBA colours; class 0 and 255 (no class) stay clear.

    Parameters
    ----------
    path : Path
    size : tuple of int
        Width and height of the picture that it will lie on.
    opacity : float
    """
    with Image.open(path, formats=IMAGE_FORMATS) as image:
        indexes = np.asarray(image.convert("L") if image.mode not in ("L", "P") else image)
    table = np.zeros((256, 4), np.uint8)
    for i_class in range(1, 255):
        table[i_class] = (*rgb_of(colour_of(i_class)), round(255 * opacity))
    step_y, step_x = max(1, indexes.shape[0] // size[1]), max(1, indexes.shape[1] // size[0])
    coloured = Image.fromarray(table[indexes[::step_y, ::step_x]], "RGBA")
    return coloured.resize(size, Image.Resampling.NEAREST)


def jpeg_bytes(image: Image.Image, *, quality: int = 80) -> bytes:
    """Encoded as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
