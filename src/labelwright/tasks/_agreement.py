"""How well the answers to one object agree, 0 to 1: what adaptive redundancy looks at for shapes and spans.

The agreement of an object is that of the two answers that agree best: once two workers who know nothing of
each other give the same shapes, a third one adds little. One answer agrees with nobody, so its agreement is
0.

* Boxes and spans: twice the sum of the similarities of matched shapes over the number of shapes of both.
  Boxes of one label match by IoU from 0.5 on, the most similar first; spans are equal or not.
* Masks: of the pixels where either saw something, the share where both saw the same.

Two answers without any shape agree fully.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from labelwright.consolidation import LabeledBox, LabeledSpan, box_iou_batch

__all__ = ["best_agreement", "boxes_agreement", "masks_agreement", "spans_agreement"]

T = TypeVar("T")
_IOU_MIN = 0.5


def best_agreement(answers: Sequence[T], agreement: Callable[[T, T], float]) -> float:
    """The agreement of the two answers that agree best; 0 with fewer than two."""
    return max((agreement(a, b) for a, b in combinations(answers, 2)), default=0.0)


def boxes_agreement(a: Sequence[LabeledBox], b: Sequence[LabeledBox]) -> float:
    """Agreement of two sets of boxes.

    Examples
    --------
    >>> one, two = LabeledBox(0, 0, 0, 10, 10), LabeledBox(0, 50, 0, 10, 10)
    >>> boxes_agreement([one, two], [one])
    0.6666666666666666
    """
    if not a and not b:
        return 1.0
    iou = box_iou_batch(_sides(a), _sides(b))  # (len(a), len(b))
    iou *= np.equal.outer([box.class_id for box in a], [box.class_id for box in b])
    rows, columns = np.nonzero(iou >= _IOU_MIN)
    order = np.argsort(-iou[rows, columns], kind="stable")
    used_a: set[int] = set()
    used_b: set[int] = set()
    total = 0.0
    for r, c in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if r not in used_a and c not in used_b:
            used_a.add(r)
            used_b.add(c)
            total += float(iou[r, c])
    return 2 * total / (len(a) + len(b))


def _sides(boxes: Sequence[LabeledBox]) -> npt.NDArray[np.float64]:
    return np.array([(b.left, b.top, b.width, b.height) for b in boxes], dtype=np.float64).reshape(-1, 4)


def masks_agreement(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    """Agreement of two masks of one size.

    Examples
    --------
    >>> masks_agreement(np.array([[1, 1, 0, 2]], dtype=np.uint8), np.array([[1, 0, 0, 2]], dtype=np.uint8))
    0.6666666666666666
    """
    is_seen = (a != 0) | (b != 0)
    n_seen = int(np.count_nonzero(is_seen))
    return int(np.count_nonzero(is_seen & (a == b))) / n_seen if n_seen else 1.0


def spans_agreement(a: Sequence[LabeledSpan], b: Sequence[LabeledSpan]) -> float:
    """Agreement of two sets of spans.

    Examples
    --------
    >>> spans_agreement([LabeledSpan(0, 4, 1)], [LabeledSpan(0, 4, 1), LabeledSpan(8, 9, 1)])
    0.6666666666666666
    """
    one, other = set(a), set(b)
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0
