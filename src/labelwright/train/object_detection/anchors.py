"""Anchors: boxes of fixed sizes and shapes about every cell of every map.

A map with sizes ``s_0, s_1`` and ratios ``1, r_1, ...`` has ``len(sizes) + len(ratios) - 1`` anchors in each
cell: squares of both sizes, then of size ``s_0`` the shapes ``(s_0 sqrt(r), s_0 / sqrt(r))``. Sizes are
shares of the picture's side. Anchors reach beyond the picture's edge; they are not cut.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["MapAnchors", "VARIANCES", "anchor_boxes", "decode_boxes", "encode_boxes"]

VARIANCES = (0.1, 0.1, 0.2, 0.2)
"""Scales of the offsets of centre x, centre y, log width, log height."""


@dataclasses.dataclass(frozen=True, slots=True)
class MapAnchors:
    """Anchors of one map.

    Attributes
    ----------
    sizes : tuple of float
    ratios : tuple of float
        Width by height; the first is 1.
    """

    sizes: tuple[float, ...]
    ratios: tuple[float, ...]

    @property
    def n_per_cell(self) -> int:
        """How many a cell has."""
        return len(self.sizes) + len(self.ratios) - 1

    def shapes(self) -> list[tuple[float, float]]:
        """Width and height of each."""
        squares = [(size, size) for size in self.sizes]
        first = self.sizes[0]
        return squares + [(first * math.sqrt(r), first / math.sqrt(r)) for r in self.ratios[1:]]


def anchor_boxes(maps: Sequence[MapAnchors], cells: Sequence[tuple[int, int]]) -> Tensor:
    """All anchors, map by map, row by row, cell by cell.

    Parameters
    ----------
    maps : sequence of MapAnchors
    cells : sequence of (int, int)
        Height and width of each map in cells.

    Returns
    -------
    Tensor of shape (n_anchors, 4), float32
        Centre x, centre y, width, height as shares of the picture's sides.
    """
    found = []
    for spec, (height, width) in zip(maps, cells, strict=True):
        y = (torch.arange(height, dtype=torch.float32) + 0.5) / height
        x = (torch.arange(width, dtype=torch.float32) + 0.5) / width
        centres = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)  # (h, w, 2) as x, y
        shapes = torch.tensor(spec.shapes())  # (a, 2)
        n_shapes = len(shapes)
        boxes = torch.cat(
            [
                centres[:, :, None, :].expand(height, width, n_shapes, 2),
                shapes.expand(height, width, n_shapes, 2),
            ],
            dim=-1,
        )
        found.append(boxes.reshape(-1, 4))
    return torch.cat(found)


def encode_boxes(boxes_xyxy: Tensor, anchors: Tensor) -> Tensor:
    """Offsets that lead from anchors to boxes (SSD paper, equation 2, over `VARIANCES`).

    Parameters
    ----------
    boxes_xyxy : Tensor of shape (..., n_anchors, 4)
        One for each anchor.
    anchors : Tensor of shape (n_anchors, 4)
        Centre x, centre y, width, height.

    Returns
    -------
    Tensor of shape (..., n_anchors, 4)
    """
    sides = (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=1e-6)
    centres = (boxes_xyxy[..., 2:] + boxes_xyxy[..., :2]) / 2
    variances = anchors.new_tensor(VARIANCES)
    moved = (centres - anchors[:, :2]) / anchors[:, 2:]
    return torch.cat([moved, (sides / anchors[:, 2:]).log()], dim=-1) / variances


def decode_boxes(offsets: Tensor, anchors: Tensor) -> Tensor:
    """The inverse of `encode_boxes`; boxes are cut at the picture's edge.

    Parameters
    ----------
    offsets : Tensor of shape (..., n_anchors, 4)
    anchors : Tensor of shape (n_anchors, 4)

    Returns
    -------
    Tensor of shape (..., n_anchors, 4)
        Left, top, right, bottom within 0 and 1.
    """
    scaled = offsets * offsets.new_tensor(VARIANCES)
    centres = scaled[..., :2] * anchors[:, 2:] + anchors[:, :2]
    # A network that is not trained yet may ask for any size; e**4 times an anchor covers every picture.
    halves = scaled[..., 2:].clamp(max=4.0).exp() * anchors[:, 2:] / 2
    return torch.cat([centres - halves, centres + halves], dim=-1).clamp(0, 1)
