"""Images as histograms of oriented gradients and a thumbnail, or as features of a pretrained network.

The first needs nothing but the picture and suits drawings, digits and simple shapes; photographs need a
`backbone`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.core.limits import IMAGE_FORMATS
from labelwright.errors import InvalidRequest

__all__ = ["image_features"]

_CELLS = 7  # per side
_BINS = 9  # unsigned orientations
_SMALL = 4  # pixels per cell for pictures up to _SMALL_SIDE, which larger ones would only blur
_LARGE = 12
_SMALL_SIDE = 56
_CHUNK = 1000  # pictures at once: 85 MB of gradients for large ones


def image_features(
    images: Sequence[bytes | Path | NDArray[np.uint8]], *, backbone: Path | None = None
) -> NDArray[np.float32]:
    """One row of numbers per image.

    Parameters
    ----------
    images : sequence of bytes, Path or ndarray
        Encoded pictures, files, or pixels, uint8, of shape (height, width) or (height, width, 3).
    backbone : Path, optional
        Weights of torchvision's ``mobilenet_v2``; needs torch. See
        :func:`labelwright.autolabel.features.backbone.backbone_features`.

    Returns
    -------
    ndarray of shape (n_images, d), float32
        d = 1,443 without a backbone: 6 x 6 blocks of 2 x 2 cells of 9 orientations, each of unit length,
        then a thumbnail of 7 x 7 cells x 3 colours (zero-mean). With one: 1,280.

    Raises
    ------
    InvalidRequest
        For a picture that cannot be read, with its position.

    References
    ----------
    N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005,
    doi:10.1109/CVPR.2005.177: gradients by central differences, bilinear voting into orientations,
    L2-Hys blocks (clipped at 0.2). Cells do not share votes in space, as blocks overlap anyway.
    """
    if backbone is not None:
        from labelwright.autolabel.features.backbone import backbone_features

        return backbone_features(images, weights=backbone)
    rows = []
    for start in range(0, len(images), _CHUNK):
        scaled = [pixels(image, start + i) for i, image in enumerate(images[start : start + _CHUNK])]
        rows.append(_features_of_mixed_sizes(scaled))
    return np.concatenate(rows) if rows else np.empty((0, _width()), np.float32)


def pixels(
    image: bytes | Path | NDArray[np.uint8], i_image: int, side: int | None = None
) -> NDArray[np.uint8]:
    """Square RGB pixels (side, side, 3), uint8, stretched to the square; `side` None chooses by the
    picture's size.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if isinstance(image, np.ndarray):
            picture = Image.fromarray(image)
        else:
            picture = Image.open(
                io.BytesIO(image) if isinstance(image, bytes) else image, formats=IMAGE_FORMATS
            )
        if side is None:
            side = _CELLS * (_SMALL if max(picture.size) <= _SMALL_SIDE else _LARGE)
        picture.draft("RGB", (side, side))  # JPEG decoders can shrink while they decode
        if picture.size != (side, side) or picture.mode != "RGB":
            picture = picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
        return np.asarray(picture)
    except (UnidentifiedImageError, OSError, ValueError, TypeError, Image.DecompressionBombError) as error:
        raise InvalidRequest(
            f"Image {i_image} cannot be read: {error}. Leave it out or give PNG, JPEG or uint8 pixels.",
            field=f"images[{i_image}]",
        ) from error


def _width() -> int:
    return (_CELLS - 1) ** 2 * 4 * _BINS + _CELLS**2 * 3


def _features_of_mixed_sizes(scaled: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    out = np.empty((len(scaled), _width()), np.float32)
    sides = np.array([len(picture) for picture in scaled])
    for side in np.unique(sides):
        chosen = np.flatnonzero(sides == side)
        out[chosen] = _features(np.stack([scaled[i] for i in chosen]))
    return out


def _features(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    n, side = rgb.shape[:2]
    cell = side // _CELLS
    values = rgb.astype(np.float32)
    low, high = values.min(axis=(1, 2, 3), keepdims=True), values.max(axis=(1, 2, 3), keepdims=True)
    values = (values - low) / np.maximum(high - low, 1.0)  # full contrast: faint pictures count as much
    gray = values.mean(axis=3)  # (n, side, side)
    padded = np.pad(gray, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = np.hypot(across, down)
    place = (np.arctan2(down, across) / np.pi % 1.0) * _BINS  # [0, bins]
    lower = place.astype(np.int64)  # floor, as place >= 0
    share = place - lower
    where = np.arange(side) // cell
    cell_of = (np.arange(n)[:, None, None] * _CELLS + where[:, None]) * _CELLS + where  # (n, side, side)
    size = n * _CELLS * _CELLS * _BINS
    votes = np.bincount((cell_of * _BINS + lower % _BINS).ravel(), (strength * (1 - share)).ravel(), size)
    votes += np.bincount((cell_of * _BINS + (lower + 1) % _BINS).ravel(), (strength * share).ravel(), size)
    cells = votes.astype(np.float32).reshape(n, _CELLS, _CELLS, _BINS)
    blocks = np.concatenate(
        [cells[:, i : _CELLS - 1 + i, j : _CELLS - 1 + j] for i in (0, 1) for j in (0, 1)], axis=3
    )  # (n, 6, 6, 4 * bins)
    for clip in (0.2, None):
        blocks = blocks / (np.linalg.norm(blocks, axis=3, keepdims=True) + 0.1 * cell)
        if clip is not None:
            blocks = np.minimum(blocks, clip)
    thumbnail = values.reshape(n, _CELLS, cell, _CELLS, cell, 3).mean(axis=(2, 4))
    thumbnail = thumbnail - thumbnail.mean(axis=(1, 2), keepdims=True) * 0.5
    return np.concatenate([blocks.reshape(n, -1), thumbnail.reshape(n, -1)], axis=1)
