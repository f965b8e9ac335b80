"""Intersection over union (Jaccard index) of axis-parallel boxes, one pair and many.

Boxes are ``(left, top, width, height)`` in any one unit. Boxes without area have an IoU of 0 with everything.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["box_iou", "box_iou_batch"]


def box_iou(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Return the IoU of two boxes.

    Parameters
    ----------
    a, b : tuple of four floats
        ``(left, top, width, height)``.

    Returns
    -------
    float
        0 to 1; the same digits as :func:`box_iou_batch` gives.

    Examples
    --------
    >>> box_iou((0, 0, 10, 10), (5, 0, 10, 10))
    0.3333333333333333
    """
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if not (width > 0 and height > 0):
        return 0.0
    shared = width * height
    union = a[2] * a[3] + b[2] * b[3] - shared
    return float(shared / union) if union > 0 else 0.0


def box_iou_batch(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the IoU of every box of one set with every box of another.

    Parameters
    ----------
    a : ndarray of shape (n, 4)
    b : ndarray of shape (m, 4)
        Rows ``left, top, width, height``.

    Returns
    -------
    ndarray of shape (n, m), float64
        Zeros of that shape when one set is empty.
    """
    a = np.asarray(a, dtype=np.float64).reshape(-1, 4)[:, None, :]  # (n, 1, 4)
    b = np.asarray(b, dtype=np.float64).reshape(-1, 4)[None, :, :]  # (1, m, 4)
    low = np.maximum(a[..., :2], b[..., :2])  # (n, m, 2)
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    sides = np.maximum(high - low, 0.0)
    shared = sides[..., 0] * sides[..., 1]  # (n, m)
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - shared
    iou: npt.NDArray[np.float64] = np.zeros_like(shared)
    np.divide(shared, union, out=iou, where=(shared > 0) & (union > 0))
    return iou
