"""Where points, boxes and pixels go when a picture is turned, mirrored, cut or scaled.

A transform is a 3x3 matrix that takes ``(x, y, 1)`` of the old picture to the new one, in pixels, both with
the origin at the top left corner; pixel ``i`` reaches from ``i`` to ``i + 1``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

__all__ = ["Move", "clip_boxes", "move_boxes"]

_Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """A transform of a picture and the size of the result.

    Attributes
    ----------
    matrix : ndarray of shape (3, 3), float64
        Old to new coordinates.
    width, height : int
        Of the new picture.
    """

    matrix: _Matrix
    width: int
    height: int

    @classmethod
    def none(cls, width: int, height: int) -> Self:
        """Nothing moves."""
        return cls(np.eye(3), width, height)

    def _then(self, matrix: list[list[float]], width: int, height: int) -> Self:
        return type(self)(np.array(matrix, dtype=np.float64) @ self.matrix, width, height)

    def mirrored(self) -> Self:
        """Left and right swapped."""
        return self._then([[-1, 0, self.width], [0, 1, 0], [0, 0, 1]], self.width, self.height)

    def flipped(self) -> Self:
        """Top and bottom swapped."""
        return self._then([[1, 0, 0], [0, -1, self.height], [0, 0, 1]], self.width, self.height)

    def turned(self) -> Self:
        """Turned by 90 degrees, clockwise."""
        return self._then([[0, -1, self.height], [1, 0, 0], [0, 0, 1]], self.height, self.width)

    def rotated(self, degrees: float) -> Self:
        """Turned about the centre, clockwise; the size stays, corners are cut off."""
        angle = math.radians(degrees)
        cos, sin = math.cos(angle), math.sin(angle)
        x, y = self.width / 2, self.height / 2
        shift_x, shift_y = x - cos * x + sin * y, y - sin * x - cos * y
        return self._then([[cos, -sin, shift_x], [sin, cos, shift_y], [0, 0, 1]], self.width, self.height)

    def cropped(self, left: int, top: int, width: int, height: int) -> Self:
        """A part of the picture."""
        return self._then([[1, 0, -left], [0, 1, -top], [0, 0, 1]], width, height)

    def scaled(self, factor: float) -> Self:
        """Larger or smaller; at least one pixel."""
        width, height = max(1, round(self.width * factor)), max(1, round(self.height * factor))
        x, y = width / self.width, height / self.height
        return self._then([[x, 0, 0], [0, y, 0], [0, 0, 1]], width, height)


def move_boxes(boxes: npt.NDArray[np.float64], matrix: _Matrix) -> npt.NDArray[np.float64]:
    """The upright boxes around moved ones.

    Parameters
    ----------
    boxes : ndarray of shape (n, 4), float64
        ``left, top, right, bottom`` in pixels.
    matrix : ndarray of shape (3, 3)

    Returns
    -------
    ndarray of shape (n, 4), float64
        Exact for mirroring, turns by 90 degrees, cuts and scales. For other angles the box around the four
        turned corners, which never cuts the object and is larger than need be.
    """
    left, top, right, bottom = boxes.T
    corners = np.stack(
        [np.stack([left, right, right, left]), np.stack([top, top, bottom, bottom]), np.ones((4, len(boxes)))]
    )  # (3, 4, n)
    moved = np.einsum("ij,jkn->ikn", matrix[:2], corners)  # (2, 4, n)
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)]).T


def clip_boxes(
    boxes: npt.NDArray[np.float64], width: float, height: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cut boxes at the edges of the picture.

    Returns
    -------
    clipped : ndarray of shape (n, 4), float64
    visible : ndarray of shape (n,), float64
        Share of each box's area that is left, from 0 to 1; 0 for a box without area.
    """
    clipped = np.clip(boxes, 0, [width, height, width, height])
    before = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    after = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
    return clipped, np.divide(after, before, out=np.zeros(len(boxes)), where=before > 0)
