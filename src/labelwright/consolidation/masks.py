"""Masks from several workers: every pixel is a vote, and its neighbours have a say.

The service says that each pixel is a multi-class vote into which a smoothing function brings its
surroundings. What it leaves open is ours:

* ``V_c(p)`` is the number of workers with class ``c`` at pixel ``p``, and
  ``S_c(p) = V_c(p) + 0.5 * mean of V_c over the neighbours of p`` (eight, at borders fewer).
* The class of ``p`` is the ``c`` with the highest ``S_c(p)``; ties go to the class with more votes at ``p``
  itself, then to the lower class index, the background last.
* Confidence of the image: the mean, over the pixels where anybody saw something, of the share of workers who
  agree with the result. An image in which nobody saw anything gets 0.97.

A pixel on which all workers agree always keeps its class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ConsolidatedMask", "consolidate_masks"]

Mask = npt.NDArray[np.uint8]
_Ints = npt.NDArray[np.int32]

_CONFIDENCE_EMPTY = 0.97
_STRIP_PIXELS = 1 << 20  # bounds the memory beyond the masks themselves


@dataclass(frozen=True, slots=True)
class ConsolidatedMask:
    """A mask of class indices, ndarray of shape (height, width), uint8; 0 is the background."""

    mask: Mask
    confidence: float


def consolidate_masks(masks: Mask, *, n_workers_asked: int) -> ConsolidatedMask:
    """Combine the masks that several workers painted on one image.

    Parameters
    ----------
    masks : ndarray of shape (n_answers, height, width), uint8
        Class indices; 0 is the background. At least one answer and one pixel.
    n_workers_asked : int
        Workers per object of the job; with 1 the first mask is the result, and its confidence 0.

    Returns
    -------
    ConsolidatedMask

    Raises
    ------
    ValueError
        When the array is empty or has another number of dimensions.

    Notes
    -----
    Scores are compared as integers (times twice the number of neighbours), so ties are exact. The image is
    worked off in strips of rows: memory beyond ``masks`` and the result does not grow with the image.

    Examples
    --------
    >>> masks = np.array([[[1, 1], [0, 0]], [[1, 0], [0, 0]], [[1, 1], [1, 0]]], dtype=np.uint8)
    >>> found = consolidate_masks(masks, n_workers_asked=3)
    >>> found.mask.tolist(), found.confidence
    ([[1, 1], [0, 0]], 0.78)
    """
    if masks.ndim != 3 or masks.size == 0:
        raise ValueError(f"masks must have the shape (n_answers, height, width), got {masks.shape}")
    if n_workers_asked == 1:
        return ConsolidatedMask(masks[0].copy(), 0.0)
    n_answers, height, width = masks.shape
    result = np.empty((height, width), dtype=np.uint8)
    n_agreeing = n_seen = 0
    n_rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, n_rows):
        bottom = min(height, top + n_rows)
        winners, votes = _strip(masks, top, bottom)
        result[top:bottom] = winners
        is_seen = masks[:, top:bottom].any(axis=0)  # (rows, width)
        n_seen += int(np.count_nonzero(is_seen))
        n_agreeing += int(votes[is_seen].sum(dtype=np.int64))
    confidence = round(n_agreeing / (n_answers * n_seen), 2) if n_seen else _CONFIDENCE_EMPTY
    return ConsolidatedMask(result, confidence)


def _strip(masks: Mask, top: int, bottom: int) -> tuple[Mask, _Ints]:
    """Classes of the rows ``top`` to ``bottom``, and how many workers chose them: both (rows, width)."""
    n_answers, height, width = masks.shape
    above, below = max(0, top - 1), min(height, bottom + 1)
    block = masks[:, above:below]  # (n_answers, rows, width), with the rows next to the strip
    inner = slice(top - above, bottom - above)
    occurs = np.zeros(256, dtype=bool)
    occurs[block.ravel()] = True
    classes = [int(c) for c in np.flatnonzero(occurs)]
    if len(classes) == 1:
        shape = (bottom - top, width)
        return np.full(shape, classes[0], dtype=np.uint8), np.full(shape, n_answers, dtype=np.int32)
    n_neighbours = _n_neighbours(height, width, top, bottom)  # (rows, width)
    best = np.full((bottom - top, width), -1, dtype=np.int32)
    winners = np.zeros(best.shape, dtype=np.uint8)
    winning_votes = np.zeros(best.shape, dtype=np.int32)
    if classes[0] == 0:
        classes = [*classes[1:], 0]  # the background loses every tie
    for c in classes:
        votes_around = np.count_nonzero(block == c, axis=0).astype(np.int32)
        votes = votes_around[inner]
        # 2 n S_c = 2 n V_c + sum of V_c over n neighbours; the votes at the pixel decide between equals.
        score = 2 * n_neighbours * votes + (_sum_of_nine(votes_around)[inner] - votes)
        score = score * (n_answers + 1) + votes
        is_better = score > best
        np.copyto(best, score, where=is_better)
        np.copyto(winning_votes, votes, where=is_better)
        winners[is_better] = c
    return winners, winning_votes


def _sum_of_nine(values: _Ints) -> _Ints:
    """Sum over every cell and its neighbours; what lies outside counts nothing."""
    padded = np.pad(values, 1)  # (rows + 2, width + 2)
    three = padded[:-2] + padded[1:-1] + padded[2:]  # (rows, width + 2)
    nine: _Ints = three[:, :-2] + three[:, 1:-1] + three[:, 2:]
    return nine


def _n_neighbours(height: int, width: int, top: int, bottom: int) -> _Ints:
    rows, columns = np.arange(top, bottom), np.arange(width)
    n_rows = 1 + (rows > 0) + (rows < height - 1)
    n_columns = 1 + (columns > 0) + (columns < width - 1)
    return np.asarray(np.outer(n_rows, n_columns) - 1, dtype=np.int32)
