"""Bounding boxes from several workers: match by IoU, average, score.

How the service averages is known to the last digit and followed here; how it matches and scores is not
published, so both are ours:

* Matching. All pairs of boxes of one class by different workers with IoU >= 0.5 are taken by falling IoU; a
  pair joins the clusters of its two boxes unless the result would hold two boxes of one worker.
* Confidence of a cluster of ``k`` boxes, ``N`` answers, mean IoU ``m`` of its boxes with the result:
  ``min(0.97, max(0.05, m * (1 - (1 - k/N) ** 1.6)))``, which fits the mean confidences per ``k`` of a real
  job with five workers to about 0.07.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelwright.consolidation.iou import box_iou, box_iou_batch

__all__ = ["ConsolidatedBox", "LabeledBox", "consolidate_boxes"]

_IOU_MIN = 0.5


@dataclass(frozen=True, slots=True)
class LabeledBox:
    """A box as a worker drew it: pixels of the stored image, origin at its top left corner."""

    class_id: int
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ConsolidatedBox:
    """A box of the label. Integral coordinates are ``int``, as they are to be written."""

    class_id: int
    left: float
    top: float
    width: float
    height: float
    confidence: float


@dataclass(slots=True)
class _Member:
    order: tuple[int, int]  # (position of the answer, position of the box in it)
    box: LabeledBox


def consolidate_boxes(
    answers: Sequence[tuple[str, Sequence[LabeledBox]]],
    *,
    image_height: float,
    n_workers_asked: int,
) -> list[ConsolidatedBox]:
    """Combine the boxes that several workers drew on one image.

    Parameters
    ----------
    answers : sequence of (str, sequence of LabeledBox)
        ``(worker id, boxes)`` in the order of submission, also of workers who drew nothing. Boxes without
        area are dropped.
    image_height : float
        Pixels.
    n_workers_asked : int
        Workers per object of the job; with 1 all confidences are 0.

    Returns
    -------
    list of ConsolidatedBox
        Also boxes that only one worker drew. Ordered by the first box of each cluster.

    Examples
    --------
    >>> drawn = [("a", [LabeledBox(0, 10, 10, 20, 20)]), ("b", [LabeledBox(0, 11, 10, 20, 20)])]
    >>> consolidate_boxes(drawn, image_height=100, n_workers_asked=2)
    [ConsolidatedBox(class_id=0, left=10.5, top=10, width=20, height=20, confidence=0.95)]
    """
    members = [
        _Member((i, k), box)
        for i, (_, boxes) in enumerate(answers)
        for k, box in enumerate(boxes)
        if box.width > 0 and box.height > 0
    ]
    clusters = _cluster(members)
    n_answers = len(answers)
    return [
        _consolidate(cluster, image_height, n_answers, has_confidence=n_workers_asked != 1)
        for cluster in clusters
    ]


def _cluster(members: list[_Member]) -> list[list[_Member]]:
    """Group matching boxes; clusters and their members come in the order of ``members``."""
    root = list(range(len(members)))  # cluster of each box, named by its first member
    clusters = {i: [i] for i in root}
    for i, j in _pairs(members):
        a, b = sorted((root[i], root[j]))
        if a == b:
            continue
        workers_a = {members[k].order[0] for k in clusters[a]}
        if any(members[k].order[0] in workers_a for k in clusters[b]):
            continue
        for k in clusters.pop(b):
            clusters[a].append(k)
            root[k] = a
    return [[members[k] for k in sorted(clusters[a])] for a in sorted(clusters)]


def _pairs(members: list[_Member]) -> list[tuple[int, int]]:
    """Return pairs of boxes that may match, the most similar first, ties in the order of the boxes."""
    found: list[tuple[float, int, int]] = []
    by_class_and_answer: dict[tuple[int, int], list[int]] = {}
    for i, member in enumerate(members):
        by_class_and_answer.setdefault((member.box.class_id, member.order[0]), []).append(i)
    groups = [
        (key, indices, np.array([_corner(members[i].box) for i in indices], dtype=np.float64))
        for key, indices in by_class_and_answer.items()
    ]
    for g, ((class_id, _), first, boxes) in enumerate(groups):
        for (other_class, _), second, others in groups[g + 1 :]:
            if other_class != class_id:
                continue
            iou = box_iou_batch(boxes, others)  # (len(first), len(second))
            for r, c in zip(*np.nonzero(iou >= _IOU_MIN), strict=True):
                i, j = sorted((first[r], second[c]))
                found.append((-float(iou[r, c]), i, j))
    found.sort()
    return [(i, j) for _, i, j in found]


def _consolidate(
    cluster: list[_Member], image_height: float, n_answers: int, *, has_confidence: bool
) -> ConsolidatedBox:
    # Corners are averaged with the y axis upwards: only so the last digits equal those of the service.
    n = len(cluster)
    x0 = x1 = y0 = y1 = 0.0
    for member in cluster:  # plain additions in order: sum() compensates rounding since Python 3.12
        box = member.box
        x0 += box.left
        x1 += box.left + box.width
        y1 += image_height - box.top
        y0 += image_height - box.top - box.height
    x0, x1, y0, y1 = x0 / n, x1 / n, y0 / n, y1 / n
    left, top, width, height = x0, image_height - y1, x1 - x0, y1 - y0
    confidence = 0.0
    if has_confidence:
        total = 0.0
        for member in cluster:
            total += box_iou(_corner(member.box), (left, top, width, height))
        share = min(n / n_answers, 1.0)
        confidence = round(min(0.97, max(0.05, total / n * (1 - (1 - share) ** 1.6))), 2)
    return ConsolidatedBox(
        class_id=cluster[0].box.class_id,
        left=_integral(left),
        top=_integral(top),
        width=_integral(width),
        height=_integral(height),
        confidence=confidence,
    )


def _corner(box: LabeledBox) -> tuple[float, float, float, float]:
    return (box.left, box.top, box.width, box.height)


def _integral(value: float) -> float:
    return int(value) if value.is_integer() else value
