"""How workers go wrong with masks: outlines that wander, regions overlooked or taken for another class."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.simulate.error_models import Floats, Skill, named
from labelwright.tasks._palette import BACKGROUND_COLOR, class_colors
from labelwright.tasks._png import write_mask

__all__ = ["answer_mask"]

Mask = npt.NDArray[np.uint8]

_N_KNOTS = 6  # of the grid on which outlines are moved; more means shakier hands
_WANDER = 0.1  # of the picture's shorter side, for a worker with a side error of 1


def answer_mask(
    truth: Mask, labels: Sequence[str], skill: Skill, alike: Floats, rng: np.random.Generator
) -> dict[str, Any]:
    """Answer of a semantic segmentation task.

    Parameters
    ----------
    truth : ndarray of shape (height, width), uint8
        0 is the background, ``i + 1`` the label ``i``.
    labels : sequence of str
    skill : Skill
    alike : ndarray of shape (n_classes, n_classes)
        From `confusable`.
    rng : numpy.random.Generator

    Returns
    -------
    dict
        With a picture of the size of the truth. A perfect worker paints the truth.
    """
    height, width = truth.shape
    seen = np.zeros(256, dtype=np.uint8)  # what becomes of each class
    for value in np.unique(truth[truth > 0]):
        if rng.random() >= 0.3 * skill.miss_rate:
            seen[value] = 1 + named(int(value) - 1, skill, alike, rng)
    mask = seen[truth]
    reach_px = _WANDER * skill.side_error * min(height, width)
    if reach_px > 0:
        rows = np.arange(height)[:, None] + _field(height, width, reach_px, rng)
        columns = np.arange(width)[None, :] + _field(height, width, reach_px, rng)
        mask = mask[
            np.clip(np.rint(rows).astype(np.intp), 0, height - 1),
            np.clip(np.rint(columns).astype(np.intp), 0, width - 1),
        ]
    colors = class_colors(labels)
    used = [int(value) - 1 for value in np.unique(mask[mask > 0])]
    picture = write_mask(mask, [BACKGROUND_COLOR, *colors])
    return {
        "crowd-semantic-segmentation": {
            "inputImageProperties": {"height": height, "width": width},
            "labelMappings": {labels[i]: {"color": colors[i]} for i in used},
            "labeledImage": {"pngImageData": base64.b64encode(picture).decode()},
        }
    }


def _field(height: int, width: int, reach_px: float, rng: np.random.Generator) -> Floats:
    """Smooth displacements in pixels: ndarray of shape (height, width)."""
    knots = rng.normal(0.0, reach_px, (_N_KNOTS, _N_KNOTS))
    at_rows = np.linspace(0, _N_KNOTS - 1, height)
    at_columns = np.linspace(0, _N_KNOTS - 1, width)
    places = np.arange(_N_KNOTS)
    along = np.stack([np.interp(at_columns, places, row) for row in knots])  # (n_knots, width)
    low = np.minimum(at_rows.astype(np.intp), _N_KNOTS - 2)
    share = (at_rows - low)[:, None]
    field: Floats = along[low] * (1 - share) + along[low + 1] * share
    return field
