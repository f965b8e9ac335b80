"""Carry out on pixels what was drawn: pictures smoothly, masks by the nearest pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from labelwright.dataprep.augment.geometry import Move
from labelwright.dataprep.augment.recipe import Draw

__all__ = ["change_colors", "move_mask", "move_picture"]


def move_picture(image: Image.Image, draw: Draw) -> Image.Image:
    """The moved picture; what lies outside the old one is black."""
    move = draw.move
    resample = Image.Resampling.NEAREST if draw.is_exact else Image.Resampling.BILINEAR
    if not draw.is_exact:
        # Bilinear alone would pick single pixels out of a picture that is made much smaller.
        shrink = float(np.sqrt(abs(np.linalg.det(move.matrix[:2, :2]))))
        if shrink < 0.5:
            small = Move.none(*image.size).scaled(shrink)
            image = image.resize((small.width, small.height), Image.Resampling.BOX)
            matrix = move.matrix @ np.linalg.inv(small.matrix)
            move = Move(matrix, move.width, move.height)
    return image.transform(
        (move.width, move.height), Image.Transform.AFFINE, _coefficients(move), resample=resample
    )


def move_mask(indices: npt.NDArray[np.uint8], move: Move, fill: int) -> npt.NDArray[np.uint8]:
    """The moved mask; pixels from outside the old one get the index ``fill``.

    Parameters
    ----------
    indices : ndarray of shape (height, width), uint8
    move : Move
    fill : int
        Class index.
    """
    height, width = indices.shape
    inverse = np.linalg.inv(move.matrix)
    x, y = np.arange(move.width) + 0.5, np.arange(move.height)[:, None] + 0.5
    # The old pixel under each new pixel's centre; a hair inward, so that edges do not flip by rounding.
    columns = np.floor(inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2] + 1e-9).astype(np.int64)
    rows = np.floor(inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2] + 1e-9).astype(np.int64)
    is_inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    moved = np.full((move.height, move.width), fill, dtype=np.uint8)
    moved[is_inside] = indices[rows[is_inside], columns[is_inside]]
    return moved


def change_colors(image: Image.Image, draw: Draw) -> Image.Image:
    """Other brightness, contrast, saturation and hue."""
    for enhance, factor in zip(
        (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color), draw.factors, strict=True
    ):
        if factor != 1:
            image = enhance(image).enhance(factor)
    shift = round(draw.hue * 256)
    if shift and image.mode == "RGB":
        hsv = np.array(image.convert("HSV"))
        hsv[..., 0] += np.uint8(shift % 256)  # wraps around the circle
        image = Image.frombytes("HSV", image.size, hsv.tobytes()).convert("RGB")
    return image


def _coefficients(move: Move) -> tuple[float, ...]:
    """Pillow's six numbers: from the new picture's coordinates to the old one's."""
    inverse = np.linalg.inv(move.matrix)
    return tuple(float(value) for value in inverse[:2].ravel())
