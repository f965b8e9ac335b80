"""Which part of a picture an epoch sees: zoomed out onto grey, a random crop, or all of it. Boxes go along.

Cropping happens before scaling, out of the picture as decoded, so a crop is as sharp as the picture allows
and costs no more than the scaling that is needed anyway.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from labelwright.train.object_detection.labels import Annotations
from labelwright.train.toolkit.pictures import resized

__all__ = ["Cropping", "WHOLE", "Window", "move_boxes", "random_window", "view"]

Pixels = npt.NDArray[np.uint8]
Window = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the picture's sides; beyond 0 and 1 where it is zoomed out."""

WHOLE: Window = (0.0, 0.0, 1.0, 1.0)
_GREY = (124, 116, 104)  # the mean of ImageNet, which the network sees as nothing
_TRIES = 25


@dataclasses.dataclass(frozen=True, slots=True)
class Cropping:
    """How windows are drawn.

    Attributes
    ----------
    zoom_out_chance, zoom_out_most : float
        How often, and how many times the picture's side the window may have.
    crop_chance : float
        How often a part is taken, where it is not zoomed out.
    least_side : float
        Of a part, as a share of the picture's side.
    aspect_most : float
        Most distortion of a part's sides against each other.
    least_overlaps : tuple of float
        One is drawn; every part must cover that share of some box (paper, section 2.2, with coverage instead
        of IoU, which a small box in a large part never has).
    """

    zoom_out_chance: float = 0.3
    zoom_out_most: float = 2.0
    crop_chance: float = 0.7
    least_side: float = 0.4
    aspect_most: float = 1.6
    least_overlaps: tuple[float, ...] = (0.3, 0.5, 0.7, 0.9)


def random_window(annotations: Annotations, rng: np.random.Generator, cropping: Cropping) -> Window:
    """Draw a window.

    Parameters
    ----------
    annotations : Annotations
    rng : numpy.random.Generator
        The only source of randomness.
    cropping : Cropping
    """
    if rng.random() < cropping.zoom_out_chance:
        side = rng.uniform(1.0, cropping.zoom_out_most)
        left, top = rng.uniform(0.0, side - 1.0, size=2)
        return (-left, -top, side - left, side - top)
    if rng.random() >= cropping.crop_chance:
        return WHOLE
    wanted = float(rng.choice(cropping.least_overlaps))
    for _ in range(_TRIES):
        side = rng.uniform(cropping.least_side, 1.0)
        stretch = cropping.aspect_most ** (rng.uniform(-1.0, 1.0) / 2)
        width, height = min(side * stretch, 1.0), min(side / stretch, 1.0)
        left, top = rng.uniform(0.0, 1.0 - width), rng.uniform(0.0, 1.0 - height)
        window = (left, top, left + width, top + height)
        if not len(annotations.class_ids) or _covered(annotations.boxes_xyxy, window).max() >= wanted:
            return window
    return WHOLE


def move_boxes(annotations: Annotations, window: Window) -> Annotations:
    """Boxes as the window sees them; those whose centre is outside are left out, the others cut.

    Examples
    --------
    >>> one = Annotations(np.array([[0.25, 0.5, 0.75, 1.0]], np.float32), np.array([3]))
    >>> move_boxes(one, (0.0, 0.5, 0.5, 1.0)).boxes_xyxy.tolist()
    [[0.5, 0.0, 1.0, 1.0]]
    """
    if window == WHOLE:
        return annotations
    origin = np.array([window[0], window[1]] * 2, dtype=np.float32)
    sides = np.array([window[2] - window[0], window[3] - window[1]] * 2, dtype=np.float32)
    moved = (annotations.boxes_xyxy - origin) / sides
    centres = (moved[:, :2] + moved[:, 2:]) / 2
    is_in = ((centres >= 0) & (centres <= 1)).all(axis=1)
    return Annotations(np.clip(moved[is_in], 0, 1), annotations.class_ids[is_in])


def view(pixels: Pixels, window: Window, side_px: int) -> Pixels:
    """The window at ``side_px`` x ``side_px``; what is beyond the picture is grey.

    Parameters
    ----------
    pixels : ndarray of shape (h, w, 3), uint8
    window : Window
    side_px : int
    """
    if window == WHOLE:
        return resized(pixels, (side_px, side_px))
    height, width = pixels.shape[:2]
    left, top, right, bottom = (
        window[0] * width, window[1] * height, window[2] * width, window[3] * height,
    )  # fmt: skip
    # Only what the window touches goes through Pillow.
    x0, y0 = max(int(left), 0), max(int(top), 0)
    x1, y1 = min(int(np.ceil(right)), width), min(int(np.ceil(bottom)), height)
    part = pixels[y0:y1, x0:x1]
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return resized(part, (side_px, side_px), box=(left - x0, top - y0, right - x0, bottom - y0))
    out = np.empty((side_px, side_px, 3), dtype=np.uint8)
    out[:] = _GREY
    scale_x, scale_y = side_px / (right - left), side_px / (bottom - top)
    to_x, to_y = round((x0 - left) * scale_x), round((y0 - top) * scale_y)
    new_w = max(1, min(round(part.shape[1] * scale_x), side_px - to_x))
    new_h = max(1, min(round(part.shape[0] * scale_y), side_px - to_y))
    out[to_y : to_y + new_h, to_x : to_x + new_w] = resized(part, (new_w, new_h))
    return out


def _covered(boxes: npt.NDArray[np.float32], window: Window) -> npt.NDArray[np.float32]:
    """Share of each box that the window shows, shape (m,)."""
    left, top, right, bottom = window
    width = np.clip(np.minimum(boxes[:, 2], right) - np.maximum(boxes[:, 0], left), 0, None)
    height = np.clip(np.minimum(boxes[:, 3], bottom) - np.maximum(boxes[:, 1], top), 0, None)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray(width * height / np.maximum(area, 1e-9), dtype=np.float32)
