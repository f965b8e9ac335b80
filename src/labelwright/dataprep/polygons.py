"""Outlines of regions along pixel edges, and back: exact both ways.

A region with holes becomes one ring: the holes are joined to the outline by a line that is walked there and
back, which encloses nothing. Any even-odd or non-zero fill draws such a ring right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["fill_polygons", "trace_polygons"]

_Ring = npt.NDArray[np.float64]


def trace_polygons(region: npt.NDArray[np.bool_]) -> list[_Ring]:
    """Outline a region along the edges of its pixels.

    Parameters
    ----------
    region : ndarray of shape (height, width), bool

    Returns
    -------
    list of ndarray of shape (n_points, 2), float64
        One ring of ``x, y`` per 4-connected part; whole numbers from 0 to width and height.
        ``fill_polygons`` gives exactly the region back.
    """
    from scipy import ndimage

    parts, _ = ndimage.label(region)
    rings: dict[int, list[_Ring]] = defaultdict(list)
    for ring, part in _rings(region, parts):
        rings[part].append(ring)
    return [_with_holes(rings[part]) for part in sorted(rings)]


def _rings(region: npt.NDArray[np.bool_], parts: npt.NDArray[np.int32]) -> Iterable[tuple[_Ring, int]]:
    """Closed walks with the region on their right hand, and the part each belongs to."""
    padded = np.pad(region, 1)
    inner = padded[1:-1, 1:-1]
    # One unit edge per pixel side that faces outside: from (x, y), in one of four directions.
    sides = (
        (inner & ~padded[:-2, 1:-1], 0, 0, 0),  # top: walked right
        (inner & ~padded[1:-1, 2:], 1, 0, 1),  # right: down
        (inner & ~padded[2:, 1:-1], 1, 1, 2),  # bottom: left
        (inner & ~padded[1:-1, :-2], 0, 1, 3),  # left: up
    )
    edges: dict[tuple[int, int, int], int] = {}
    for facing, dx, dy, direction in sides:
        ys, xs = np.nonzero(facing)
        owners = parts[ys, xs].tolist()
        for x, y, owner in zip((xs + dx).tolist(), (ys + dy).tolist(), owners, strict=True):
            edges[x, y, direction] = owner
    steps = ((1, 0), (0, 1), (-1, 0), (0, -1))
    while edges:
        x, y, direction = start = next(iter(edges))
        owner = edges[start]
        points: list[tuple[int, int]] = []
        while True:
            del edges[x, y, direction]
            step = steps[direction]
            x, y = x + step[0], y + step[1]
            # Right, straight on, left: turning right first keeps to the same 4-connected part.
            for turn in (1, 0, 3):
                following = (x, y, (direction + turn) % 4)
                if following in edges or following == start:
                    break
            if turn:
                points.append((x, y))
            direction = following[2]
            if following == start:
                break
        yield np.array(points, dtype=np.float64), owner


def _with_holes(rings: list[_Ring]) -> _Ring:
    """The outline, then each hole by way of a bridge from the outline's first point and back."""
    rings = sorted(rings, key=lambda ring: -_area(ring))
    outline = rings[0]
    if len(rings) == 1:
        return outline
    pieces = [outline, outline[:1]]
    for hole in rings[1:]:
        pieces += [hole, hole[:1], outline[:1]]
    return np.concatenate(pieces)


def _area(ring: _Ring) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def fill_polygons(rings: Iterable[_Ring], height: int, width: int) -> npt.NDArray[np.bool_]:
    """The pixels whose centres are inside any of the rings (even-odd rule within each).

    Parameters
    ----------
    rings : iterable of ndarray of shape (n_points, 2)
        ``x, y`` in pixels, origin at the top left corner of the image; closed by themselves.
    height, width : int

    Returns
    -------
    ndarray of shape (height, width), bool
    """
    filled = np.zeros((height, width), dtype=bool)
    for ring in rings:
        if len(ring) >= 3:
            filled |= _fill(np.asarray(ring, dtype=np.float64), height, width)
    return filled


def _fill(ring: _Ring, height: int, width: int) -> npt.NDArray[np.bool_]:
    following = np.roll(ring, -1, axis=0)
    is_down = ring[:, 1] <= following[:, 1]
    upper = np.where(is_down[:, None], ring, following)  # (n, 2)
    lower = np.where(is_down[:, None], following, ring)
    first = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(np.int64)
    end = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(np.int64)
    n_rows = np.maximum(end - first, 0)
    edge = np.repeat(np.arange(len(ring)), n_rows)  # (n_crossings,)
    start = np.cumsum(n_rows) - n_rows
    rows = np.arange(len(edge)) - start[edge] + first[edge]
    slope = (lower[:, 0] - upper[:, 0]) / np.where(lower[:, 1] > upper[:, 1], lower[:, 1] - upper[:, 1], 1)
    crossing = upper[edge, 0] + (rows + 0.5 - upper[edge, 1]) * slope[edge]
    columns = np.clip(np.floor(crossing - 0.5) + 1, 0, width).astype(np.int64)
    flips = np.bincount(rows * (width + 1) + columns, minlength=height * (width + 1))
    odd = np.cumsum(flips.reshape(height, width + 1)[:, :width], axis=1) & 1
    return odd.astype(bool)
